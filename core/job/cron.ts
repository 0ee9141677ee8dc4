import { createRequire } from 'node:module'
import type { CronExpression } from 'cron-parser'

const require = createRequire(import.meta.url)

/** Zones change their clocks by an hour, and never more than by three. */
const changeMs = 3 * 3_600_000
/** So many of a unit there are, by field from the last one: day of week, month, day, hour, minute, second. */
const sizes = [7, 12, 31, 24, 60, 60]

/** When something recurs, in its own zone: a clock that is set forward or back neither loses nor doubles a time. */
export class Recurrence {
  readonly #expression: string
  readonly #timeZone: string

  /** @throws Error saying what is wrong with the expression or the zone */
  constructor(expression: string, timeZone: string) {
    this.#expression = expression
    this.#timeZone = timeZone
    refuseSurprises(expression)
    this.#at(new Date())
  }

  /** The first time after this one. */
  next(after: Date): Date {
    return this.#at(after).next().toDate()
  }

  /** The last time that is not after this one. */
  last(until: Date): Date {
    const previous = this.#at(new Date(until.getTime() + 1))
      .prev()
      .toDate()
    // cron-parser (5.10) going backwards passes over what falls into an hour that was left out, and meets one twice that came
    // twice; going forwards it does neither
    const before = new Date(previous.getTime() - changeMs)
    const after = new Date(Math.min(previous.getTime() + changeMs, until.getTime()))
    const offset = this.#offsetAt(until)
    if (this.#offsetAt(before) === offset && this.#offsetAt(after) === offset) return previous
    const forwards = this.#at(before)
    let found = previous
    for (let next = forwards.next().toDate(); next <= until; next = forwards.next().toDate()) {
      found = next
    }
    return found
  }

  #offsetAt(at: Date): string | undefined {
    const format = new Intl.DateTimeFormat('en', {
      timeZone: this.#timeZone,
      timeZoneName: 'longOffset',
    })
    return format.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value
  }

  #at(currentDate: Date): CronExpression {
    // loaded where a plugin has a cron job, and there at once: manifests are read in one go
    const { CronExpressionParser } = require('cron-parser') as typeof import('cron-parser')
    return CronExpressionParser.parse(this.#expression, { currentDate, tz: this.#timeZone })
  }
}

/** What is read, but hardly as it was meant. @throws Error */
function refuseSurprises(expression: string): void {
  // cron-parser draws a time for it, another one at each look
  if (/(^|[\s,])H\b/.test(expression)) throw new Error('H is a time that nobody knows')
  for (const [at, field] of expression.trim().split(/\s+/).reverse().entries()) {
    const size = sizes[at] ?? 60
    const steps = [...field.matchAll(/\/(\d+)/g)].map(([, step]) => Number(step))
    const tooLong = steps.find((step) => step > size)
    if (tooLong === undefined) continue
    throw new Error(
      `a step of ${tooLong} in "${field}", of which there are ${size}: it would recur at every beginning of them`,
    )
  }
}
