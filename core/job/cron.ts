import { createRequire } from 'node:module'
import type { CronExpression } from 'cron-parser'

const require = createRequire(import.meta.url)

/** When something recurs, in its own zone: a clock that is set forward or back neither loses nor doubles a time. */
export class Recurrence {
  readonly #expression: string
  readonly #timeZone: string

  /** @throws Error saying what is wrong with the expression or the zone */
  constructor(expression: string, timeZone: string) {
    this.#expression = expression
    this.#timeZone = timeZone
    this.#at(new Date())
  }

  /** The first time after this one. */
  next(after: Date): Date {
    return this.#at(after).next().toDate()
  }

  /** The last time that is not after this one. */
  last(until: Date): Date {
    return this.#at(new Date(until.getTime() + 1))
      .prev()
      .toDate()
  }

  #at(currentDate: Date): CronExpression {
    // loaded where a plugin has a cron job, and there at once: manifests are read in one go
    const { CronExpressionParser } = require('cron-parser') as typeof import('cron-parser')
    return CronExpressionParser.parse(this.#expression, { currentDate, tz: this.#timeZone })
  }
}
