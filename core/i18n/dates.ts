/** Days as `2026-11-24`: they sort and compare as text, and know no time zone. */
export type Day = string

const dayMs = 86_400_000

/** Which day it is there. */
export function dayAt(ms: number, timeZone: string): Day {
  // the one format of Intl that is ISO's: of Sweden (unicode.org/cldr, sv)
  const format = new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short' })
  return format.format(ms).slice(0, 10)
}

/** The day as a person reads it: `Tuesday, November 24, 2026`. */
export function dayText(day: Day, language: string): string {
  const format = new Intl.DateTimeFormat(language, { dateStyle: 'full', timeZone: 'UTC' })
  return format.format(new Date(day))
}

/** So many days later, or earlier. */
export function dayAfter(day: Day, days: number): Day {
  return new Date(Date.parse(day) + days * dayMs).toISOString().slice(0, 10)
}

/** Undefined when there is no such day: the 30th of February. */
export function dayOf(year: number, month: number, date: number): Day | undefined {
  const time = new Date(Date.UTC(year, month - 1, date))
  const isReal = time.getUTCMonth() === month - 1 && time.getUTCDate() === date
  return isReal && year >= 1000 && year <= 9999 ? time.toISOString().slice(0, 10) : undefined
}

/** The first day of the week: 1 Monday … 7 Sunday. */
export function weekBegin(language: string): number {
  // TypeScript's library doesn't know it yet (tc39/proposal-intl-locale-info)
  const locale = new Intl.Locale(language) as Intl.Locale & {
    getWeekInfo(): { readonly firstDay: number }
  }
  return locale.getWeekInfo().firstDay
}

interface Reader {
  readonly language: string
  readonly today: Day
  /** A day without a year, or a day of the week, is the first from here on. */
  readonly from: Day
}

/**
 * What a person means: `2026-11-24`, `24.11.2026`, `24.11.`, `24/11/2026` where that can be but one day, "tomorrow",
 * "Friday", in their language. @returns undefined when that is no day
 */
export function typedDay(text: string, { language, today, from }: Reader): Day | undefined {
  const typed = text.trim()
  const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(typed)
  if (iso !== null) return dayOf(Number(iso[1]), Number(iso[2]), Number(iso[3]))
  const dotted = /^(\d{1,2})\.\s?(\d{1,2})(?:\.\s?(\d{4})?)?$/.exec(typed)
  if (dotted !== null) {
    const [, date, month, year] = dotted.map(Number)
    if (dotted[3] !== undefined) return dayOf(year ?? 0, month ?? 0, date ?? 0)
    return nextOf(from, month ?? 0, date ?? 0)
  }
  const slashed = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(typed)
  if (slashed !== null) {
    const [, first = 0, second = 0, year = 0] = slashed.map(Number)
    const days = [dayOf(year, second, first), dayOf(year, first, second)]
    const [one, ...more] = new Set(days.filter((day) => day !== undefined))
    return more.length === 0 ? one : undefined
  }
  return spokenDay(typed.toLowerCase(), { language, today, from })
}

/** This day of this year, or of the next one if it is over. */
function nextOf(from: Day, month: number, date: number): Day | undefined {
  const year = Number(from.slice(0, 4))
  // up to a leap day
  for (let next = year; next <= year + 8; next++) {
    const day = dayOf(next, month, date)
    if (day !== undefined && day >= from) return day
  }
  return undefined
}

function spokenDay(word: string, { language, today, from }: Reader): Day | undefined {
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' })
  for (const days of [0, 1, 2, -1, -2]) {
    if (relative.format(days, 'day').toLowerCase() === word) return dayAfter(today, days)
  }
  const names = (['long', 'short'] as const).map(
    (weekday) => new Intl.DateTimeFormat(language, { weekday, timeZone: 'UTC' }),
  )
  for (let days = 0; days < 7; days++) {
    const day = dayAfter(from, days)
    if (names.some((name) => name.format(new Date(day)).toLowerCase() === word)) return day
  }
  return undefined
}
