import { z } from 'zod'

/** Days in a row, the last one included. */
export type Period =
  | { readonly kind: 'today' | 'yesterday' | 'week' | 'month' }
  | { readonly kind: 'days'; readonly days: number }

const words: ReadonlyMap<string, Period> = new Map([
  ['today', { kind: 'today' }],
  ['yesterday', { kind: 'yesterday' }],
  ['week', { kind: 'week' }],
  ['month', { kind: 'month' }],
  ['сегодня', { kind: 'today' }],
  ['вчера', { kind: 'yesterday' }],
  ['неделя', { kind: 'week' }],
  ['месяц', { kind: 'month' }],
])

const maxDays = 92

/** An argument such as `week` or `14` (days). */
export function period(): z.ZodType<Period, string> {
  return z
    .string()
    .meta({ placeholder: 'today|yesterday|week|month|14' })
    .transform((text, issue) => {
      const word = words.get(text.toLowerCase())
      if (word !== undefined) return word
      const days = Number(text)
      if (Number.isInteger(days) && days >= 1 && days <= maxDays) {
        return { kind: 'days' as const, days }
      }
      issue.addIssue({ code: 'custom', params: { key: 'period.invalid' } })
      return z.NEVER
    })
}

/** From the first moment of a period to the first one after it, in a time zone. Weeks begin on Monday. */
export function rangeOf(
  period: Period,
  timeZone: string,
  now = new Date(),
): { from: Date; to: Date } {
  const day = (offset: number) => startOfDay(now, offset, timeZone)
  const { weekday, date } = dayOf(now, timeZone)
  switch (period.kind) {
    case 'today':
      return { from: day(0), to: day(1) }
    case 'yesterday':
      return { from: day(-1), to: day(0) }
    case 'week':
      return { from: day(-((weekday + 6) % 7)), to: day(1) }
    case 'month':
      return { from: day(1 - date), to: day(1) }
    case 'days':
      return { from: day(1 - period.days), to: day(1) }
  }
}

/** Midnight, `offset` days from the day that a zone's calendar shows at this moment. */
function startOfDay(at: Date, offset: number, timeZone: string): Date {
  const { year, month, date } = dayOf(at, timeZone)
  const wanted = Date.UTC(year, month, date + offset)
  // clocks may change between a guess and midnight: the second guess stands on the right side
  const guess = wanted - aheadOfUtc(new Date(wanted), timeZone)
  return new Date(wanted - aheadOfUtc(new Date(guess), timeZone))
}

function dayOf(at: Date, timeZone: string) {
  const local = new Date(at.getTime() + aheadOfUtc(at, timeZone))
  return {
    year: local.getUTCFullYear(),
    month: local.getUTCMonth(),
    date: local.getUTCDate(),
    /** 0 is Sunday. */
    weekday: local.getUTCDay(),
  }
}

/** How far a zone's clocks are ahead of UTC, ms. */
function aheadOfUtc(at: Date, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' })
    .formatToParts(at)
    .find(({ type }) => type === 'timeZoneName')
  // `GMT`, `GMT+05:30`, historic zones also `GMT+02:30:17`
  const [, sign, hours = 0, minutes = 0, seconds = 0] =
    /([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(parts?.value ?? '') ?? []
  const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
  return sign === '-' ? -ms : ms
}
