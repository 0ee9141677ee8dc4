import { type Clock, waitOn } from '../../clock.ts'
import { OpsError } from '../../errors.ts'

interface Timer {
  /** As `elapsed`. */
  readonly due: number
  readonly run: () => unknown
  /** The machine's timer, while this clock goes by itself. */
  real: NodeJS.Timeout | undefined
}

/** How long the machine's time may pass while what a timer runs is waited for, ms. */
const patienceMs = 1_000

/**
 * The clock of a test bot. It goes by itself, or stands still at a given time; either way a test moves it on. Timers
 * of scopes and of health checks, deadlines of handlers and waits for Telegram run on it. The database's own `now()`
 * doesn't, nor what asks the machine: `Date.now()`, `setTimeout`.
 */
export class TestClock implements Clock {
  readonly #stands: boolean
  readonly #startedAt: number
  readonly #timers = new Set<Timer>()
  /** Waits of the core that have not ended: for Telegram, say. */
  #waits = 0
  #idle: () => Promise<void> = async () => undefined
  /** What is added to the machine's time; while the clock stands, the time itself. */
  #offset: number

  /** @param standsAt ms since 1970; without one it goes by itself from now on */
  constructor(standsAt?: number) {
    this.#stands = standsAt !== undefined
    this.#startedAt = standsAt ?? Date.now()
    this.#offset = this.#stands ? 0 : -performance.now()
  }

  elapsed(): number {
    return this.#stands ? this.#offset : performance.now() + this.#offset
  }

  now(): number {
    return Math.floor(this.#startedAt + this.elapsed())
  }

  /** What time it is. */
  get date(): Date {
    return new Date(this.now())
  }

  after(ms: number, run: () => unknown): () => void {
    const timer: Timer = { due: this.elapsed() + ms, run, real: undefined }
    this.#timers.add(timer)
    this.#arm(timer)
    return () => this.#forget(timer)
  }

  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    this.#waits++
    try {
      await waitOn(this, ms, signal)
    } finally {
      this.#waits--
    }
  }

  /** Before it is moved, work is let end whose time that would be over. It gives up by itself. */
  movesAfter(idle: () => Promise<void>): void {
    this.#idle = idle
  }

  /**
   * Moves on by so many ms: whatever falls due until then runs in its order, at its time. What a timer runs is
   * waited for, but not longer than a second of the machine's: it may wait for this clock itself. So are updates that
   * are being handled, unless one waits for this clock, and not longer than three seconds.
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) {
      throw new OpsError('OPS_TEST_MISSING', `A clock can't go back by ${-ms} ms`, {
        hint: 'bot.clock.advance takes milliseconds, 0 or more.',
      })
    }
    if (this.#waits === 0) await this.#idle()
    const target = this.elapsed() + ms
    for (let next = this.#next(target); next !== undefined; next = this.#next(target)) {
      this.#moveTo(next.due)
      this.#forget(next)
      await withPatience(next.run())
    }
    this.#moveTo(target)
    for (const timer of this.#timers) this.#arm(timer)
  }

  /** Moves on to a time of day or date, as `advance` does. */
  advanceTo(time: Date | string): Promise<void> {
    return this.advance(new Date(time).getTime() - this.now())
  }

  #next(target: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.due <= target && (first === undefined || timer.due < first.due)) first = timer
    }
    return first
  }

  /** Never back: while something was waited for, the machine's time went on. */
  #moveTo(elapsed: number): void {
    this.#offset += Math.max(0, elapsed - this.elapsed())
  }

  #arm(timer: Timer): void {
    clearTimeout(timer.real)
    const ms = timer.due - this.elapsed()
    // while it stands, only what is due by now has anything to wait for
    if (this.#stands && ms > 0) return
    timer.real = setTimeout(
      () => {
        this.#timers.delete(timer)
        void timer.run()
      },
      Math.max(0, ms),
    )
  }

  #forget(timer: Timer): void {
    clearTimeout(timer.real)
    this.#timers.delete(timer)
  }
}

async function withPatience(work: unknown): Promise<void> {
  if (!(work instanceof Promise)) return
  let timer: NodeJS.Timeout | undefined
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patienceMs)
  })
  try {
    await Promise.race([work, enough])
  } finally {
    clearTimeout(timer)
  }
}
