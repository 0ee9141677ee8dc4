import { type Day, dayAt, dayText, typedDay } from '../../i18n/dates.ts'
import type { Translate } from '../../i18n/texts.ts'
import type { DateRange } from '../../plugin/manifest/dialog.ts'
import type { UpdateRun } from '../../plugin/run/run.ts'
import { type CalendarParts, firstMonth } from './calendar.ts'
import type { DialogInput } from './keyboard.ts'

/** The calendar for a person: their today, their language. */
export function calendarFor(run: UpdateRun, range: DateRange, month?: string): CalendarParts {
  const { language } = run
  const today = todayOf(run)
  return { month: month ?? firstMonth(range, today), range, today, language }
}

/** The day that was pressed or typed. */
export function takenDay(
  run: UpdateRun,
  input: DialogInput,
  range: DateRange,
  t: Translate,
): { readonly day: Day } | { readonly ok: false; readonly complaint: string } {
  const { language } = run
  const today = todayOf(run)
  const given = input.kind === 'text' ? input.text : ''
  const day =
    input.kind === 'day'
      ? input.day
      : typedDay(given, { language, today, from: range.from ?? today })
  if (day === undefined) {
    return { ok: false, complaint: t('dialog.day', { given, example: today }) }
  }
  const detail = outside(day, range, language, t)
  return detail === undefined ? { day } : { ok: false, complaint: t('dialog.invalid', { detail }) }
}

function outside(
  day: Day,
  { from, to }: DateRange,
  language: string,
  t: Translate,
): string | undefined {
  if ((from === undefined || day >= from) && (to === undefined || day <= to)) return undefined
  const shown = {
    ...(from === undefined ? {} : { from: dayText(from, language) }),
    ...(to === undefined ? {} : { to: dayText(to, language) }),
  }
  if (from === undefined) return t('dialog.dayTo', shown)
  return t(to === undefined ? 'dialog.dayFrom' : 'dialog.dayBetween', shown)
}

function todayOf({ clock, timeZone }: UpdateRun): Day {
  return dayAt(clock.now(), timeZone)
}
