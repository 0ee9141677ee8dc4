import { z } from 'zod'

const minute = 60_000
const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: minute,
  h: 60 * minute,
  d: 24 * 60 * minute,
  с: 1000,
  м: minute,
  ч: 60 * minute,
  д: 24 * 60 * minute,
}

/** `1h30`, `1h 30m`, `1:30`, `1.5h`, `90m`, `45` (minutes), `2d`, `1ч30м` → milliseconds. */
export function parseDuration(text: string): number | undefined {
  const compact = text.trim().toLowerCase().replaceAll(/\s+/g, '').replaceAll(',', '.')
  const clock = /^(\d{1,3}):([0-5]\d)$/.exec(compact)
  if (clock !== null) return (Number(clock[1]) * 60 + Number(clock[2])) * minute
  if (/^\d+$/.test(compact)) return Number(compact) * minute
  const parts = [...compact.matchAll(/(\d+(?:\.\d+)?)(?:([smhdсмчд])[a-zа-я]*)?/g)]
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== compact) return undefined
  let total = 0
  let previous = Number.POSITIVE_INFINITY
  for (const [, amount, unit] of parts) {
    // `1h30`: a bare number after a unit counts in the next smaller one
    const ms = unit === '' || unit === undefined ? nextSmaller(previous) : (unitMs[unit] ?? 0)
    if (ms === 0 || ms >= previous) return undefined
    total += Number(amount) * ms
    previous = ms
  }
  return Math.round(total)
}

function nextSmaller(ms: number): number {
  const smaller = [24 * 60 * minute, 60 * minute, minute, 1000].filter((unit) => unit < ms)
  return Number.isFinite(ms) ? (smaller[0] ?? 0) : 0
}

/** An argument such as `1h30`; the handler gets milliseconds. */
export function duration(): z.ZodType<number, string> {
  return z
    .string()
    .meta({ placeholder: '1h30' })
    .transform((text, issue) => {
      const ms = parseDuration(text)
      if (ms !== undefined && ms > 0) return ms
      issue.addIssue({ code: 'custom', params: { key: 'args.duration' } })
      return z.NEVER
    })
}
