import type { ApiChat, MemberStatus } from '../wire.ts'
import type { StoredMessage } from './message.ts'

/** Why the bot may not write to a chat; the words are Telegram's. */
export type Refusal =
  | 'bot was blocked by the user'
  | 'user is deactivated'
  | "bot can't initiate conversation with a user"
  | 'bot was kicked from the group chat'
  | 'bot was kicked from the supergroup chat'
  | 'bot was kicked from the channel chat'
  | 'bot is not a member of the supergroup chat'
  | 'bot is not a member of the channel chat'

/** A private chat, group, supergroup or channel and what was said in it. */
export class Chat {
  api: ApiChat
  /** Everybody who is or was in it, the bot too. Not used in private chats. */
  readonly members = new Map<number, MemberStatus>()
  /** Forum topics by thread id. */
  readonly topics = new Map<number, string>()
  /** Set: the bot gets 403 with these words. */
  refusal: Refusal | undefined
  /** Set once a group has become a supergroup: its new id. */
  migratedTo: number | undefined
  pinned: StoredMessage | undefined
  readonly #messages = new Map<number, StoredMessage>()
  readonly #limit: number

  constructor(api: ApiChat, historyLimit: number) {
    this.api = api
    this.#limit = historyLimit
  }

  get id(): number {
    return this.api.id
  }

  get isPrivate(): boolean {
    return this.api.type === 'private'
  }

  /** The messages, oldest first, without deleted ones. */
  get messages(): readonly StoredMessage[] {
    return [...this.#messages.values()]
  }

  message(id: number): StoredMessage | undefined {
    return this.#messages.get(id)
  }

  add(message: StoredMessage): void {
    this.#messages.set(message.id, message)
    if (this.#messages.size <= this.#limit) return
    const oldest = this.#messages.keys().next()
    if (!oldest.done) this.#messages.delete(oldest.value)
  }

  remove(message: StoredMessage): void {
    this.#messages.delete(message.id)
  }

  isMember(userId: number): boolean {
    const status = this.members.get(userId)
    return status !== undefined && status !== 'left' && status !== 'kicked'
  }

  isAdministrator(userId: number): boolean {
    const status = this.members.get(userId)
    return status === 'creator' || status === 'administrator'
  }
}
