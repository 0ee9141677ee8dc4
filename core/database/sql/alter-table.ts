import { unsteadyCall } from './calls.ts'
import { listOf, Reader } from './statement.ts'
import type { Token } from './tokens.ts'
import { additive, breaking, type Made, type Verdict } from './verdict.ts'

/** What may follow the type of a column. */
const columnWords = new Set(
  `not null default check unique primary references generated constraint collate storage compression deferrable
   initially`.split(/\s+/),
)
/** These number all rows that are there. */
const serials = new Set('serial bigserial smallserial serial2 serial4 serial8'.split(' '))

const keepOld =
  'Make it a column of its own, which may be null, and let both versions live with it; take the old one away in a later migration, marked breaking.'

/**
 * Judges ALTER TABLE, after those words.
 *
 * Rewrites and locks: https://www.postgresql.org/docs/15/sql-altertable.html, Notes.
 */
export function reviewAlterTable(reader: Reader, made: Made): Verdict {
  reader.takes('if', 'exists')
  reader.takes('only')
  const table = reader.name()
  reader.takes('*')
  if (table === undefined) return breaking('it alters tables that it does not name')
  if (made.hasTable(table)) return changeMade(reader, made)
  let note: Verdict = additive
  for (const action of listOf(reader.rest())) {
    const verdict = reviewAction(new Reader(action), table, made)
    if (verdict.kind !== 'additive') return verdict
    if (verdict.note !== undefined) note = verdict
  }
  return note
}

/** One that was made just now may be changed at will. */
function changeMade(reader: Reader, made: Made): Verdict {
  if (reader.takes('rename', 'to')) made.addTable(reader.name() ?? '')
  return additive
}

function reviewAction(reader: Reader, table: string, made: Made): Verdict {
  if (reader.takes('add')) {
    if (isConstraint(reader)) return reviewConstraint(reader, table, made)
    reader.takes('column')
    return reviewColumn(reader, table, made)
  }
  if (reader.takes('validate', 'constraint')) return additive
  if (reader.takes('alter')) {
    if (reader.takes('constraint')) return breaking('it changes when a rule is checked')
    reader.takes('column')
    return reviewColumnChange(reader, table)
  }
  if (reader.takes('drop')) return reviewDrop(reader, table)
  if (reader.takes('rename')) {
    return breaking(`the version before knows it in ${table} by its old name`, keepOld)
  }
  // (fillfactor = …) and the like
  if (reader.takes('set', '(') || reader.takes('reset', '(')) return additive
  return breaking(`it changes table ${table} in a way that is not known to be harmless`)
}

function isConstraint(reader: Reader): boolean {
  return [
    ['constraint'],
    ['primary', 'key'],
    ['unique'],
    ['check'],
    ['foreign', 'key'],
    ['exclude'],
  ].some((words) => reader.sees(...words))
}

function reviewConstraint(reader: Reader, table: string, made: Made): Verdict {
  if (reader.takes('constraint')) reader.name()
  const kind = reader.takesOneOf('primary key', 'unique', 'foreign key', 'check', 'exclude')
  if (kind === 'unique') reader.takes('nulls', 'distinct')
  if (kind === 'unique' || kind === 'foreign key') {
    if (made.areEmptyColumns(table, reader.names())) return additive
  }
  const instead =
    'Put the rule on a new column, or let the code keep it until no version is left that breaks it.'
  const name =
    kind === undefined
      ? 'rule'
      : kind === 'primary key' || kind === 'foreign key'
        ? kind
        : `${kind} rule`
  return breaking(
    `a new ${name} on table ${table} refuses what the version before may write, and what may be there already`,
    instead,
  )
}

function reviewColumn(reader: Reader, table: string, made: Made): Verdict {
  const unsure = reader.takes('if', 'not', 'exists')
  const column = reader.name()
  if (column === undefined) return breaking(`it adds to table ${table} what can't be read`)
  const what = `column ${column} of table ${table}`
  const type = reader.until(columnWords)
  if (type.some(({ kind, text }) => kind === 'word' && serials.has(text))) return rewrites(what)
  const rules = readColumnRules(reader)
  if (rules === undefined)
    return breaking(`${what} is made in a way that is not known to be harmless`)
  if (rules.generated) return rewrites(what)
  const isFilled = rules.default !== undefined && !isNull(rules.default)
  if (rules.notNull && !isFilled) {
    return breaking(
      `${what} must be filled: the version before doesn't fill it, nor do the rows that are there`,
      'Let it be null, or give it a default.',
    )
  }
  const call = rules.default === undefined ? undefined : unsteadyCall(rules.default)
  if (call !== undefined) {
    return breaking(
      `the default of ${what} calls ${call}(), which answers each row anew: the whole table is written, and locked meanwhile`,
      'Add the column without a default and let the code fill it; `alter column … set default` afterwards is additive.',
    )
  }
  if (isFilled && rules.unique) {
    return breaking(`${what} is unique, and its default is the same in every row`)
  }
  if (isFilled && rules.refers) {
    return breaking(
      `${what} refers to another table with a default: every row that is there is checked`,
    )
  }
  if (!isFilled && !unsure) made.addEmptyColumn(table, column)
  return additive
}

