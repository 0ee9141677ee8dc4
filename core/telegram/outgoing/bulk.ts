import { type Clock, waitOn } from '../../clock.ts'

/** A bucket that fills at a steady rate; each send takes one token out of it. */
export interface Bucket {
  readonly key: string
  /** Tokens in a full one: so many sends may go at once. */
  readonly capacity: number
  readonly perSecond: number
}

/** Where the tokens are kept: in this process, or in a store that all instances share. */
export interface Buckets {
  /** Takes a token. @returns 0 when it was there, else how long it takes to come, ms; then none was taken */
  take(bucket: Bucket): number | Promise<number>
}

/**
 * Below what Telegram names as its limits: 30 messages a second in all, one a second in a chat, 20 a
 * minute in a group (core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this).
 */
const perBot: Bucket = { key: 'telegram:bot', capacity: 25, perSecond: 25 }

function bucketOf(chat: number | string): Bucket {
  const key = `telegram:chat:${chat}`
  // a name belongs to a group or a channel
  const isGroup = typeof chat === 'string' || chat < 0
  return isGroup ? { key, capacity: 18, perSecond: 18 / 60 } : { key, capacity: 1, perSecond: 1 }
}

/**
 * The lane of messages that nobody waits for: notices and broadcasts. They go at a pace that Telegram
 * doesn't limit, so that an answer to somebody is never held up because of them.
 */
export class BulkLane {
  readonly #buckets: Buckets
  readonly #clock: Clock
  /** The last in the row of each chat: messages of one chat keep their order. */
  readonly #rows = new Map<number | string, Promise<void>>()

  constructor(buckets: Buckets, clock: Clock) {
    this.#buckets = buckets
    this.#clock = clock
  }

  /** Waits until a send to this chat fits in; of one chat first come, first served. */
  async turn(chat: number | string | undefined, signal: AbortSignal | undefined): Promise<void> {
    if (chat === undefined) return this.#take([perBot], signal)
    const before = this.#rows.get(chat)
    const own = this.#takeAfter(before, [bucketOf(chat), perBot], signal)
    const done = own.catch(() => undefined)
    this.#rows.set(chat, done)
    try {
      await own
    } finally {
      if (this.#rows.get(chat) === done) this.#rows.delete(chat)
    }
  }

  async #takeAfter(
    before: Promise<void> | undefined,
    buckets: readonly Bucket[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await before
    await this.#take(buckets, signal)
  }

  async #take(buckets: readonly Bucket[], signal: AbortSignal | undefined): Promise<void> {
    for (const bucket of buckets) {
      for (;;) {
        signal?.throwIfAborted()
        const waitMs = await this.#buckets.take(bucket)
        if (waitMs <= 0) break
        await waitOn(this.#clock, Math.ceil(waitMs), signal)
      }
    }
  }
}

interface Level {
  tokens: number
  at: number
}

/** Buckets of one process. */
export class OwnBuckets implements Buckets {
  readonly #clock: Clock
  readonly #levels = new Map<string, Level>()
  #sweepAt = 1_000

  constructor(clock: Clock) {
    this.#clock = clock
  }

  take({ key, capacity, perSecond }: Bucket): number {
    const now = this.#clock.elapsed()
    const level = this.#levels.get(key) ?? { tokens: capacity, at: now }
    const tokens = Math.min(capacity, level.tokens + ((now - level.at) / 1_000) * perSecond)
    const taken = tokens >= 1
    this.#levels.set(key, { tokens: taken ? tokens - 1 : tokens, at: now })
    if (this.#levels.size > this.#sweepAt) this.#sweep(now)
    return taken ? 0 : ((1 - tokens) / perSecond) * 1_000
  }

  /** Forgets what has been full again for long: a minute fills any of them. */
  #sweep(now: number): void {
    for (const [key, { at }] of this.#levels) if (now - at > 60_000) this.#levels.delete(key)
    this.#sweepAt = Math.max(1_000, this.#levels.size * 2)
  }
}
