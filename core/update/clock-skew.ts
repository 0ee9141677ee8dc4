import type { HealthResult } from '../http/health.ts'
import type { Logger } from '../log/logger.ts'
import type { InboxItem } from './inbox/item.ts'

/** A message is from the future by no more than rounding and a moment of drift, ms. */
const aheadMs = 5_000
/** Nor do all of many arrive as late as this when nothing waits at Telegram, ms. */
const behindMs = 60_000
/** Of so many messages in a row the youngest counts: what waited at Telegram through an outage is old. */
const sample = 50
const newMs = 1_000

/**
 * Compares this machine's clock with Telegram's, by the dates of messages. Nothing depends on it here: leases are by the
 * database's clock and by one that only goes forward, freshness counts from the acceptance. What people and
 * plugins make of the time of day does.
 */
export class ClockSkew {
  readonly #now: () => number
  readonly #log: Logger
  readonly #ages: number[] = []
  #skewMs = 0

  /** @param now this machine's clock, ms since 1970 */
  constructor(now: () => number, log: Logger) {
    this.#now = now
    this.#log = log
  }

  arrived({ facts, acceptedAt }: Pick<InboxItem, 'facts' | 'acceptedAt'>): void {
    // what was found in the table has waited
    const isNew = performance.now() - acceptedAt < newMs
    if (isNew && facts.kind === 'message' && facts.date !== undefined) this.#see(facts.date)
  }

  /** For `/readyz`. */
  check(): HealthResult {
    if (this.#skewMs === 0) return { status: 'up' }
    const seconds = Math.round(Math.abs(this.#skewMs) / 1_000)
    const which = this.#skewMs < 0 ? 'behind' : 'ahead of'
    return { status: 'degraded', detail: `OPS_CLOCK_SKEW: ${seconds} s ${which} Telegram’s` }
  }

  /** @param date of a message that has just arrived, Unix seconds */
  #see(date: number): void {
    // the date is of the second that had begun
    this.#ages.push(this.#now() - date * 1_000)
    if (this.#ages.length > sample) this.#ages.shift()
    const youngest = Math.min(...this.#ages)
    const isSkewed = youngest < -aheadMs || (this.#ages.length === sample && youngest > behindMs)
    const before = this.#skewMs
    this.#skewMs = isSkewed ? youngest : 0
    if (isSkewed && before === 0) {
      this.#log.warn('clock.skewed', { seconds: Math.round(youngest / 1_000), hint })
    }
  }
}

const hint =
  'The clock of this machine and that of Telegram differ: switch time synchronisation (NTP) on.'