interface ColumnRules {
  notNull: boolean
  default: readonly Token[] | undefined
  unique: boolean
  refers: boolean
  generated: boolean
}

/** @returns undefined when something isn't known */
function readColumnRules(reader: Reader): ColumnRules | undefined {
  const rules: ColumnRules = {
    notNull: false,
    default: undefined,
    unique: false,
    refers: false,
    generated: false,
  }
  while (!reader.done) {
    const word = reader.takesOneOf(
      'not null',
      'null',
      'default',
      'check',
      'unique',
      'primary key',
      'references',
      'generated',
      'constraint',
      'collate',
      'storage',
      'compression',
      'not deferrable',
      'deferrable',
      'initially',
    )
    if (word === undefined) return undefined
    if (word === 'not null' || word === 'primary key') rules.notNull = true
    if (word === 'unique' || word === 'primary key') rules.unique = true
    if (word === 'references') rules.refers = true
    if (word === 'generated') rules.generated = true
    if (word === 'default') rules.default = reader.until(columnWords)
    else if (word === 'constraint' || word === 'collate') reader.name()
    else if (word === 'references') skipReference(reader)
    else if (word === 'check' || word === 'generated' || word === 'unique') skip(reader)
    else if (word === 'storage' || word === 'compression' || word === 'initially') reader.next()
  }
  return rules
}

/** `on delete set null` and `on update set default` belong to the reference. */
function skipReference(reader: Reader): void {
  reader.name()
  reader.names()
  while (reader.takesOneOf('match', 'on delete', 'on update') !== undefined) {
    if (reader.takesOneOf('set null', 'set default', 'no action') === undefined) reader.next()
    else reader.names()
  }
}

function skip(reader: Reader): void {
  if (!reader.done && !columnStarts.some((word) => reader.sees(word))) reader.until(columnWords)
}
const columnStarts = [...columnWords]

function isNull(expression: readonly Token[]): boolean {
  return expression[0]?.kind === 'word' && expression[0].text === 'null'
}

function rewrites(what: string): Verdict {
  return breaking(
    `${what} is computed for every row that is there: the whole table is written, and locked meanwhile`,
    'Add it as a plain column that may be null, and let the code fill it.',
  )
}

function reviewColumnChange(reader: Reader, table: string): Verdict {
  const column = reader.name() ?? ''
  const what = `column ${column} of table ${table}`
  // each lets through more than before: whatever the version before writes still fits
  if (reader.takes('drop', 'not', 'null')) return additive
  if (reader.takes('set', 'default')) return additive
  if (
    reader.takes('set', 'statistics') ||
    reader.takes('set', 'storage') ||
    reader.takes('set', 'compression')
  ) {
    return additive
  }
  if (reader.takes('set', '(') || reader.takes('reset', '(')) return additive
  if (reader.takes('set', 'not', 'null')) {
    return breaking(
      `${what} may no longer be null: the version before may write null, and null may be there already`,
      'Give it a default and let the code fill it; forbid null when no version is left that writes it.',
    )
  }
  if (reader.takes('type') || reader.takes('set', 'data', 'type')) {
    return breaking(
      `the type of ${what} changes: what the version before writes or reads may not fit`,
      keepOld,
    )
  }
  if (reader.takes('drop', 'default')) {
    return breaking(`${what} loses its default, which the version before may rely on`)
  }
  return breaking(`it changes ${what} in a way that is not known to be harmless`)
}

function reviewDrop(reader: Reader, table: string): Verdict {
  if (reader.takes('constraint')) {
    return breaking(
      `the version before may rely on the rule that table ${table} loses (on conflict needs a unique one)`,
    )
  }
  reader.takes('column')
  reader.takes('if', 'exists')
  const column = reader.name() ?? ''
  return breaking(
    `the version before still reads and writes column ${column} of table ${table}`,
    'First a version that no longer uses it (let it be null: `alter column … drop not null`); then drop it in a later migration, marked breaking.',
  )
}
