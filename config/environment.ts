/** Environment as Node gives it. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A value as it counts: trimmed, and none if it is blank. */
export function clean(text: string | undefined): string | undefined {
  const trimmed = text?.trim()
  return trimmed === '' ? undefined : trimmed
}

export function isSet(text: string | undefined): boolean {
  return clean(text) !== undefined
}
