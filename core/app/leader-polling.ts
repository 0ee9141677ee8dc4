import type { Leadership } from '../database/instances/leadership.ts'
import type { OpsError } from '../errors.ts'
import {
  createPoller,
  type Poller,
  type PollerOptions,
  type SinglePoller,
} from '../telegram/polling.ts'

/**
 * Polling where several instances serve one bot: the leader fetches, the others stand by. Telegram lets one poll at
 * a time and answers the other by 409, so that whoever is not sure of the lead any more ends its poll at once.
 */
export class LeaderPolling implements Poller {
  readonly failed: Promise<OpsError>
  readonly #options: PollerOptions
  readonly #leadership: Leadership
  readonly #fail: (error: OpsError) => void
  #poller: SinglePoller | undefined
  #chain: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: PollerOptions, leadership: Leadership) {
    this.#options = options
    this.#leadership = leadership
    const failed = Promise.withResolvers<OpsError>()
    this.failed = failed.promise
    this.#fail = failed.resolve
  }

  start(): void {
    this.#leadership.onChange(() => this.#follow())
    this.#follow()
  }

  /** Ends the poll, and gives the lead away: the next one may fetch at once. */
  async stop(): Promise<void> {
    this.#stopped = true
    const poller = this.#poller
    // with a last word: what was accepted is not to come again
    await poller?.stop()
    await this.#leadership.resign()
    await this.#chain
  }

  /** One after the other: a poll has ended before another begins. */
  #follow(): void {
    this.#chain = this.#chain.then(async () => {
      const mayPoll = this.#leadership.leads && !this.#stopped
      if (mayPoll === (this.#poller !== undefined)) return
      if (mayPoll) {
        const poller = createPoller(this.#options)
        this.#poller = poller
        void poller.failed.then(this.#fail)
        poller.start()
      } else {
        await this.#poller?.abandon()
        this.#poller = undefined
      }
    })
  }
}
