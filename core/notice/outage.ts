import type { Clock } from '../clock.ts'
import type { Database } from '../database/connection.ts'
import type { Logger } from '../log/logger.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { type Owners, timeFor } from './owners.ts'

export interface OutageParts {
  readonly database: Pick<Database, 'query'>
  /** Whether it answers and can be written to. @throws what it says */
  readonly look: () => Promise<void>
  readonly owners: Pick<Owners, 'meet' | 'write' | 'sendDirectly'>
  readonly outbox: Pick<Outbox, 'wake'>
  /** Whether this instance is the one that tells. */
  readonly leads: () => boolean
  readonly clock: Clock
  readonly log: Logger
}

const lookEveryMs = 5_000
/** Who leads is known by then. */
const firstLookMs = 1_000
/** What is shorter is nobody's news, ms. */
const tellAfterMs = 10_000

/**
 * Tells owners that the database is away or takes nothing, and when it is back. The first is sent at once, as there is no outbox
 * without a database; by the instance that led until then.
 */
export class Outage {
  readonly #parts: OutageParts
  readonly #stopping = new AbortController()
  #cancel: (() => void) | undefined
  #running: Promise<void> = Promise.resolve()
  #led = false
  #away: { readonly since: Date; isLogged: boolean; isTold: boolean } | undefined

  constructor(parts: OutageParts) {
    this.#parts = parts
  }

  start(): void {
    this.#lookIn(firstLookMs)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#cancel?.()
    await this.#running
  }

  #lookIn(ms: number): void {
    this.#cancel = this.#parts.clock.after(ms, () => {
      this.#running = this.#look().finally(() => {
        if (!this.#stopping.signal.aborted) this.#lookIn(lookEveryMs)
      })
      return this.#running
    })
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { look, owners, leads, log } = this.#parts
    try {
      await look()
      await this.#isBack()
      this.#led = leads()
      if (this.#led) await owners.meet()
    } catch (error) {
      log.debug('database.away', { error })
      await this.#isAway()
    }
  }

  async #isAway(): Promise<void> {
    const { owners, clock, log } = this.#parts
    this.#away ??= { since: new Date(clock.now()), isLogged: false, isTold: false }
    const away = this.#away
    if (away.isLogged || clock.now() - away.since.getTime() < tellAfterMs) return
    away.isLogged = true
    log.error('database.outage', { since: away.since })
    if (!this.#led) return
    away.isTold = true
    await owners.sendDirectly(
      'database',
      (reader) => reader.t('notice.databaseAway', { when: timeFor(away.since, reader) }),
      this.#stopping.signal,
    )
  }

  async #isBack(): Promise<void> {
    const { database, owners, outbox, clock, log } = this.#parts
    const away = this.#away
    if (away === undefined) return
    const now = new Date(clock.now())
    const ms = now.getTime() - away.since.getTime()
    if (away.isLogged) log.info('database.outage-over', { since: away.since, ms })
    if (away.isTold) {
      await owners.write(database, 'database', (reader) =>
        reader.t('notice.databaseBack', {
          from: timeFor(away.since, reader),
          to: timeFor(now, reader),
        }),
      )
      outbox.wake()
    }
    this.#away = undefined
  }
}
