import type { Clock } from '../../clock.ts'
import type { BucketLimit } from '../../store/store.ts'

/** Where the tokens are kept: for all instances, or for this process alone. */
export interface Pace {
  /** Takes one token out of each bucket, or none: @returns 0, else after how many ms to ask again. */
  take(limits: readonly BucketLimit[]): number | Promise<number>
}

/**
 * Below what Telegram names as its limits: 30 messages a second in all, one a second in a chat, 20 a
 * minute in a group (core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this).
 */
const perBot: BucketLimit = { key: 'telegram:bot', capacity: 25, perSecond: 25 }

function limitOf(chat: number | string): BucketLimit {
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
  readonly #pace: Pace
  readonly #clock: Clock
  /** The last in the row of each chat: messages of one chat keep their order. */
  readonly #rows = new Map<number | string, Promise<void>>()

  constructor(pace: Pace, clock: Clock) {
    this.#pace = pace
    this.#clock = clock
  }

  /** Waits until a send to this chat fits in; of one chat first come, first served. */
  async turn(chat: number | string | undefined, signal: AbortSignal | undefined): Promise<void> {
    if (chat === undefined) return this.#take([perBot], signal)
    const before = this.#rows.get(chat)
    const own = this.#takeAfter(before, [limitOf(chat), perBot], signal)
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
    limits: readonly BucketLimit[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await before
    await this.#take(limits, signal)
  }

  async #take(limits: readonly BucketLimit[], signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      signal?.throwIfAborted()
      const waitMs = await this.#pace.take(limits)
      if (waitMs <= 0) return
      await this.#clock.wait(Math.ceil(waitMs), signal)
    }
  }
}
