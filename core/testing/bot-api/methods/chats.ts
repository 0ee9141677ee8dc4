import { badRequest, forbidden } from '../failure.ts'
import type { Params } from '../request.ts'
import type { ApiUser, MemberStatus } from '../wire.ts'
import type { Chat } from '../world/chat.ts'
import type { Backend, Method } from './method.ts'

/** Asking about chats and leaving them. */
export const chatMethods: Record<string, Method> = {
  getChat(backend, params) {
    const chat = readableChat(backend, params)
    return {
      ...chat.api,
      accent_color_id: 0,
      max_reaction_count: 11,
      accepted_gift_types: {
        unlimited_gifts: false,
        limited_gifts: false,
        unique_gifts: false,
        premium_subscription: false,
      },
      ...(chat.pinned && { pinned_message: chat.pinned.api }),
    }
  },

  getChatMember(backend, params) {
    const chat = readableChat(backend, params)
    return memberOf(backend, chat, userOf(backend, params))
  },

  getChatAdministrators(backend, params) {
    const chat = readableChat(backend, params)
    if (chat.isPrivate) throw badRequest('there are no administrators in the private chat')
    return [...chat.members.keys()]
      .filter((id) => chat.isAdministrator(id))
      .map((id) => memberOf(backend, chat, userById(backend, id)))
  },

  getChatMemberCount(backend, params) {
    const chat = readableChat(backend, params)
    return chat.isPrivate ? 2 : [...chat.members.keys()].filter((id) => chat.isMember(id)).length
  },

  leaveChat(backend, params) {
    const chat = readableChat(backend, params)
    if (chat.isPrivate) throw badRequest("chat member status can't be changed in private chats")
    const { world } = backend
    world.setMember(chat, world.bot, 'left', world.bot)
    return true
  },
}

function readableChat({ world }: Backend, params: Params): Chat {
  const chat = world.resolve(params.string('chat_id'))
  if (!chat.isPrivate && !chat.isMember(world.bot.id)) {
    throw forbidden(
      `bot is not a member of the ${chat.api.type === 'channel' ? 'channel' : 'supergroup'} chat`,
    )
  }
  return chat
}

function userOf(backend: Backend, params: Params): ApiUser {
  return userById(backend, params.integer('user_id'))
}

function userById({ world }: Backend, id: number): ApiUser {
  const user = id === world.bot.id ? world.bot : world.personById(id)?.user
  if (!user) throw badRequest('user not found')
  return user
}

function memberOf(_backend: Backend, chat: Chat, user: ApiUser) {
  const status: MemberStatus = chat.isPrivate ? 'member' : (chat.members.get(user.id) ?? 'left')
  const rights = status === 'creator' || status === 'administrator' ? { is_anonymous: false } : {}
  return { user, status, ...rights }
}
