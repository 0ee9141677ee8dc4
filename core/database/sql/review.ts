import { reviewAlterTable } from './alter-table.ts'
import { unknownCall } from './calls.ts'
import { isWord, Reader, type Statement } from './statement.ts'
import type { Token } from './tokens.ts'
import { additive, breaking, Made, type Verdict } from './verdict.ts'

/** Settings of a session that change no meaning. */
const harmlessSettings = new Set(
  'lock_timeout statement_timeout work_mem maintenance_work_mem client_min_messages names client_encoding'.split(
    ' ',
  ),
)

/** What can be made beside tables without anybody noticing. */
const makings = [
  'sequence',
  'type',
  'domain',
  'schema',
  'extension',
  'function',
  'procedure',
  'aggregate',
  'operator',
  'collation',
  'view',
  'materialized view',
  'recursive view',
  'statistics',
  'cast',
  'conversion',
  'text search configuration',
  'text search dictionary',
] as const

/**
 * Judges the statements of migrations, in the order in which they run. It knows what is surely harmless for
 * code that was written before them; all else is breaking. What they make themselves they may change as they like.
 */
export class SchemaReview {
  readonly #made = new Made()

  /** Tables that the statements so far have made. */
  get tables(): readonly string[] {
    return this.#made.tables
  }

  /** Names of all that they have made, tables and others. */
  get names(): readonly string[] {
    return this.#made.names
  }

  judge({ tokens }: Statement): Verdict {
    if (tokens.some(({ kind }) => kind === 'unclosed')) return breaking('a text in it has no end')
    const reader = new Reader(tokens)
    if (endsTransaction(reader)) {
      return {
        kind: 'refused',
        why: 'migrations run in one transaction, which a migration may not begin or end',
      }
    }
    if (reader.takesOneOf('savepoint', 'release', 'rollback to', 'comment on', 'analyze', 'show'))
      return additive
    if (reader.takes('create')) return this.#create(reader, tokens)
    if (reader.takes('alter')) return this.#alter(reader)
    if (reader.takes('drop')) return this.#drop(reader)
    if (reader.takes('set') || reader.takes('reset')) return reviewSetting(reader)
    if (reader.takes('grant')) return additive
    if (reader.takes('truncate')) return this.#truncate(reader)
    if (
      ['select', 'with', 'insert', 'update', 'delete', 'merge', 'values', '('].some((word) =>
        reader.sees(word),
      )
    ) {
      return this.#rows(tokens)
    }
    return breaking('it is not known to be harmless')
  }

  #create(reader: Reader, tokens: readonly Token[]): Verdict {
    const replaces = reader.takes('or', 'replace')
    reader.takesOneOf('global temporary', 'local temporary', 'temporary', 'temp', 'unlogged')
    if (reader.takes('table')) {
      const unsure = reader.takes('if', 'not', 'exists')
      const table = reader.name()
      // one that was there already may be in use
      if (table !== undefined && !unsure) this.#made.addTable(table)
      return isQuery(reader) ? this.#rows(tokens) : additive
    }
    const unique = reader.takes('unique')
    if (reader.takes('index')) return this.#createIndex(reader, unique)
    if (
      reader.takesOneOf('trigger', 'constraint trigger', 'rule', 'policy', 'event trigger') !==
      undefined
    ) {
      const table = tableAfterOn(reader)
      if (this.#made.hasTable(table)) return additive
      return breaking(
        `it changes what happens when the version before writes${table === undefined ? '' : ` to table ${table}`}`,
      )
    }
    const kind = reader.takesOneOf(...makings)
    if (kind === undefined) return breaking('it is not known to be harmless')
    reader.takes('if', 'not', 'exists')
    const name = reader.name() ?? ''
    if (replaces && !this.#made.has(kind, name)) {
      return breaking(
        `it may replace the ${kind} ${name} that the version before uses`,
        'Give it a new name.',
      )
    }
    this.#made.add(kind, name)
    return additive
  }

