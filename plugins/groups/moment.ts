/** `24 Nov 2026, 10:05` in a person's language and time. */
export function momentOf(
  at: Date,
  { language, timeZone }: { readonly language: string; readonly timeZone: string },
): string {
  return at.toLocaleString(language, { timeZone, dateStyle: 'medium', timeStyle: 'short' })
}
