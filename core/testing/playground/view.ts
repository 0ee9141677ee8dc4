import type { FakeBotApi } from '../bot-api/api.ts'
import type { ApiEntity, ApiMessage, ApiReplyKeyboard, ApiUser } from '../bot-api/wire.ts'
import type { Chat } from '../bot-api/world/chat.ts'
import { type MediaKind, mediaKinds } from '../bot-api/world/files.ts'
import type { CallbackAnswer, StoredMessage } from '../bot-api/world/message.ts'
import type { PlaygroundPerson } from './scene.ts'

/** Messages of a chat that a freshly opened page gets. */
const shownMessages = 200

/** A message as the page draws it. Everything in it is text to the page, never markup. */
export interface MessageView {
  chat: number
  id: number
  /** Unix time, seconds. */
  date: number
  from: { id: number; name: string; bot: boolean }
  text: string
  entities: readonly ApiEntity[]
  media?: MediaView
  buttons: readonly (readonly { text: string; data?: string; url?: string }[])[]
  keyboard?: ApiReplyKeyboard
  edited: boolean
  silent: boolean
  reply?: { id: number; name: string; text: string }
  forwarded?: string
  /** What happened, for joins and the like; such a message has no text. */
  service?: string
  reactions: readonly { emoji: string; by: readonly number[] }[]
  thread?: number
}

export interface MediaView {
  kind: MediaKind
  file: string
  name: string
  /** Bytes. */
  size: number
  width?: number
  height?: number
}

export interface ChatView {
  id: number
  type: string
  title: string
  members: readonly number[]
  administrators: readonly number[]
  topics: readonly { id: number; name: string }[]
  pinned?: MessageView
  /** The bot can't write here; why. */
  refusal?: string
}

export function messageView(message: StoredMessage): MessageView {
  const { api } = message
  const media = mediaOf(api)
  const service = serviceOf(api)
  const forwarded = forwardedOf(api)
  const replied = api.reply_to_message
  return {
    chat: message.chatId,
    id: message.id,
    date: api.date,
    from: authorOf(api),
    text: message.text,
    entities: message.entities,
    ...(media && { media }),
    buttons: (api.reply_markup?.inline_keyboard ?? []).map((row) =>
      row.map(({ text, callback_data: data, url }) => ({
        text,
        ...(data !== undefined && { data }),
        ...(url !== undefined && { url }),
      })),
    ),
    ...(message.keyboard && { keyboard: message.keyboard }),
    edited: api.edit_date !== undefined,
    silent: message.silent,
    ...(replied && {
      reply: {
        id: replied.message_id,
        name: authorOf(replied).name,
        text: replied.text ?? replied.caption ?? mediaOf(replied)?.name ?? '',
      },
    }),
    ...(forwarded && { forwarded }),
    ...(service && { service }),
    reactions: reactionsOf(message),
    ...(api.message_thread_id !== undefined && { thread: api.message_thread_id }),
  }
}

export function chatView(chat: Chat): ChatView {
  return {
    id: chat.id,
    type: chat.api.type,
    title: chat.api.title ?? '',
    members: chat.isPrivate
      ? [chat.id]
      : [...chat.members.keys()].filter((id) => chat.isMember(id)),
    administrators: [...chat.members.keys()].filter((id) => chat.isAdministrator(id)),
    topics: [...chat.topics].map(([id, name]) => ({ id, name })),
    ...(chat.pinned && { pinned: messageView(chat.pinned) }),
    ...(chat.refusal && { refusal: chat.refusal }),
  }
}

/** All a page needs when it opens. */
export function sceneView(api: FakeBotApi, people: readonly PlaygroundPerson[]) {
  const chats = [...api.world.chats]
  return {
    bot: { id: api.bot.id, name: nameOf(api.bot), username: api.bot.username ?? '' },
    people: people.map(({ person, note }) => ({
      id: person.id,
      name: nameOf(person.user),
      username: person.user.username ?? '',
      note,
    })),
    chats: chats.map(chatView),
    messages: chats.flatMap((chat) => chat.messages.slice(-shownMessages).map(messageView)),
  }
}

export function answerView({ press, text, alert, url }: CallbackAnswer) {
  return {
    press: press.id,
    as: press.from.id,
    chat: press.message.chatId,
    message: press.message.id,
    text,
    alert,
    url,
  }
}

function authorOf(api: ApiMessage): MessageView['from'] {
  if (api.from) return { id: api.from.id, name: nameOf(api.from), bot: api.from.is_bot }
  return { id: api.chat.id, name: api.chat.title ?? '', bot: false }
}

function nameOf(user: ApiUser): string {
  return [user.first_name, user.last_name].filter(Boolean).join(' ')
}

function mediaOf(api: ApiMessage): MediaView | undefined {
  for (const kind of mediaKinds) {
    const file = kind === 'photo' ? api.photo?.at(-1) : api[kind]
    if (!file) continue
    return {
      kind,
      file: file.file_id,
      name: file.file_name ?? kind.replace('_', ' '),
      size: file.file_size ?? 0,
      ...(file.width && { width: file.width }),
      ...(file.height && { height: file.height }),
    }
  }
  return undefined
}

function serviceOf(api: ApiMessage): string | undefined {
  const by = api.from ? nameOf(api.from) : ''
  if (api.new_chat_members) return `${api.new_chat_members.map(nameOf).join(', ')} joined the group`
  if (api.left_chat_member) return `${nameOf(api.left_chat_member)} left the group`
  if (api.new_chat_title) return `${by} renamed the group to ${api.new_chat_title}`
  if (api.migrate_to_chat_id) return 'The group has become a supergroup'
  return undefined
}

function forwardedOf(api: ApiMessage): string | undefined {
  const origin = api.forward_origin
  if (!origin) return undefined
  const user = origin.sender_user
  if (typeof user === 'object' && user !== null && 'first_name' in user) {
    return String(user.first_name)
  }
  return String(origin.sender_user_name ?? 'a channel')
}

function reactionsOf(message: StoredMessage): MessageView['reactions'] {
  const by = new Map<string, number[]>()
  for (const [id, emoji] of message.reactions) {
    for (const e of emoji) by.set(e, [...(by.get(e) ?? []), id])
  }
  return [...by].map(([emoji, ids]) => ({ emoji, by: ids }))
}
