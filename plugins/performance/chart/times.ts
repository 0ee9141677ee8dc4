import type { Range } from '../history.ts'

const minute = 60_000

/** Minutes from one time on the axis to the next. */
const steps: Readonly<Record<Range, number>> = { 1: 15, 6: 60, 24: 240 }

/** Round times of a person's clock for the axis. */
export function axisTimes(
  { hours, from, to }: { hours: Range; from: Date; to: Date },
  { language, timeZone }: { language: string; timeZone: string },
): { at: number; label: string }[] {
  const step = steps[hours]
  const format = new Intl.DateTimeFormat(language, {
    timeZone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const times: { at: number; label: string }[] = []
  // a quarter of an hour is the finest that time zones are apart
  const quarter = 15 * minute
  for (let at = Math.ceil(from.getTime() / quarter) * quarter; at <= to.getTime(); at += quarter) {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
    const ofDay = (parts.get('hour') ?? 0) * 60 + (parts.get('minute') ?? 0)
    if (ofDay % step === 0) times.push({ at, label: format.format(at) })
  }
  return times
}
