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

export interface BulkColumn {
  readonly name: string
  readonly type: BulkColumnType
  /** Its name as JSON. */
  readonly key: string
}

/** A row as JSON, without the columns that are null. */
export function jsonRow(
  columns: readonly BulkColumn[],
  row: Readonly<Record<string, unknown>>,
): string {
  let text = ''
  for (const { name, type, key } of columns) {
    const value = row[name]
    if (value === null || value === undefined) continue
    const json = jsonValue(type, value)
    // functions and symbols have none
    if (json === undefined) continue
    text += `${text === '' ? '' : ','}${key}:${json}`
  }
  return acceptedJson(`{${text}}`)
}

function jsonValue(type: BulkColumnType, value: unknown): string | undefined {
  switch (type) {
    case 'jsonb':
      return jsonOf(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'timestamptz':
      return JSON.stringify(value instanceof Date ? value.toISOString() : String(value))
    default:
      return JSON.stringify(String(value))
  }
}

/** Bigints as strings; a function that looks at each value costs more than all else, so it is for those that have some. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return JSON.stringify(value, (_key, item: unknown) =>
      typeof item === 'bigint' ? String(item) : item,
    )
  }
}

/** An escaped backslash is taken as a pair, so that `\\\\u0000` in a text is left as it is. */
const refusedEscapes = /\\\\|\\u(?:0000|d[89a-f][0-9a-f]{2})/g

/** JSON text without what PostgreSQL refuses in texts and jsonb: NUL goes, half a character becomes U+FFFD. */
export function acceptedJson(text: string): string {
  if (!text.includes('\\u')) return text
  return text.replace(refusedEscapes, (found) => {
    if (found === '\\\\') return found
    return found === '\\u0000' ? '' : '\ufffd'
  })
}
