import { badRequest } from '../failure.ts'
import type { Params } from '../request.ts'
import type { Chat } from '../world/chat.ts'
import type { StoredMessage } from '../world/message.ts'
import { captionOf, send, textOf, writableChat } from './content.ts'
import type { Backend, Method } from './method.ts'

const deletableMs = 48 * 3_600_000

const actions = new Set(
  'typing upload_photo record_video upload_video record_voice upload_voice upload_document choose_sticker find_location record_video_note upload_video_note'.split(
    ' ',
  ),
)

/** Sending, copying, deleting, reacting, pinning. */
export const messageMethods: Record<string, Method> = {
  sendMessage(backend, params) {
    const chat = writableChat(backend, params)
    return send(backend, chat, params, textOf(backend, params)).api
  },

  forwardMessage(backend, params) {
    const chat = writableChat(backend, params)
    const source = sourceOf(backend, params, 'forward')
    const { api } = source
    return send(backend, chat, params, {
      ...contentOf(source),
      forward_origin: api.from
        ? { type: 'user', sender_user: api.from, date: api.date }
        : { type: 'channel', chat: api.chat, message_id: api.message_id, date: api.date },
    }).api
  },

  copyMessage(backend, params) {
    const chat = writableChat(backend, params)
    const source = sourceOf(backend, params, 'copy')
    const caption = params.has('caption') ? captionOf(backend, params) : {}
    const copy = send(backend, chat, params, { ...contentOf(source), ...caption })
    return { message_id: copy.id }
  },

  deleteMessage(backend, params) {
    const chat = writableChat(backend, params)
    backend.world.remove(deletable(backend, chat, params.integer('message_id')))
    return true
  },

  deleteMessages(backend, params) {
    const chat = writableChat(backend, params)
    const ids = params.json('message_ids')
    if (!Array.isArray(ids)) throw badRequest('message identifiers are not specified')
    // What is not there is passed over, says the documentation of deleteMessages.
    for (const id of ids) {
      const message = chat.message(Number(id))
      if (message) backend.world.remove(deletable(backend, chat, message.id))
    }
    return true
  },

  sendChatAction(backend, params) {
    const chat = writableChat(backend, params)
    const action = params.string('action')
    if (!actions.has(action)) throw badRequest('wrong parameter action in request')
    const threadId = params.has('message_thread_id')
      ? params.integer('message_thread_id')
      : undefined
    backend.world.events.emit('typing', { chatId: chat.id, threadId, action })
    return true
  },

  setMessageReaction(backend, params) {
    const chat = writableChat(backend, params)
    const message = chat.message(params.integer('message_id'))
    if (!message) throw badRequest('message to react not found')
    const reactions = params.json('reaction') ?? []
    if (!Array.isArray(reactions)) throw badRequest("can't parse reaction JSON object")
    const emoji = reactions.map((r: { emoji?: unknown } | null) => String(r?.emoji ?? ''))
    if (emoji.some((e) => e === '')) throw badRequest('REACTION_INVALID')
    if (emoji.length > 1) throw badRequest('REACTIONS_TOO_MANY')
    message.reactions.set(backend.world.bot.id, emoji)
    backend.world.events.emit('reaction', message)
    return true
  },

  pinChatMessage(backend, params) {
    const chat = writableChat(backend, params)
    requireAdministrator(backend, chat, 'manage pinned messages in the chat')
    const message = chat.message(params.integer('message_id'))
    if (!message) throw badRequest('message to pin not found')
    backend.world.pin(chat, message)
    return true
  },

  unpinChatMessage(backend, params) {
    const chat = writableChat(backend, params)
    requireAdministrator(backend, chat, 'manage pinned messages in the chat')
    if (!chat.pinned) throw badRequest('message to unpin not found')
    backend.world.pin(chat, undefined)
    return true
  },
}

function sourceOf({ world }: Backend, params: Params, verb: string): StoredMessage {
  const from = world.resolve(params.string('from_chat_id'))
  const message = from.message(params.integer('message_id'))
  if (!message) throw badRequest(`message to ${verb} not found`)
  return message
}

/** What is said in a message, without who, when and where. */
function contentOf({ api }: StoredMessage) {
  const {
    message_id: _id,
    date: _date,
    chat: _chat,
    from: _from,
    sender_chat: _sender,
    edit_date: _edited,
    reply_to_message: _reply,
    reply_markup: _markup,
    message_thread_id: _thread,
    is_topic_message: _topic,
    ...content
  } = api
  return content
}

function deletable({ world }: Backend, chat: Chat, id: number): StoredMessage {
  const message = chat.message(id)
  if (!message) throw badRequest('message to delete not found')
  const own = message.byBot || chat.isPrivate || chat.isAdministrator(world.bot.id)
  const old = message.api.date * 1000 + deletableMs < world.now()
  if (!own || old) throw badRequest("message can't be deleted")
  return message
}

function requireAdministrator({ world }: Backend, chat: Chat, what: string): void {
  if (!chat.isPrivate && !chat.isAdministrator(world.bot.id)) {
    throw badRequest(`not enough rights to ${what}`)
  }
}
