import type { Database, Queries } from '../connection.ts'
import { isDatabaseAway } from '../failure.ts'
import { type Finding, MigrationRun } from './run.ts'
import { hasDown, isBreaking, type MigrationSet, type SourceMigration } from './set.ts'

/** What became of a migration's `down`: whether it makes the schema what it was. */
export type DownOutcome =
  | { readonly kind: 'none' | 'restores' }
  /** What is there after up and down and was not before, or the other way round. */
  | { readonly kind: 'differs'; readonly lines: readonly string[] }
  | { readonly kind: 'fails'; readonly error: unknown }

/** What one migration did, on an empty database with those before it. */
export interface MigrationReview {
  readonly migration: SourceMigration
  readonly breaking: boolean
  /** Its statements that say more than that they are additive, in the order of their running. */
  readonly findings: readonly Finding[]
  /** Tables that it made. */
  readonly tables: readonly string[]
  readonly down: DownOutcome
}

/**
 * Runs an owner's migrations one by one, each up, down and up again, and judges each for itself: for code that was
 * written with all those before it.
 *
 * @param database a scratch one, with the core's tables
 * @throws OpsError OPS_MIGRATION_FAILED
 */
export async function reviewMigrations(
  database: Database,
  { owner, migrations }: MigrationSet,
): Promise<readonly MigrationReview[]> {
  const reviews: MigrationReview[] = []
  const transaction = <T>(work: (run: MigrationRun) => Promise<T>) =>
    MigrationRun.inTransaction(database, { owner }, work)
  for (const migration of [...migrations].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const before = await schemaLines(database)
    const { findings, tables } = await transaction(async (run) => {
      await run.up(migration, { judged: false })
      return { findings: run.findings, tables: run.tables }
    })
    const again = () => transaction((run) => run.up(migration, { judged: false }))
    const down: DownOutcome = hasDown(migration)
      ? await outcomeOf(async () => {
          await transaction((run) => run.down(migration))
          const lines = difference(before, await schemaLines(database))
          // what the down left over is what its up would make: those after it find it there
          if (lines.length === 0) await again()
          else await again().catch(() => undefined)
          return lines
        })
      : { kind: 'none' }
    reviews.push({ migration, breaking: isBreaking(migration), findings, tables, down })
  }
  return reviews
}

async function outcomeOf(work: () => Promise<string[]>): Promise<DownOutcome> {
  try {
    const lines = await work()
    return lines.length === 0 ? { kind: 'restores' } : { kind: 'differs', lines }
  } catch (error) {
    if (isDatabaseAway(error)) throw error
    return { kind: 'fails', error }
  }
}

function difference(before: ReadonlySet<string>, after: ReadonlySet<string>): string[] {
  return [
    ...[...after].filter((line) => !before.has(line)).map((line) => `left over: ${line}`),
    ...[...before].filter((line) => !after.has(line)).map((line) => `not restored: ${line}`),
  ]
}

/** What stands in the schema, one readable line a thing; the order of columns doesn't count. */
async function schemaLines(database: Queries): Promise<ReadonlySet<string>> {
  const rows = await database.query<{ line: string }>(`
    select concat('column ', attname, ' of ', relname, ' ', format_type(atttypid, atttypmod),
        case when attnotnull then ' not null' end, ' ' || pg_get_expr(adbin, adrelid)) as line
      from pg_class
      join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
      left join pg_attrdef on adrelid = attrelid and adnum = attnum
     where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v', 'm')
       and relname not like 'migrations\\_%'
    union all select 'table ' || relname from pg_class
     where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'S')
       and relname not like 'migrations\\_%'
    union all select 'index ' || indexdef from pg_indexes
     where schemaname = current_schema() and tablename not like 'migrations\\_%'
    union all select concat('rule ', conname, ' of ', conrelid::regclass, ' ', pg_get_constraintdef(oid))
      from pg_constraint
     where connamespace = current_schema()::regnamespace and conrelid::regclass::text not like 'migrations\\_%'
    union all select 'type ' || typname from pg_type
     where typnamespace = current_schema()::regnamespace and typtype in ('e', 'd')
    union all select 'function ' || oid::regprocedure::text from pg_proc
     where pronamespace = current_schema()::regnamespace
    union all select concat('trigger ', tgname, ' of ', tgrelid::regclass) from pg_trigger where not tgisinternal`)
  return new Set(rows.map(({ line }) => line))
}
