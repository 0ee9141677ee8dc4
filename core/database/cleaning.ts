import type { Logger } from '../log/logger.ts'

export interface CleaningOptions {
  /** For the log: what is cleaned. */
  readonly what: string
  /** The signal is aborted by the stop. */
  readonly clean: (signal: AbortSignal) => Promise<unknown>
  readonly log: Logger
  /** Default: an hour, ms. */
  readonly everyMs?: number
  /** When it is done for the first time; default: after a minute, as a bot that never runs for hours has to clean too, ms. */
  readonly firstMs?: number
}

const hourMs = 3_600_000
const minuteMs = 60_000

/** Deletes what is old again and again, in the background: what fails is a line in the log, and is done the next time. */
export class Cleaning {
  readonly #options: CleaningOptions
  readonly #stopping = new AbortController()
  #timer: NodeJS.Timeout

  constructor(options: CleaningOptions) {
    this.#options = options
    this.#timer = this.#after(options.firstMs ?? minuteMs)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#stopping.abort()
  }

  /** Never rejects. */
  async now(): Promise<void> {
    const { what, clean, log } = this.#options
    try {
      await clean(this.#stopping.signal)
    } catch (error) {
      log.warn('cleaning.failed', { what, error })
    }
  }

  #after(ms: number): NodeJS.Timeout {
    return setTimeout(async () => {
      await this.now()
      if (this.#stopping.signal.aborted) return
      this.#timer = this.#after(this.#options.everyMs ?? hourMs)
    }, ms).unref()
  }
}
