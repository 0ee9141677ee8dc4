/** `1 hr, 30 min`, as the language writes it. */
export function formatMinutes(minutes: number, language: string): string {
  const unit = (unit: 'hour' | 'minute', value: number) =>
    value.toLocaleString(language, { style: 'unit', unit, unitDisplay: 'short' })
  const hours = Math.floor(minutes / 60)
  const rest = minutes % 60
  return [hours > 0 && unit('hour', hours), (rest > 0 || hours === 0) && unit('minute', rest)]
    .filter(Boolean)
    .join(' ')
}

/** `24 Nov, 10:05` in a person's time zone. */
export function formatTime(at: Date, language: string, timeZone: string): string {
  return at.toLocaleString(language, {
    timeZone,
    day: 'numeric',
    month: 'short',
    hour: 'numeric',
    minute: '2-digit',
  })
}
