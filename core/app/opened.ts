import type { Logger } from '../log/logger.ts'
import { sleep } from '../telegram/backoff.ts'

/** What each last step has at least, ms. */
const lastMomentMs = 200

/** What was opened so far, closed in reverse order: by `stop`, and when a start fails half-way. */
export class Opened {
  readonly #closers: (() => unknown)[] = []

  add(close: () => unknown): void {
    this.#closers.push(close)
  }

  /** @param byMs as `performance.now()`: what isn't closed by then is given a last moment and left behind */
  async close(log: Logger, byMs: number): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) {
      try {
        await within(Math.max(lastMomentMs, byMs - performance.now()), close)
      } catch (error) {
        log.error('app.close-failed', { error })
      }
    }
  }
}

/** @throws when the work isn't done after `ms`; it goes on, with nobody waiting for it */
async function within(ms: number, work: () => unknown): Promise<void> {
  const limit = new AbortController()
  const late = sleep(ms, limit.signal).then(() => {
    throw new Error(`still not done after ${Math.round(ms)} ms`)
  })
  try {
    await Promise.race([work(), late])
  } finally {
    late.catch(() => undefined)
    limit.abort()
  }
}
