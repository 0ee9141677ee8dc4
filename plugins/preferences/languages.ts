/** `русский`, as the language calls itself when it is asked for in itself. */
export function languageName(tag: string, inLanguage: string): string {
  return new Intl.DisplayNames(inLanguage, { type: 'language', fallback: 'code' }).of(tag) ?? tag
}

/** `ru`, `Russian`, `русский`: one of those that are spoken here; undefined: none of them. */
export function languageNamed(named: string, spoken: readonly string[]): string | undefined {
  const wanted = named.trim().toLowerCase()
  return spoken.find((tag) =>
    [tag, ...spoken.map((other) => languageName(tag, other))].some(
      (name) => name.toLowerCase() === wanted,
    ),
  )
}
