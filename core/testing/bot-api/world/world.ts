import type { EventEmitter } from 'node:events'
import type { FakeBotApiEvents } from '../events.ts'
import { badRequest } from '../failure.ts'
import type { UpdateQueue } from '../updates/queue.ts'
import type { ApiMessage, ApiReplyKeyboard, ApiUpdate, ApiUser, MemberStatus } from '../wire.ts'
import { Chat } from './chat.ts'
import { Commands } from './commands.ts'
import { Files } from './files.ts'
import { type CallbackAnswer, type Press, StoredMessage } from './message.ts'
import { Person } from './person.ts'

export interface PersonOptions {
  id?: number
  firstName?: string
  lastName?: string
  username?: string
  languageCode?: string
  /** False: has never written to the bot, which then can't begin. Default true. */
  started?: boolean
}

export interface GroupOptions {
  id?: number
  title?: string
  /** Default `supergroup`, what nearly all groups are by now. */
  type?: 'group' | 'supergroup' | 'channel'
  members?: readonly Person[]
  /** These are administrators, the first one the creator. */
  administrators?: readonly Person[]
  /** A supergroup with topics. */
  forum?: boolean
  /** Default `member`. */
  bot?: MemberStatus
}

export interface WorldOptions {
  bot: ApiUser
  now: () => number
  queue: UpdateQueue
  events: EventEmitter<FakeBotApiEvents>
  historyLimit: number
  privacyMode: boolean
}

/** What a message says, without what the world adds: id, date, chat. */
export type Content = Omit<ApiMessage, 'message_id' | 'date' | 'chat'>

/** How long a press can be answered, ms; later Telegram calls it too old. */
const pressLifetime = 150_000

/** The people and chats around the bot under test, and all that was said. */
export class World {
  readonly bot: ApiUser
  readonly files = new Files()
  readonly commands = new Commands()
  readonly now: () => number
  readonly events: EventEmitter<FakeBotApiEvents>
  readonly #queue: UpdateQueue
  readonly #historyLimit: number
  readonly #privacyMode: boolean
  readonly #people = new Map<number, Person>()
  readonly #chats = new Map<number, Chat>()
  readonly #presses = new Map<string, Press & { resolve(answer: CallbackAnswer): void }>()
  readonly #messageIds = new Map<number, number>()
  #sharedMessageId = 0
  #nextPersonId = 1_000_001
  #nextGroupId = 1

  constructor(options: WorldOptions) {
    this.bot = options.bot
    this.now = options.now
    this.events = options.events
    this.#queue = options.queue
    this.#historyLimit = options.historyLimit
    this.#privacyMode = options.privacyMode
  }

  get chats(): Iterable<Chat> {
    return this.#chats.values()
  }

  get people(): Iterable<Person> {
    return this.#people.values()
  }

  /** Adds a person and the private chat with the bot. */
  person(options: PersonOptions = {}): Person {
    const id = options.id ?? this.#nextPersonId++
    const user: ApiUser = {
      id,
      is_bot: false,
      first_name: options.firstName ?? `User ${id}`,
      ...(options.lastName && { last_name: options.lastName }),
      ...(options.username && { username: options.username }),
      language_code: options.languageCode ?? 'en',
    }
    const { is_bot: _bot, language_code: _language, ...names } = user
    const chat = this.#addChat({ ...names, type: 'private' })
    if (options.started === false) chat.refusal = "bot can't initiate conversation with a user"
    const person = new Person(this, user, chat)
    this.#people.set(id, person)
    return person
  }

  personById(id: number): Person | undefined {
    return this.#people.get(id)
  }

