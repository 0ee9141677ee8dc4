import { type Day, dayAfter, dayOf, weekBegin } from '../../i18n/dates.ts'
import type { DateRange } from '../../plugin/manifest/dialog.ts'

/** What a button of a calendar says, and does: shows a month, takes a day, or nothing. */
export interface CalendarButton {
  readonly label: string
  readonly what: string
}

export interface CalendarParts {
  /** As `2026-11`. */
  readonly month: string
  readonly range: DateRange
  readonly today: Day
  readonly language: string
}

/** A place without a day: a button can't be empty. */
const empty: CalendarButton = { label: '·', what: 'n' }
const monthsShown = { from: '1000-01', to: '9999-12' } as const

/** The month that is shown first: of today, or the nearest one in which a day can be taken. */
export function firstMonth({ from, to }: DateRange, today: Day): string {
  if (from !== undefined && today < from) return from.slice(0, 7)
  return (to !== undefined && today > to ? to : today).slice(0, 7)
}

/** A month as rows of buttons: its name, where to go, the names of the days, the weeks with days that may be taken. */
export function calendarRows(parts: CalendarParts): readonly (readonly CalendarButton[])[] {
  const { month, range, today, language } = parts
  const begin = weekBegin(language)
  const first = `${month}-01`
  const isoWeekday = new Date(first).getUTCDay() || 7
  // a name by itself: beside the arrows a phone has no room for it
  const rows: CalendarButton[][] = [[titleOf(parts)], arrowsOf(parts), weekdaysOf(language, begin)]
  let day = dayAfter(first, -((isoWeekday - begin + 7) % 7))
  do {
    const week: CalendarButton[] = []
    for (let i = 0; i < 7; i++, day = dayAfter(day, 1))
      week.push(dayButton(day, month, range, today))
    if (week.some((one) => one !== empty)) rows.push(week)
  } while (day.startsWith(month))
  return rows
}

function dayButton(day: Day, month: string, { from, to }: DateRange, today: Day): CalendarButton {
  const isOpen = (from === undefined || day >= from) && (to === undefined || day <= to)
  if (!day.startsWith(month) || !isOpen) return empty
  const date = String(Number(day.slice(8)))
  return { label: day === today ? `•${date}•` : date, what: `d${day.replaceAll('-', '')}` }
}

function titleOf({ month, language }: CalendarParts): CalendarButton {
  const name = new Intl.DateTimeFormat(language, {
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  })
  return { label: name.format(new Date(`${month}-01`)), what: 'n' }
}

function arrowsOf({ month, range }: CalendarParts): CalendarButton[] {
  const to = (label: string, months: number): CalendarButton => {
    const there = clamped(monthAfter(month, months), range)
    return there === month ? empty : { label, what: `m${there.replace('-', '')}` }
  }
  return [to('«', -12), to('‹', -1), to('›', 1), to('»', 12)]
}

function weekdaysOf(language: string, begin: number): CalendarButton[] {
  const name = new Intl.DateTimeFormat(language, { weekday: 'short', timeZone: 'UTC' })
  // the first of June 2026 is a Monday
  return Array.from({ length: 7 }, (_, i) => ({
    label: name.format(Date.UTC(2026, 5, begin + i)),
    what: 'n',
  }))
}

function monthAfter(month: string, months: number): string {
  const all = Number(month.slice(0, 4)) * 12 + Number(month.slice(5)) - 1 + months
  const year = Math.floor(all / 12)
  const day = dayOf(year, (all % 12) + 1, 1)
  return day?.slice(0, 7) ?? month
}

function clamped(month: string, { from, to }: DateRange): string {
  const first = from?.slice(0, 7) ?? monthsShown.from
  const last = to?.slice(0, 7) ?? monthsShown.to
  return month < first ? first : month > last ? last : month
}
