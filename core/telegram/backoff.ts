import { setTimeout as delay } from 'node:timers/promises'

export interface BackoffLimits {
  /** Upper bound of the first wait, ms. */
  readonly firstMs: number
  /** Upper bound of every wait, ms. */
  readonly maxMs: number
}

/**
 * Exponential back-off with full jitter: each wait is random between 0 and a bound that doubles.
 * Full jitter spreads clients that failed together best
 * (aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter).
 */
export class Backoff {
  readonly #limits: BackoffLimits
  #failures = 0

  constructor(limits: BackoffLimits) {
    this.#limits = limits
  }

  /** The next wait, ms. */
  next(): number {
    const bound = Math.min(this.#limits.maxMs, this.#limits.firstMs * 2 ** this.#failures)
    this.#failures += 1
    return Math.random() * bound
  }

  /** To be called after a success. */
  reset(): void {
    this.#failures = 0
  }
}

/** Waits `ms`; rejects with the signal's reason as soon as it is aborted. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
