import type { BucketLimit } from './store.ts'

/** Above so many buckets the full ones are dropped: a full one is the same as none. */
const tidyAbove = 1_000

interface Bucket {
  tokens: number
  /** When `tokens` was right, ms. */
  at: number
  readonly fullAfterMs: number
}

/** Token buckets of this process. */
export class Buckets {
  readonly #buckets = new Map<string, Bucket>()
  readonly #now: () => number
  #tidyAt = tidyAbove

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number) {
    this.#now = now
  }

  /** How many are not full, roughly. */
  get size(): number {
    return this.#buckets.size
  }

  /** @returns 0 when a token was taken out of each, else the ms until each will have one */
  take(limits: readonly BucketLimit[]): number {
    const now = this.#now()
    const waits = limits.map(({ key, capacity, perSecond }) => {
      const { tokens } = this.#filled(key, capacity, perSecond, now)
      return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) / perSecond) * 1_000)
    })
    const wait = Math.max(0, ...waits)
    if (wait > 0) return wait
    for (const { key } of limits) {
      const bucket = this.#buckets.get(key)
      if (bucket !== undefined) bucket.tokens -= 1
    }
    if (this.#buckets.size > this.#tidyAt) this.#tidy(now)
    return 0
  }

  #filled(key: string, capacity: number, perSecond: number, now: number): Bucket {
    const known = this.#buckets.get(key)
    if (known === undefined) {
      const made = { tokens: capacity, at: now, fullAfterMs: (capacity / perSecond) * 1_000 }
      this.#buckets.set(key, made)
      return made
    }
    known.tokens = Math.min(capacity, known.tokens + ((now - known.at) / 1_000) * perSecond)
    known.at = now
    return known
  }

  #tidy(now: number): void {
    for (const [key, { at, fullAfterMs }] of this.#buckets) {
      if (now - at > fullAfterMs) this.#buckets.delete(key)
    }
    // when most are in use, looking at all of them each time would be the cost
    this.#tidyAt = Math.max(tidyAbove, this.#buckets.size * 2)
  }
}
