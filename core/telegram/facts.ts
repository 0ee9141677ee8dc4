import { z } from 'zod'
import type { KnownUpdateKind } from './kinds.ts'

/** An update as it came: only its id has been checked. */
export interface IncomingUpdate {
  readonly update_id: number
}

/** Who Telegram says acted; only `id` may be trusted, names change. */
export interface UpdateActor {
  readonly id: number
  readonly is_bot?: boolean
  readonly first_name?: string
  readonly last_name?: string
  readonly username?: string
  readonly language_code?: string
}

/** What the rest of the program may believe about an update without looking into it. */
export interface UpdateFacts {
  readonly updateId: number
  /** The update's field: `message`, `callback_query`, …, also kinds newer than this program; `unknown` if it has none. */
  readonly kind: string
  readonly chatId?: number
  /** `private`, `group`, `supergroup` or `channel`. */
  readonly chatType?: string
  /** The person who acted. Absent when nobody can be held to it: refuse then. */
  readonly userId?: number
  readonly from?: UpdateActor
  /** The chat in whose name it was written (anonymous admins, channels): then there is no person. */
  readonly senderChatId?: number
  readonly messageId?: number
  /** The forum topic. Not the thread of a reply: outside forums Telegram refuses to send into those. */
  readonly threadId?: number
  /** Text or caption of a message. */
  readonly text?: string
  /** Data of a pressed button. */
  readonly data?: string
  /** When it happened, Unix seconds; absent for presses: Telegram gives the message's date only. */
  readonly date?: number
  readonly isEdited: boolean
  readonly isForwarded: boolean
  /** Updates of one lane are handled in order: the chat's, else the person's, else its own. */
  readonly lane: string
}

type Fields = Readonly<Record<string, unknown>>
type Mutable<T> = { -readonly [K in keyof T]?: T[K] | undefined }

const updateShape = z.looseObject({ update_id: z.int().nonnegative() })

/**
 * Checks what came from outside as far as everything else relies on it: an object with an integer
 * `update_id`. The rest is read tolerantly by {@link factsOf}.
 * @returns the same object, or undefined if it is no update
 */
export function parseUpdate(value: unknown): IncomingUpdate | undefined {
  // The input itself, not zod's copy: unknown fields stay as they came.
  return updateShape.safeParse(value).success ? (value as IncomingUpdate) : undefined
}

/**
 * Derives kind, actor, chat and lane of any update: the one place that does. Telegraf's `ctx.chat`
 * and `ctx.from` know only the kinds of Bot API 7.1. A kind not known here has no actor and no
 * chat, so that it is refused and orders nothing.
 */
export function factsOf(update: IncomingUpdate): UpdateFacts {
  const kind = kindOf(update)
  // Outside input: each field is checked where it is read.
  const body = fieldsOf((update as unknown as Fields)[kind]) ?? {}
  const facts = isKnown(kind) ? readers[kind](body) : {}
  return {
    ...withoutUndefined(facts),
    updateId: update.update_id,
    kind,
    isEdited: kind.startsWith('edited_'),
    isForwarded: facts.isForwarded === true,
    lane: laneOf(facts, update.update_id),
  }
}

function kindOf(update: IncomingUpdate): string {
  for (const key in update) {
    if (key !== 'update_id') return key
  }
  return 'unknown'
}

function laneOf(facts: Mutable<UpdateFacts>, updateId: number): string {
  if (facts.chatId !== undefined) return `chat:${facts.chatId}`
  if (facts.userId !== undefined) return `user:${facts.userId}`
  return `update:${updateId}`
}

type Reader = (body: Fields) => Mutable<UpdateFacts>

const readers: Readonly<Record<KnownUpdateKind, Reader>> = {
  message,
  edited_message: message,
  channel_post: message,
  edited_channel_post: message,
  business_message: businessMessage,
  edited_business_message: businessMessage,
  guest_message: message,
  business_connection: (body) => ({
    ...actor(body.user),
    chatId: integer(body.user_chat_id),
    chatType: 'private',
    date: integer(body.date),
  }),
  deleted_business_messages: chat,
  stopped_message_generation: (body) => ({
    ...chat(body),
    threadId: integer(body.message_thread_id),
    // Drafts are streamed to private chats only, where the chat's id is the person's.
    ...(fieldsOf(body.chat)?.type === 'private' ? actor(body.chat) : {}),
  }),
  message_reaction: (body) => ({
    ...chat(body),
    // A reaction in a chat's name has `actor_chat`, never both.
    ...(body.actor_chat === undefined ? actor(body.user) : sender(body.actor_chat)),
    messageId: integer(body.message_id),
    date: integer(body.date),
  }),
  message_reaction_count: (body) => ({
    ...chat(body),
    messageId: integer(body.message_id),
    date: integer(body.date),
  }),
  inline_query: fromOnly,
  chosen_inline_result: fromOnly,
  shipping_query: fromOnly,
  pre_checkout_query: fromOnly,
  purchased_paid_media: fromOnly,
  callback_query: press,
  poll: () => ({}),
  poll_answer: (body) =>
    body.voter_chat === undefined ? actor(body.user) : sender(body.voter_chat),
  my_chat_member: membership,
  chat_member: membership,
  chat_join_request: membership,
  chat_boost: (body) => ({ ...chat(body), ...booster(body) }),
  // The user of a removed boost is whom it belonged to; nobody acted.
  removed_chat_boost: (body) => ({ ...chat(body), date: integer(body.remove_date) }),
  managed_bot: (body) => actor(body.user),
  // A payment that failed is nobody's act.
  subscription: (body) => (body.state === 'failed' ? {} : actor(body.user)),
}

