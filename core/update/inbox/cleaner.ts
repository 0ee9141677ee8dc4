import type { Logger } from '../../log/logger.ts'
import type { InboxRows } from './rows.ts'

/** Telegram sends an update again for at most 24 h; twice that for deduplication. */
const keepDoneMs = 48 * 3_600_000
/** What was put aside is there for people to look at. */
const keepDeadMs = 30 * 24 * 3_600_000
const everyMs = 600_000

/** Removes the inbox's rows whose time is over. */
export class Cleaner {
  readonly #rows: Pick<InboxRows, 'clean'>
  readonly #log: Logger
  #timer: NodeJS.Timeout | undefined

  constructor(rows: Pick<InboxRows, 'clean'>, log: Logger) {
    this.#rows = rows
    this.#log = log
  }

  start(): void {
    this.#timer = setInterval(() => void this.#clean(), everyMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #clean(): Promise<void> {
    const now = Date.now()
    try {
      await this.#rows.clean({ done: new Date(now - keepDoneMs), dead: new Date(now - keepDeadMs) })
    } catch (error) {
      this.#log.warn('inbox.cleaning-failed', { error })
    }
  }
}
