import { isWord } from './statement.ts'
import type { Token } from './tokens.ts'

/** Functions of PostgreSQL that change nothing and give the same answer throughout a transaction. */
const steady = new Set(
  `now transaction_timestamp statement_timestamp current_timestamp current_date current_time localtimestamp localtime
   timezone date_trunc date_part extract make_interval make_date make_timestamptz age to_timestamp to_char to_date
   current_setting current_schema current_database
   lower upper trim btrim ltrim rtrim replace regexp_replace substring substr left right length concat concat_ws format
   split_part md5 sha256 encode decode coalesce nullif greatest least abs round floor ceil ceiling mod power
   to_json to_jsonb json_build_object jsonb_build_object json_build_array jsonb_build_array jsonb_set jsonb_agg json_agg
   array_agg string_agg array_length cardinality unnest generate_series row_number rank count sum min max avg bool_and
   bool_or to_regclass cast numeric decimal varchar char character bit timestamp timestamptz time interval`.split(
    /\s+/,
  ),
)

/** Those that change nothing either, and answer each row anew. */
const volatile = new Set(
  'random gen_random_uuid uuid_generate_v4 uuidv4 uuidv7 clock_timestamp timeofday pg_sleep'.split(
    ' ',
  ),
)

/** Words before a parenthesis that call nothing. */
const noCalls = new Set(
  `in values exists any all some over filter within using as and or not on where from with set by case when then else
   select returning primary key unique check references include distinct array row table only materialized recursive
   group order partition between like ilike is null union except intersect conflict having limit offset join lateral`.split(
    /\s+/,
  ),
)

/** Words after which a name stands that is none of a function's. */
const namesFollow = new Set([
  'into',
  'exists',
  'update',
  'conflict',
  'table',
  'recursive',
  'join',
  'with',
  'as',
  '::',
  'constraint',
])

/** The first function in there that isn't known to change nothing; undefined when all are. */
export function unknownCall(tokens: readonly Token[]): string | undefined {
  return calls(tokens).find((name) => !steady.has(name) && !volatile.has(name))
}

/** The first function that may answer each row anew, so that all rows have to be written for it. */
export function unsteadyCall(tokens: readonly Token[]): string | undefined {
  return calls(tokens).find((name) => !steady.has(name))
}

function calls(tokens: readonly Token[]): string[] {
  return tokens.flatMap((token, index) => {
    if (token.kind !== 'word' && token.kind !== 'quoted') return []
    if (!isWord(tokens[index + 1], '(')) return []
    // pg_catalog.lower (…): what stands before the whole name decides
    let first = index
    while (isWord(tokens[first - 1], '.')) first -= 2
    const before = tokens[first - 1]
    if (before !== undefined && before.kind !== 'quoted' && namesFollow.has(before.text)) return []
    // the columns of a common table expression: with a (b) as (…), c (d) as (…)
    if (isWord(before, ',') && isWord(tokens[closing(tokens, index + 1) + 1], 'as')) return []
    if (token.kind === 'word' && noCalls.has(token.text)) return []
    const path = tokens.slice(first, index + 1).map(({ text }) => text)
    return [(path[0] === 'pg_catalog' ? path.slice(2) : path).join('')]
  })
}

function closing(tokens: readonly Token[], open: number): number {
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    if (isWord(tokens[at], '(')) depth++
    if (isWord(tokens[at], ')') && --depth === 0) return at
  }
  return tokens.length
}
