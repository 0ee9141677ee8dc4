import type { ApiUpdate } from '../wire.ts'

/** Telegram forgets what was not fetched in time (tdlib/telegram-bot-api, Client.cpp). Milliseconds. */
const lifetimes: Readonly<Record<string, number>> = {
  callback_query: 150_000,
  shipping_query: 150_000,
  pre_checkout_query: 150_000,
  inline_query: 30_000,
}
const messageLifetime = 24 * 3_600_000

/** Sent only to a bot that asked for them by name. */
const onlyWhenAsked = new Set(['chat_member', 'message_reaction', 'message_reaction_count'])

interface Pending {
  readonly update: ApiUpdate
  readonly expiresAt: number
}

/**
 * What waits for the bot, in order. An update stays until a later `offset` confirms it or its time
 * is over; which kinds are made at all is decided when they happen, not when they are fetched.
 */
export class UpdateQueue {
  /** Called after each push; the long poll wakes on it. */
  onPush: () => void = () => undefined
  readonly #now: () => number
  #items: Pending[] = []
  #head = 0
  #nextId: number
  #allowed: ReadonlySet<string> | undefined
  #confirmed = 0

  constructor(now: () => number, firstId: number) {
    this.#now = now
    this.#nextId = firstId
  }

  /** Updates not yet confirmed. */
  get size(): number {
    return this.#items.length - this.#head
  }

  /** Updates that an offset has confirmed so far. */
  get confirmed(): number {
    return this.#confirmed
  }

  /** The kinds asked for; undefined: Telegram's default set. */
  get allowed(): readonly string[] | undefined {
    return this.#allowed && [...this.#allowed]
  }

  /** `[]` brings the default set back. */
  allow(kinds: readonly string[]): void {
    this.#allowed = kinds.length > 0 ? new Set(kinds) : undefined
  }

  /** Makes an update, unless the bot did not ask for its kind: then nothing, for ever. */
  push(kind: string, payload: unknown): ApiUpdate | undefined {
    const wanted = this.#allowed ? this.#allowed.has(kind) : !onlyWhenAsked.has(kind)
    if (!wanted) return undefined
    return this.#append({ update_id: this.#nextId, [kind]: payload }, kind)
  }

  /** Takes an update as it is, whatever was asked for; gives it an id if it has none. */
  inject(update: Record<string, unknown>): ApiUpdate {
    const kind = Object.keys(update).find((key) => key !== 'update_id') ?? ''
    return this.#append({ update_id: this.#nextId, ...update }, kind)
  }

  /** Forgets all below `offset`; a negative one keeps only the last ones. Returns what it forgot. */
  confirm(offset: number): ApiUpdate[] {
    const from = this.#head
    if (offset < 0) {
      this.#head = Math.max(this.#head, this.#items.length + offset)
    } else {
      while (this.#below(offset)) this.#head++
    }
    const forgotten = this.#items.slice(from, this.#head).map((item) => item.update)
    this.#confirmed += forgotten.length
    // Cutting the array now and then, not each time: shift() on tens of thousands is quadratic.
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return forgotten
  }

  /** The oldest ones still alive, without forgetting them. */
  peek(limit: number): ApiUpdate[] {
    const now = this.#now()
    const out: ApiUpdate[] = []
    for (let i = this.#head; i < this.#items.length && out.length < limit; i++) {
      const item = this.#items[i]
      if (item && item.expiresAt > now) out.push(item.update)
      else if (i === this.#head) this.#head++
    }
    return out
  }

  clear(): void {
    this.#items = []
    this.#head = 0
  }

  #below(offset: number): boolean {
    const item = this.#items[this.#head]
    return item !== undefined && item.update.update_id < offset
  }

  #append(update: ApiUpdate, kind: string): ApiUpdate {
    this.#nextId = Math.max(this.#nextId, update.update_id + 1)
    this.#items.push({ update, expiresAt: this.#now() + (lifetimes[kind] ?? messageLifetime) })
    this.onPush()
    return update
  }
}
