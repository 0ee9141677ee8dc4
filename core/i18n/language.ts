/**
 * A language tag that `Intl` takes: the tag itself, or as much of its beginning as is valid.
 * Telegram sends what the person's language pack is called, also `zh-hans-raw`, which is no tag.
 */
export function languageTag(given: string | undefined): string | undefined {
  let tag = given
  while (tag !== undefined && tag !== '') {
    try {
      return Intl.getCanonicalLocales(tag)[0]
    } catch {
      tag = tag.slice(0, Math.max(0, tag.lastIndexOf('-')))
    }
  }
  return undefined
}

/** Whether `Intl` knows the time zone; each release of Node brings its own list. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