function message(body: Fields): Mutable<UpdateFacts> {
  return {
    ...chat(body),
    // With `sender_chat` the field `from` holds a stand-in (GroupAnonymousBot, Channel Bot) for
    // old clients (Bot API, Message): a role given to it would be given to every anonymous admin.
    ...(body.sender_chat === undefined ? actor(body.from) : sender(body.sender_chat)),
    messageId: integer(body.message_id),
    threadId: topic(body),
    text: string(body.text) ?? string(body.caption),
    date: integer(body.date),
    isForwarded: body.forward_origin !== undefined || body.forward_date !== undefined,
  }
}

function businessMessage(body: Fields): Mutable<UpdateFacts> {
  const facts = message(body)
  if (body.sender_business_bot === undefined) return facts
  // A bot wrote it in the name of the account's owner.
  return { ...facts, from: undefined, userId: undefined }
}

function press(body: Fields): Mutable<UpdateFacts> {
  const pressed = fieldsOf(body.message)
  return {
    ...(pressed === undefined ? {} : chat(pressed)),
    ...actor(body.from),
    messageId: integer(pressed?.message_id),
    threadId: pressed === undefined ? undefined : topic(pressed),
    data: string(body.data),
  }
}

function membership(body: Fields): Mutable<UpdateFacts> {
  return { ...chat(body), ...actor(body.from), date: integer(body.date) }
}

function fromOnly(body: Fields): Mutable<UpdateFacts> {
  return actor(body.from)
}

function booster(body: Fields): Mutable<UpdateFacts> {
  const boost = fieldsOf(body.boost)
  const source = fieldsOf(boost?.source)
  return {
    // Gift codes and giveaways name who received something, not who did something.
    ...(source?.source === 'premium' ? actor(source.user) : {}),
    date: integer(boost?.add_date),
  }
}

function chat(body: Fields): Mutable<UpdateFacts> {
  const value = fieldsOf(body.chat)
  return { chatId: integer(value?.id), chatType: string(value?.type) }
}

function topic(body: Fields): number | undefined {
  return body.is_topic_message === true ? integer(body.message_thread_id) : undefined
}

function actor(value: unknown): Mutable<UpdateFacts> {
  const user = fieldsOf(value)
  const id = integer(user?.id)
  if (user === undefined || id === undefined) return {}
  // The id has been checked; all other fields are for show.
  return { userId: id, from: shown(user as unknown as UpdateActor) }
}

/** What moves or hides the text around it: line ends and other controls, and overrides of the writing direction. */
const disguises = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu

/** People choose their names: in a list of people none may look like another line of it, or turn its line around. */
function shown(user: UpdateActor): UpdateActor {
  const { first_name, last_name } = user
  const [first, last] = [plainName(first_name), plainName(last_name)]
  if (first === first_name && last === last_name) return user
  return {
    ...user,
    ...(first === undefined ? {} : { first_name: first }),
    ...(last === undefined ? {} : { last_name: last }),
  }
}

function plainName(name: unknown): string | undefined {
  return string(name)?.replaceAll(disguises, ' ').trim()
}

function sender(value: unknown): Mutable<UpdateFacts> {
  return { senderChatId: integer(fieldsOf(value)?.id) }
}

function isKnown(kind: string): kind is KnownUpdateKind {
  return Object.hasOwn(readers, kind)
}

function fieldsOf(value: unknown): Fields | undefined {
  // An object from JSON: its fields are unknown until read.
  return typeof value === 'object' && value !== null ? (value as Fields) : undefined
}

function integer(value: unknown): number | undefined {
  return Number.isSafeInteger(value) ? (value as number) : undefined
}

function string(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function withoutUndefined(facts: Mutable<UpdateFacts>): Partial<UpdateFacts> {
  const fields: Fields = facts
  const result: Record<string, unknown> = {}
  for (const key in fields) {
    if (fields[key] !== undefined) result[key] = fields[key]
  }
  return result
}
