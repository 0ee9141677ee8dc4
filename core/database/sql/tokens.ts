/** A piece of SQL; comments and white space are none. */
export interface Token {
  /** `word`: a keyword or a name; `quoted`: a name in double quotes; `unclosed`: a text without its end. */
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'symbol' | 'unclosed'
  /** Words in lower case, as PostgreSQL folds them; quoted names without their quotes; strings as they are written. */
  readonly text: string
  /** Where it begins and ends in the source. */
  readonly from: number
  readonly to: number
}

/** `$tag$` begins a text that ends with the same; `$1` is a parameter. */
const dollarQuote = /\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/iy
const word = /[a-z_\u0080-\uffff][\w$\u0080-\uffff]*/iy
const number = /\d[\w.]*|\.\d[\w.]*/y
const space = /\s+|--[^\n]*/y
const prefixedString = /(?:e|b|x|n|u&)(?=')/iy
const prefixedName = /u&(?=")/iy
const symbol = /::|\$\d+|[\s\S]/y

/** The tokens of an SQL text by PostgreSQL's rules (https://www.postgresql.org/docs/15/sql-syntax-lexical.html). */
export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  /** The end of what `pattern` matches here. */
  const end = (pattern: RegExp, from = at): number | undefined => {
    pattern.lastIndex = from
    return pattern.test(sql) ? pattern.lastIndex : undefined
  }
  const add = (kind: Token['kind'], to: number | undefined, text?: string) => {
    const until = to ?? sql.length
    const source = text ?? sql.slice(at, until)
    tokens.push({ kind: to === undefined ? 'unclosed' : kind, text: source, from: at, to: until })
    at = until
  }
  while (at < sql.length) {
    const skipped = end(space) ?? (sql.startsWith('/*', at) ? endOfComment(sql, at) : undefined)
    if (skipped !== undefined) {
      at = skipped
      continue
    }
    const opening = end(dollarQuote)
    const stringAt = end(prefixedString) ?? (sql[at] === "'" ? at : undefined)
    const nameAt = end(prefixedName) ?? (sql[at] === '"' ? at : undefined)
    if (opening !== undefined) {
      const tag = sql.slice(at, opening)
      const close = sql.indexOf(tag, opening)
      add('string', close < 0 ? undefined : close + tag.length)
    } else if (stringAt !== undefined) {
      add('string', endOfQuoted(sql, stringAt, /^e/i.test(sql.slice(at, stringAt))))
    } else if (nameAt !== undefined) {
      const to = endOfQuoted(sql, nameAt, false)
      add(
        'quoted',
        to,
        sql.slice(nameAt + 1, to === undefined ? undefined : to - 1).replaceAll('""', '"'),
      )
    } else {
      const wordEnd = end(word)
      const numberEnd = wordEnd === undefined ? end(number) : undefined
      if (wordEnd !== undefined) add('word', wordEnd, sql.slice(at, wordEnd).toLowerCase())
      else add(numberEnd === undefined ? 'symbol' : 'number', numberEnd ?? end(symbol))
    }
  }
  return tokens
}

/** Block comments nest. One without an end goes to the end of the text. */
function endOfComment(sql: string, from: number): number {
  let depth = 0
  for (let at = from; at < sql.length; at += 2) {
    if (sql.startsWith('/*', at)) depth++
    else if (sql.startsWith('*/', at)) depth--
    else at--
    if (depth === 0) return at + 2
  }
  return sql.length
}

/** @returns undefined when there is no closing quote; two of them are one in the text */
function endOfQuoted(sql: string, from: number, escapes: boolean): number | undefined {
  const quote = sql[from]
  for (let at = from + 1; at < sql.length; at++) {
    if (escapes && sql[at] === '\\') at++
    else if (sql[at] === quote) {
      if (sql[at + 1] !== quote) return at + 1
      at++
    }
  }
  return undefined
}
