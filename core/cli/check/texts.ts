import type { TextTree } from '../../i18n/texts.ts'

/** i18next's plural forms: `days_one`, `days_few`; a language has those that it needs. */
const pluralForm = /_(zero|one|two|few|many|other)$/

/** Keys that one language has and another lacks, by the language that lacks them. */
export function missingTexts(
  locales: Readonly<Record<string, TextTree>>,
): ReadonlyMap<string, readonly string[]> {
  const keys = new Map(
    Object.entries(locales).map(([language, tree]) => [language, new Set(keysOf(tree))]),
  )
  const all = new Set([...keys.values()].flatMap((own) => [...own]))
  const missing = new Map<string, readonly string[]>()
  for (const [language, own] of keys) {
    const absent = [...all].filter((key) => !own.has(key))
    if (absent.length > 0) missing.set(language, absent)
  }
  return missing
}

function keysOf(tree: TextTree, before = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string'
      ? [`${before}${key.replace(pluralForm, '')}`]
      : keysOf(value, `${before}${key}.`),
  )
}
