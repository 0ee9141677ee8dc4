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

/** An update that waits for the bot. */
export interface Pending {
  readonly update: ApiUpdate
  readonly kind: string
  readonly expiresAt: number
  /** Delivered by webhook, out of turn. */
  isDone: boolean
}

/**
 * What waits for the bot, in order. An update stays until a later `offset` confirms it or its time
 * is over; which kinds are made at all is decided when they happen, not when they are fetched.
 */
export class UpdateQueue {
  readonly #listeners: (() => void)[] = []
  readonly #now: () => number
  #items: Pending[] = []
  #head = 0
  #nextId: number
  #allowed: ReadonlySet<string> | undefined
  #confirmed = 0
  /** Of those from the head on. */
  #done = 0

  constructor(now: () => number, firstId: number) {
    this.#now = now
    this.#nextId = firstId
  }

  /** Calls `wake` after each push. */
  onPush(wake: () => void): void {
    this.#listeners.push(wake)
  }

  /** Updates not yet confirmed. */
  get size(): number {
    return this.#items.length - this.#head - this.#done
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
    const passed = this.#items.slice(from, this.#head)
    const forgotten = passed.filter((item) => !item.isDone).map((item) => item.update)
    this.#confirmed += forgotten.length
    this.#done -= passed.length - forgotten.length
    this.#cut()
    return forgotten
  }

  /** The oldest ones still alive, as many as `limit`; what is too old is forgotten. */
  waiting(limit: number): readonly Pending[] {
    const now = this.#now()
    const found: Pending[] = []
    for (let i = this.#head; i < this.#items.length && found.length < limit; i++) {
      const item = this.#items[i]
      if (item === undefined || item.isDone) continue
      if (item.expiresAt > now) found.push(item)
      else this.#finish(item)
    }
    return found
  }

  /** Forgets one that was delivered, wherever it stands. */
  settle(item: Pending): void {
    if (item.isDone) return
    this.#confirmed += 1
    this.#finish(item)
  }

  /** The oldest ones still alive, without forgetting them. */
  peek(limit: number): ApiUpdate[] {
    const now = this.#now()
    const out: ApiUpdate[] = []
    for (let i = this.#head; i < this.#items.length && out.length < limit; i++) {
      const item = this.#items[i]
      if (item && !item.isDone && item.expiresAt > now) out.push(item.update)
      else if (item && !item.isDone && i === this.#head) this.#finish(item)
    }
    return out
  }

  clear(): void {
    this.#items = []
    this.#head = 0
    this.#done = 0
  }

  #finish(item: Pending): void {
    item.isDone = true
    this.#done += 1
    while (this.#items[this.#head]?.isDone) {
      this.#head += 1
      this.#done -= 1
    }
    this.#cut()
  }

  /** Cuts the array now and then, not each time: shift() on tens of thousands is quadratic. */
  #cut(): void {
    if (this.#head <= 1024 || this.#head * 2 <= this.#items.length) return
    this.#items = this.#items.slice(this.#head)
    this.#head = 0
  }

  #below(offset: number): boolean {
    const item = this.#items[this.#head]
    return item !== undefined && item.update.update_id < offset
  }

  #append(update: ApiUpdate, kind: string): ApiUpdate {
    this.#nextId = Math.max(this.#nextId, update.update_id + 1)
    const expiresAt = this.#now() + (lifetimes[kind] ?? messageLifetime)
    this.#items.push({ update, kind, expiresAt, isDone: false })
    for (const wake of this.#listeners) wake()
    return update
  }
}