  /** Adds a group, supergroup or channel with these people and the bot in it. */
  group(options: GroupOptions = {}): Chat {
    const type = options.type ?? 'supergroup'
    const number = this.#nextGroupId++
    const id = options.id ?? (type === 'group' ? -number : -1_000_000_000_000 - number)
    const chat = this.#addChat({
      id,
      type,
      title: options.title ?? `Group ${number}`,
      ...(options.forum && { is_forum: true as const }),
    })
    chat.members.set(this.bot.id, options.bot ?? 'member')
    for (const member of options.members ?? []) chat.members.set(member.id, 'member')
    for (const [i, member] of (options.administrators ?? []).entries()) {
      chat.members.set(member.id, i === 0 ? 'creator' : 'administrator')
    }
    return chat
  }

  /** Opens a topic in a forum; returns its thread id. */
  topic(chat: Chat, name: string): number {
    const id = this.#nextMessageId(chat)
    chat.topics.set(id, name)
    return id
  }

  /** A group becomes a supergroup: a new id, and 400 with `migrate_to_chat_id` for the old one. */
  migrate(group: Chat): Chat {
    const next = this.group({ title: group.api.title ?? '' })
    for (const [id, status] of group.members) next.members.set(id, status)
    const author = { from: this.bot }
    this.deliver(this.post(group, { ...author, migrate_to_chat_id: next.id }))
    this.deliver(this.post(next, { ...author, migrate_from_chat_id: group.id }))
    group.migratedTo = next.id
    return next
  }

  chat(id: number): Chat | undefined {
    return this.#chats.get(id)
  }

  /** A chat by number, its text, or `@name` of a channel or supergroup. @throws {ApiFailure} 400 */
  resolve(ref: string): Chat {
    if (ref === '') throw badRequest('chat_id is empty')
    const chat = ref.startsWith('@')
      ? [...this.#chats.values()].find((c) => !c.isPrivate && `@${c.api.username}` === ref)
      : this.#chats.get(Number(ref))
    if (!chat) throw badRequest('chat not found')
    return chat
  }

  /** Writes a message into a chat; the bot hears of it by `deliver` alone. */
  post(
    chat: Chat,
    content: Content,
    options: { silent?: boolean; keyboard?: ApiReplyKeyboard | undefined } = {},
  ): StoredMessage {
    const stored = new StoredMessage(
      {
        message_id: this.#nextMessageId(chat),
        date: Math.floor(this.now() / 1000),
        chat: chat.api,
        ...content,
      },
      { byBot: content.from?.id === this.bot.id, ...options },
    )
    chat.add(stored)
    this.events.emit('message', stored)
    return stored
  }

  /** Puts a new state in place of the old. A change of buttons alone doesn't count as edited. */
  edit(stored: StoredMessage, next: ApiMessage, buttonsOnly = false): void {
    stored.api = buttonsOnly ? next : { ...next, edit_date: Math.floor(this.now() / 1000) }
    stored.edits++
    this.events.emit('edit', stored)
  }

  remove(stored: StoredMessage): void {
    const chat = this.#chats.get(stored.chatId)
    chat?.remove(stored)
    stored.deleted = true
    if (chat?.pinned === stored) chat.pinned = undefined
    this.events.emit('delete', stored)
  }

  pin(chat: Chat, message: StoredMessage | undefined): void {
    chat.pinned = message
    this.events.emit('chat', chat)
  }

  /** Tells the bot of a person's message, if Telegram would. */
  deliver(stored: StoredMessage, edited = false): void {
    const chat = this.#chats.get(stored.chatId)
    if (!chat || !this.#botSees(chat, stored)) return
    const kind = chat.api.type === 'channel' ? 'channel_post' : 'message'
    this.push(edited ? `edited_${kind}` : kind, stored.api)
  }

  push(kind: string, payload: unknown): ApiUpdate | undefined {
    const update = this.#queue.push(kind, payload)
    if (update) this.events.emit('update', update)
    return update
  }

  press(from: ApiUser, message: StoredMessage, data: string): Press {
    const { promise, resolve } = Promise.withResolvers<CallbackAnswer>()
    const id = `${this.now()}${Math.floor(Math.random() * 1e6)}`
    const press = { id, from, message, data, at: this.now(), answered: promise, answer: undefined }
    const open = { ...press, resolve }
    this.#presses.set(id, open)
    for (const [oldId, old] of this.#presses) {
      if (old.at + pressLifetime > this.now()) break
      this.#presses.delete(oldId)
    }
    this.events.emit('press', open)
    this.push('callback_query', {
      id,
      from,
      message: message.api,
      chat_instance: String(message.chatId),
      data,
    })
    return open
  }

  /** @throws {ApiFailure} 400 when the press is unknown or too old */
  answerPress(id: string, said: { text: string; alert: boolean; url: string }): void {
    const press = this.#presses.get(id)
    if (!press || press.at + pressLifetime < this.now()) {
      throw badRequest('query is too old and response timeout expired or query ID is invalid')
    }
    press.answer = { press, ...said }
    press.resolve(press.answer)
    this.events.emit('answer', press.answer)
  }

  /** Changes somebody's membership and tells the bot as Telegram would. */
  setMember(chat: Chat, user: ApiUser, status: MemberStatus, by: ApiUser): void {
    const before: MemberStatus = chat.isPrivate
      ? status === 'kicked'
        ? 'member'
        : 'kicked'
      : (chat.members.get(user.id) ?? 'left')
    if (!chat.isPrivate) chat.members.set(user.id, status)
    const member = (state: MemberStatus) => ({ user, status: state, ...untilDate(state) })
    const change = {
      chat: chat.api,
      from: by,
      date: Math.floor(this.now() / 1000),
      old_chat_member: member(before),
      new_chat_member: member(status),
    }
    if (user.id === this.bot.id) this.push('my_chat_member', change)
    else if (chat.isAdministrator(this.bot.id)) this.push('chat_member', change)
    this.events.emit('chat', chat)
  }

  #botSees(chat: Chat, stored: StoredMessage): boolean {
    if (chat.isPrivate) return true
    if (!chat.isMember(this.bot.id)) return false
    if (!this.#privacyMode || chat.isAdministrator(this.bot.id)) return true
    const { api } = stored
    // Service messages have neither text nor caption.
    if (api.text === undefined && api.caption === undefined && !api.photo && !api.document)
      return true
    if (api.reply_to_message?.from?.id === this.bot.id) return true
    const text = stored.text
    return stored.entities.some((entity) => {
      const part = text.slice(entity.offset, entity.offset + entity.length)
      if (entity.type === 'bot_command') {
        return !part.includes('@') || part.endsWith(`@${this.bot.username}`)
      }
      return entity.type === 'mention' && part === `@${this.bot.username}`
    })
  }

  #addChat(api: Chat['api']): Chat {
    const chat = new Chat(api, this.#historyLimit)
    this.#chats.set(api.id, chat)
    this.events.emit('chat', chat)
    return chat
  }

  /** Private chats and small groups share one sequence; supergroups and channels have their own. */
  #nextMessageId(chat: Chat): number {
    if (chat.isPrivate || chat.api.type === 'group') return ++this.#sharedMessageId
    const id = (this.#messageIds.get(chat.id) ?? 0) + 1
    this.#messageIds.set(chat.id, id)
    return id
  }
}

function untilDate(status: MemberStatus): { until_date?: number } {
  return status === 'kicked' ? { until_date: 0 } : {}
}
