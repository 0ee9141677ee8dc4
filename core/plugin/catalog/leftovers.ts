import { ulid } from 'ulid'
import type { Database, Queries } from '../../database/connection.ts'
import { coreNames } from '../../database/migration/core.ts'
import type { OtherUsers } from '../../database/migration/migrator.ts'
import { ownedTables, trackingTable } from '../../database/migration/tracking.ts'
import { OpsError } from '../../errors.ts'

/** What a plugin left in the database when its folder went. */
export interface Leftovers {
  /** Tables, with their rows, and what else is named after it. */
  readonly objects: readonly LeftObject[]
  /** Rows about it in tables of the core. */
  readonly records: readonly { readonly table: string; readonly rows: number }[]
}

interface LeftObject {
  readonly kind:
    | 'table'
    | 'view'
    | 'materialized view'
    | 'sequence'
    | 'type'
    | 'domain'
    | 'function'
  /** As SQL names it, quoted where it has to be. */
  readonly name: string
  readonly rows?: number
}

/** Tables that hold rows of a plugin, and what of a row names it. What happened stays on record in others. */
const recordTables: ReadonlyMap<string, string> = new Map([
  ['plugin_choices', 'plugin'],
  ['plugin_access', 'plugin'],
  ['button_payloads', 'plugin'],
  ['user_sessions', 'plugin'],
  ['session_states', 'plugin'],
  ['outbox', 'plugin'],
  ['job_schedules', 'plugin'],
  // there once a plugin had jobs
  ['pgboss.job', "data->>'plugin'"],
])

/**
 * What is there of a plugin that is gone: what bears its name and what its migrations made, but nothing of the core
 * or of another plugin.
 */
export async function leftoversOf(database: Database, plugin: string): Promise<Leftovers> {
  const owned = await ownedTables(database)
  const others = [...owned].flatMap(([owner, tables]) => (owner === plugin ? [] : tables))
  const foreign = [...others, ...(await coreNames(database))]
  const tracking = trackingTable(plugin)
  const rows = await database.query<{ kind: LeftObject['kind']; name: string; plain: string }>(
    `${objectsText} where (starts_with(plain, $1) or plain = any($2)) and not plain = any($3) order by kind, name`,
    [`${plugin}_`, [...(owned.get(plugin) ?? []), tracking], foreign],
  )
  const objects: LeftObject[] = []
  for (const { kind, name } of rows) {
    objects.push(
      kind === 'table' ? { kind, name, rows: await countOf(database, name) } : { kind, name },
    )
  }
  const records: { table: string; rows: number }[] = []
  for (const [table, owner] of recordTables) {
    const [there] = await database.query<{ found: boolean }>(
      'select to_regclass($1) is not null as found',
      [table],
    )
    if (there?.found !== true) continue
    const count = await countOf(database, table, { owner, plugin })
    if (count > 0) records.push({ table, rows: count })
  }
  return { objects, records }
}

/**
 * Drops it all in one transaction, with a row in the audit.
 *
 * @param others asked once more at the end: an instance may have started meanwhile
 * @throws OPS_DATABASE_IN_USE; PostgreSQL's 2BP01 when something else refers to it
 */
export async function purge(
  database: Database,
  plugin: string,
  { objects, records }: Leftovers,
  others: OtherUsers,
): Promise<void> {
  await database.transaction(async (transaction) => {
    for (const kind of dropOrder) {
      const names = objects.filter((object) => object.kind === kind).map(({ name }) => name)
      // all at once, so that they may refer to each other; nothing of others goes with them
      if (names.length > 0) await transaction.query(`drop ${kind} if exists ${names.join(', ')}`)
    }
    for (const { table } of records) {
      const owner = recordTables.get(table) ?? 'plugin'
      await transaction.query(`delete from ${table} where ${owner} = $1`, [plugin])
    }
    await transaction.query(
      `insert into audit_log (id, plugin, action, target, outcome, before, created_at)
       values ($1, $2, 'plugin.purge', $3, 'done', $4, now())`,
      [ulid(), plugin, `plugin:${plugin}`, JSON.stringify({ objects, records })],
    )
    const living = await others(transaction)
    if (living.length === 0) return
    throw new OpsError('OPS_DATABASE_IN_USE', `The database is used by ${living.join('; ')}`)
  })
}

const dropOrder = [
  'materialized view',
  'view',
  'table',
  'sequence',
  'function',
  'domain',
  'type',
] as const

/** Sequences of identity columns and row types of tables go with their tables. */
const objectsText = `
  select * from (
    select case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
        else 'table' end as kind, quote_ident(relname) as name, relname::text as plain
      from pg_class c
     where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v', 'm', 'S')
       and not exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
         and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i') and relkind = 'S')
    union all select case typtype when 'd' then 'domain' else 'type' end, quote_ident(typname), typname::text
      from pg_type where typnamespace = current_schema()::regnamespace and typtype in ('e', 'd')
    union all select 'function', oid::regprocedure::text, proname::text
      from pg_proc where pronamespace = current_schema()::regnamespace and prokind = 'f'
  ) objects`

async function countOf(
  database: Queries,
  table: string,
  of?: { readonly owner: string; readonly plugin: string },
): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    `select count(*)::int as count from ${table}${of === undefined ? '' : ` where ${of.owner} = $1`}`,
    of === undefined ? [] : [of.plugin],
  )
  return row?.count ?? 0
}