  #createIndex(reader: Reader, unique: boolean): Verdict {
    if (reader.takes('concurrently')) {
      return {
        kind: 'refused',
        why: 'an index can’t be made concurrently in the transaction that migrations run in',
      }
    }
    reader.takes('if', 'not', 'exists')
    const name = reader.sees('on') ? undefined : reader.name()
    reader.takes('on')
    reader.takes('only')
    const table = reader.name()
    if (name !== undefined) this.#made.add('index', name)
    if (table === undefined) return breaking('it names no table')
    if (this.#made.hasTable(table)) return additive
    if (reader.takes('using')) reader.name()
    if (!unique) {
      return {
        kind: 'additive',
        note: `writes to table ${table} wait while the index is built: some seconds for a million rows`,
      }
    }
    if (this.#made.areEmptyColumns(table, reader.names())) return additive
    return breaking(
      `the version before may write what a unique index on table ${table} refuses, and it may be there already`,
      'Put it on a new column that may be null, or look for the rows in question first and mark the migration breaking.',
    )
  }

  #alter(reader: Reader): Verdict {
    if (reader.takesOneOf('table', 'foreign table') !== undefined)
      return reviewAlterTable(reader, this.#made)
    const kind = reader.takesOneOf(...makings, 'index')
    const name = reader.name() ?? ''
    if (kind === undefined) return breaking('it is not known to be harmless')
    if (this.#made.has(kind, name)) return additive
    if (kind === 'type' && reader.takes('add', 'value')) return additive
    return breaking(
      `the version before may use the ${kind} ${name} as it was`,
      'Make a new one beside it.',
    )
  }

  #drop(reader: Reader): Verdict {
    const kind = reader.takesOneOf(
      ...makings,
      'table',
      'foreign table',
      'index',
      'trigger',
      'rule',
      'policy',
    )
    if (kind === undefined) return breaking('it is not known to be harmless')
    reader.takes('concurrently')
    reader.takes('if', 'exists')
    const names: string[] = []
    do names.push(reader.name() ?? '')
    while (reader.takes(','))
    const isMade = (name: string) =>
      kind === 'table' ? this.#made.hasTable(name) : this.#made.has(kind, name)
    if (names.every(isMade) && !reader.takes('cascade')) {
      if (kind === 'table') for (const name of names) this.#made.dropTable(name)
      return additive
    }
    return breaking(
      `the version before may still use the ${kind} ${names.join(', ')}`,
      'First a version that no longer uses it; then drop it in a later migration, marked breaking.',
    )
  }

  #truncate(reader: Reader): Verdict {
    reader.takes('table')
    reader.takes('only')
    const table = reader.name()
    return this.#made.hasTable(table)
      ? additive
      : breaking(`it deletes the rows of table ${table ?? ''}`)
  }

  /** What reads and writes rows. */
  #rows(tokens: readonly Token[]): Verdict {
    for (const { verb, table } of writesIn(tokens)) {
      if (this.#made.hasTable(table)) continue
      return breaking(
        `it ${verb} rows of table ${table ?? ''}, which handlers may be writing, and which stay locked until all migrations have run`,
        'Let the code do it bit by bit, or mark the migration breaking.',
      )
    }
    if (locksRows(tokens)) return breaking('it locks rows until all migrations have run')
    const call = unknownCall(tokens)
    return call === undefined ? additive : breaking(`it calls ${call}(), which may change anything`)
  }
}

function endsTransaction(reader: Reader): boolean {
  if (reader.sees('rollback', 'to')) return false
  return [
    ['begin'],
    ['start', 'transaction'],
    ['commit'],
    ['end'],
    ['rollback'],
    ['abort'],
    ['prepare', 'transaction'],
  ].some((words) => reader.sees(...words))
}

function reviewSetting(reader: Reader): Verdict {
  reader.takesOneOf('local', 'session')
  const name = reader.name() ?? ''
  if (harmlessSettings.has(name)) return additive
  return breaking(`it sets ${name}, which changes what statements mean`)
}

/** create table … as select …; `generated always as` stands in parentheses. */
function isQuery(reader: Reader): boolean {
  if (!reader.sees('as') && !reader.done) reader.until(new Set(['as']))
  return !reader.done
}

function tableAfterOn(reader: Reader): string | undefined {
  const rest = reader.rest()
  const at = rest.findIndex((token) => isWord(token, 'on'))
  return at < 0 ? undefined : new Reader(rest.slice(at + 1)).name()
}

function writesIn(tokens: readonly Token[]): { verb: string; table: string | undefined }[] {
  return tokens.flatMap((token, index) => {
    const before = tokens[index - 1]
    const reader = new Reader(tokens.slice(index))
    // `for update` locks, `on conflict … do update` belongs to its insert
    if (
      isWord(before, 'for') ||
      isWord(before, 'do') ||
      isWord(before, 'then') ||
      isWord(before, 'on')
    )
      return []
    if (token.kind !== 'word' || isWord(before, '.')) return []
    const verb = reader.takesOneOf('insert into', 'update', 'delete from', 'merge into')
    if (verb === undefined) return []
    reader.takes('only')
    return [{ verb: verbs[verb], table: reader.name() }]
  })
}

const verbs = {
  'insert into': 'adds',
  update: 'changes',
  'delete from': 'deletes',
  'merge into': 'changes',
} as const

function locksRows(tokens: readonly Token[]): boolean {
  return tokens.some((token, index) => {
    if (!isWord(token, 'for')) return false
    const reader = new Reader(tokens.slice(index + 1))
    return ['update', 'no', 'share', 'key'].some((word) => reader.sees(word))
  })
}
