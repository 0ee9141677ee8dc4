/** What a bulk column may be. */
export type BulkColumnType =
  | 'bigint'
  | 'boolean'
  | 'double precision'
  | 'integer'
  | 'jsonb'
  | 'smallint'
  | 'text'
  | 'timestamptz'

/** A value in the form that both databases take as an array's element. */
export function valueFor(type: BulkColumnType, value: unknown): string | boolean | null {
  if (value === null || value === undefined) return null
  switch (type) {
    case 'jsonb':
      return json(value)
    case 'boolean':
      return Boolean(value)
    case 'timestamptz':
      return value instanceof Date ? value.toISOString() : String(value)
    default:
      // PostgreSQL refuses NUL, and UTF-8 has no lone halves of characters.
      return String(value).replaceAll('\0', '').toWellFormed()
  }
}

/** An escaped backslash is taken as a pair, so that `\\\\u0000` in a text is left as it is. */
const refusedEscapes = /\\\\|\\u(?:0000|d[89a-f][0-9a-f]{2})/g

/** JSON that jsonb accepts: neither NUL nor lone surrogates, in keys either; bigints as strings. */
function json(value: unknown): string | null {
  const text = JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? String(item) : item,
  )
  // Functions and symbols have no JSON at all.
  return text === undefined ? null : acceptedJson(text)
}

/** JSON text without what PostgreSQL refuses in texts and jsonb: NUL goes, half a character becomes U+FFFD. */
export function acceptedJson(text: string): string {
  if (!text.includes('\\u')) return text
  return text.replace(refusedEscapes, (found) => {
    if (found === '\\\\') return found
    return found === '\\u0000' ? '' : '\ufffd'
  })
}
