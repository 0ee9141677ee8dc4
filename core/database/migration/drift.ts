import { MikroORM } from '@mikro-orm/core'
import { DatabaseSchema, SqlSchemaGenerator } from '@mikro-orm/sql'
import type { Database } from '../connection.ts'
import { type Entity, OpsDriver, ormOptions } from '../orm.ts'
import { listOf, Reader, type Statement, statementsOf } from '../sql/statement.ts'

/** What it takes to bring the schema to what the entities say, and back: statements. */
export interface Drift {
  readonly up: readonly string[]
  readonly down: readonly string[]
}

/**
 * Compares the tables of one plugin with its entities, by MikroORM's schema diff. What migrations made and entities
 * don't speak of (indexes, rules, defaults, names of foreign keys) is left as it is.
 *
 * @param entities those of the plugin and those that they refer to
 * @param own the plugin's name, with which its tables begin, and other tables that it has
 */
export async function driftOf(
  database: Database,
  entities: readonly Entity[],
  own: { readonly plugin: string; readonly tables: readonly string[] },
): Promise<Drift> {
  const names = [`${own.plugin}_`, ...own.tables.map((table) => `${table}$`)].join('|')
  // tried on `name` and on `public.name`
  const foreign = [new RegExp(`^(?!(public\\.)?(${names}))`)]
  const orm = await MikroORM.init<OpsDriver>({
    ...ormOptions,
    discovery: { ...ormOptions.discovery },
    driver: OpsDriver,
    driverOptions: database.kysely,
    dbName: database.kind,
    entities: [...entities],
    schemaGenerator: { skipTables: foreign },
  })
  const { em, config } = orm
  const fromSchema = await DatabaseSchema.create(
    em.getConnection(),
    em.getPlatform(),
    config,
    undefined,
    ['public'],
    undefined,
    foreign,
  )
  // given, because the generator would look for a database of the name and make one
  const sql = await new SqlSchemaGenerator(em).getUpdateSchemaMigrationSQL({
    fromSchema,
    dropTables: false,
  })
  return withoutExtras(statementsOf(sql.up), statementsOf(sql.down))
}

/** Leaves out what would only take away or rename what migrations made by hand. */
function withoutExtras(up: readonly Statement[], down: readonly Statement[]): Drift {
  const added = new Set<string>()
  const kept = up.filter((statement) => isWanted(statement, added))
  if (kept.length === 0) return { up: [], down: [] }
  return {
    up: kept.map(({ text }) => text),
    down: down.filter((statement) => undoesWanted(statement, added)).map(({ text }) => text),
  }
}

/** @param added names of constraints and `table column`s that the statements so far bring */
function isWanted({ tokens }: Statement, added: Set<string>): boolean {
  const reader = new Reader(tokens)
  if (reader.takes('set')) return false
  if (reader.takes('drop')) return false
  if (reader.takes('create', 'table')) {
    added.add(`${reader.name() ?? ''} *`)
    return true
  }
  if (reader.takes('create')) {
    reader.takes('unique')
    reader.takes('index')
    added.add(`index ${reader.name() ?? ''}`)
    return true
  }
  if (!reader.takes('alter', 'table')) return true
  const table = reader.name() ?? ''
  const [action, ...more] = listOf(reader.rest()).map((tokens) => new Reader(tokens))
  if (action === undefined) return true
  if (action.takes('drop', 'constraint')) return false
  if (action.takes('add', 'constraint')) {
    const constraint = action.name() ?? ''
    if (!action.takes('foreign', 'key')) return true
    // one that is there under another name
    const isNew = (action.names() ?? []).some(
      (column) => added.has(`${table} ${column}`) || added.has(`${table} *`),
    )
    if (isNew) added.add(`constraint ${constraint}`)
    return isNew
  }
  if (action.takes('alter', 'column')) {
    action.name()
    return !action.sees('drop', 'default') && !action.sees('set', 'default')
  }
  for (const each of [action, ...more]) {
    if (!each.takes('add')) continue
    each.takes('column')
    added.add(`${table} ${each.name() ?? ''}`)
  }
  return true
}

function undoesWanted({ tokens }: Statement, added: ReadonlySet<string>): boolean {
  const reader = new Reader(tokens)
  if (reader.takes('set')) return false
  if (reader.takes('create', 'table')) return false
  if (reader.takes('create')) return false
  if (reader.takes('drop', 'index')) {
    reader.takes('if', 'exists')
    return added.has(`index ${reader.name() ?? ''}`)
  }
  if (!reader.takes('alter', 'table')) return true
  const table = reader.name() ?? ''
  // its whole table goes
  if (added.has(`${table} *`)) return false
  if (reader.takes('add', 'constraint')) return false
  if (reader.takes('drop', 'constraint')) return added.has(`constraint ${reader.name() ?? ''}`)
  if (reader.takes('alter', 'column')) {
    reader.name()
    return !reader.sees('drop', 'default') && !reader.sees('set', 'default')
  }
  return true
}
