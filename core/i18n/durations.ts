const units = [
  ['days', 86_400_000],
  ['hours', 3_600_000],
  ['minutes', 60_000],
  ['seconds', 1_000],
] as const

/** TypeScript's library of es2024 doesn't know it yet (tc39/proposal-intl-duration-format). */
const { DurationFormat } = Intl as typeof Intl & {
  readonly DurationFormat: new (
    language: string,
    options: { readonly style: 'short'; readonly secondsDisplay?: 'always' },
  ) => { format(duration: Readonly<Record<string, number>>): string }
}

/**
 * How long something takes, as a person says it: `1 hr, 5 min`. What is below the two largest units is left out.
 * @param ms milliseconds @param language a tag for `Intl`, as `ctx.language`
 */
export function durationText(ms: number, language: string): string {
  let left = Math.max(0, Math.round(ms / 1_000) * 1_000)
  const first = units.findIndex(([, unitMs]) => left >= unitMs)
  if (first < 0) {
    const format = new DurationFormat(language, { style: 'short', secondsDisplay: 'always' })
    return format.format({ seconds: 0 })
  }
  const duration: Record<string, number> = {}
  for (const [unit, unitMs] of units.slice(first, first + 2)) {
    const count = Math.floor(left / unitMs)
    if (count > 0) duration[unit] = count
    left -= count * unitMs
  }
  return new DurationFormat(language, { style: 'short' }).format(duration)
}
