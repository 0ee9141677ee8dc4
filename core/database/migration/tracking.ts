import { codeOf, OpsError } from '../../errors.ts'
import type { Queries } from '../connection.ts'
import { isBreaking, type MigrationSet, type SourceMigration } from './set.ts'

/** A migration that has run, as its row tells. */
export interface RecordedMigration {
  readonly name: string
  readonly hash: string
  /** No version from before it may serve. */
  readonly breaking: boolean
  readonly executedAt: Date
}

/** What is on record against what the set holds. */
export interface MigrationState {
  /** Those on record, in order. */
  readonly recorded: readonly RecordedMigration[]
  /** Those of the set that have not run yet, in order. */
  readonly pending: readonly SourceMigration[]
  /** On record, and changed since. */
  readonly edited: readonly SourceMigration[]
  /** On record, and the set no longer has them: an older version of the code. */
  readonly missing: readonly RecordedMigration[]
}

/** Where one owner's migrations are on record. */
export function trackingTable(owner: string): string {
  // The name becomes part of SQL; manifests allow no other.
  if (/^[a-z][a-z0-9]*$/.test(owner)) return `migrations_${owner}`
  throw new OpsError('OPS_INTERNAL', `"${owner}" can't own migrations`)
}

/** Reads what has run. Nothing has, where the table isn't there. */
export async function readState(database: Queries, set: MigrationSet): Promise<MigrationState> {
  try {
    return compare(set, await recordedIn(database, set.owner))
  } catch (error) {
    // 42P01: no such table
    if (codeOf(error) === '42P01') return compare(set, [])
    throw error
  }
}

/** @throws PostgreSQL's 42P01 when the table isn't there */
export async function recordedIn(database: Queries, owner: string): Promise<RecordedMigration[]> {
  // through json, because tables of earlier versions have no such column
  const rows = await database.query<Omit<RecordedMigration, 'executedAt'> & { executedAt: string }>(
    `select name, hash, coalesce((to_jsonb(t) ->> 'breaking')::boolean, false) as breaking, executed_at as "executedAt"
       from ${trackingTable(owner)} t order by name`,
  )
  return rows.map((row) => ({ ...row, executedAt: new Date(row.executedAt) }))
}

/** The tables that migrations of each owner have made, as far as that is on record. */
export async function ownedTables(database: Queries): Promise<ReadonlyMap<string, string[]>> {
  const tables = await database.query<{ name: string }>(
    `select relname::text as name from pg_class
      where relnamespace = current_schema()::regnamespace and relkind = 'r' and starts_with(relname, 'migrations_')`,
  )
  const owned = new Map<string, string[]>()
  for (const { name } of tables) {
    const rows = await database.query<{ tables: string[] }>(
      `select coalesce(to_jsonb(t) -> 'tables', '[]') as tables from ${name} t`,
    )
    owned.set(
      name.slice('migrations_'.length),
      rows.flatMap((row) => row.tables),
    )
  }
  return owned
}

export function compare(
  { migrations }: MigrationSet,
  recorded: readonly RecordedMigration[],
): MigrationState {
  const hashes = new Map(recorded.map(({ name, hash }) => [name, hash]))
  const sorted = [...migrations].sort((a, b) => (a.name < b.name ? -1 : 1))
  const names = new Set(sorted.map(({ name }) => name))
  return {
    recorded,
    pending: sorted.filter(({ name }) => !hashes.has(name)),
    edited: sorted.filter(({ name, hash }) => hashes.has(name) && hashes.get(name) !== hash),
    missing: recorded.filter(({ name }) => !names.has(name)),
  }
}

/** Whether something pending breaks a version that may have served this database. */
export function breaks({ recorded, pending }: MigrationState): boolean {
  return recorded.length > 0 && pending.some(isBreaking)
}

/** Refuses a set that doesn't fit what is on record. @throws OPS_MIGRATION_EDITED, OPS_MIGRATION_NEWER */
export function checkFit({ owner }: MigrationSet, { edited, missing }: MigrationState): void {
  const [first] = edited
  if (first !== undefined) {
    throw new OpsError(
      'OPS_MIGRATION_EDITED',
      `Migration ${first.name} of ${owner} was edited after it had run`,
      {
        ...(owner === 'core' ? {} : { hint: editedHint(owner) }),
        details: { owner, migration: first.name, file: first.file },
      },
    )
  }
  const newer = missing.filter(({ breaking }) => breaking).map(({ name }) => name)
  if (newer.length === 0) return
  throw new OpsError(
    'OPS_MIGRATION_NEWER',
    `The database has ${newer.join(', ')} of ${owner}, which breaks this older version`,
    { details: { owner, migrations: newer } },
  )
}

function editedHint(plugin: string): string {
  return `Put the file back as it was and write the change as a new migration. While developing, \`npx opsgram migrate redo --plugin ${plugin}\` undoes the last one by its down and runs it anew.`
}
