import type { Configuration, MikroORM, Transaction } from '@mikro-orm/core'
import type { Migration } from '@mikro-orm/migrations'
import type { AbstractSqlDriver } from '@mikro-orm/sql'
import { codeOf, messageOf, OpsError } from '../errors.ts'
import type { Database } from './connection.ts'
import { isDatabaseAway } from './failure.ts'
import { createOrm, type OpsDriver } from './orm.ts'

/** What a migration file exports by default: a class that extends `Migration` of '@mikro-orm/migrations'. */
export type MigrationClass = new (driver: AbstractSqlDriver, config: Configuration) => Migration

/** The migrations of the core or of one plugin. */
export interface MigrationSet {
  /** 'core', or the plugin's name: also the suffix of the tracking table. */
  readonly owner: string
  readonly migrations: readonly {
    /** File name without extension; they run in the order of their names. */
    readonly name: string
    readonly class: MigrationClass
    /** Hash of the file's content. */
    readonly hash: string
    /** Absolute path, for whoever has to correct it. */
    readonly file?: string
  }[]
}

export interface MigrationResult {
  /** Names of those that ran, in order. */
  readonly applied: readonly string[]
  /**
   * Names on record that the set no longer has: an older version is running on a newer schema. No error, because
   * migrations only add and a rolled-back plugin has to run; worth a warning.
   */
  readonly missing: readonly string[]
}

/** Another process that migrates is worth waiting for. */
const waitForOther = '15s'
/** A table that stays locked is not: a running bot waits behind us. */
const waitForTable = '2s'
const longestStatement = 300

/**
 * Runs what is pending of one owner: all in one transaction, under a lock, so that of two processes one does it and
 * the other finds it done. A failure leaves the schema as it was.
 *
 * @throws OpsError OPS_MIGRATION_EDITED, OPS_MIGRATION_FAILED, OPS_MIGRATION_LOCKED
 */
export async function migrate(database: Database, set: MigrationSet): Promise<MigrationResult> {
  const before = compare(set, await recorded(database, set.owner))
  if (before.pending.length === 0) return { applied: [], missing: before.missing }
  const orm = await createOrm(database, [])
  const connection = orm.driver.getConnection()
  try {
    return await connection.transactional((transaction) =>
      // Building an index may take its time; the guard lifts the limit of the statements inside.
      connection.guarded(() => migrateInside(database, orm, transaction, set), true),
    )
  } catch (error) {
    if (codeOf(error) !== '55P03') throw error
    throw new OpsError(
      'OPS_MIGRATION_LOCKED',
      `Another process has been migrating ${set.owner} for ${waitForOther}`,
      { cause: error, details: { owner: set.owner } },
    )
  }
}

/**
 * Names of the migrations that have not run yet, in order.
 *
 * @throws OpsError OPS_MIGRATION_EDITED
 */
export async function pendingMigrations(
  database: Database,
  set: MigrationSet,
): Promise<readonly string[]> {
  return compare(set, await recorded(database, set.owner)).pending.map(({ name }) => name)
}

async function migrateInside(
  database: Database,
  orm: MikroORM<OpsDriver>,
  transaction: Transaction,
  set: MigrationSet,
): Promise<MigrationResult> {
  const run = <Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> =>
    orm.driver.execute<Row[]>(sql, [...parameters], 'all', transaction)
  const table = trackingTable(set.owner)
  // The embedded database has one session: nobody to wait for, and its session timeouts can hang it.
  const server = database.kind === 'postgres'
  if (server) {
    await run(`set local lock_timeout = '${waitForOther}'; set local statement_timeout = 0`)
    await run('select pg_advisory_xact_lock(hashtextextended(?, 0))', [`opsgram ${table}`])
    await run(`set local lock_timeout = '${waitForTable}'`)
  }
  await run(
    `create table if not exists ${table} (
       name text primary key, hash text not null, executed_at timestamptz not null default now())`,
  )
  // Read again under the lock: another process may have run them while we waited.
  const { pending, missing } = compare(set, await run(`select name, hash from ${table}`))
  for (const migration of pending) {
    await runOne(orm, transaction, set.owner, migration)
    await run(`insert into ${table} (name, hash) values (?, ?)`, [migration.name, migration.hash])
  }
  return { applied: pending.map(({ name }) => name), missing }
}

async function runOne(
  orm: MikroORM<OpsDriver>,
  transaction: Transaction,
  owner: string,
  { class: MigrationOf, ...source }: MigrationSet['migrations'][number],
): Promise<void> {
  let statement: string | undefined
  try {
    const migration = new MigrationOf(orm.driver, orm.config)
    if (!migration.isTransactional()) {
      throw new Error('isTransactional() is false, but migrations always run in a transaction')
    }
    migration.setTransactionContext(transaction)
    await migration.up()
    for (const query of migration.getQueries()) {
      statement = typeof query === 'string' ? query : undefined
      await orm.driver.execute(query, undefined, 'all', transaction)
    }
  } catch (error) {
    if (isDatabaseAway(error)) throw error
    throw failed(owner, source, statement, error)
  }
}

function failed(
  owner: string,
  { name, file }: { name: string; file?: string },
  statement: string | undefined,
  error: unknown,
): OpsError {
  const text = statement?.replace(/\s+/g, ' ').trim()
  // MikroORM puts the whole statement before PostgreSQL's own words.
  const reason = messageOf(error).split(' - ').at(-1)?.trim() ?? ''
  const details = {
    owner,
    migration: name,
    file,
    reason,
    sqlState: codeOf(error),
    ...(text === undefined || text.length > longestStatement ? {} : { statement: text }),
  }
  if (codeOf(error) === '55P03') {
    return new OpsError(
      'OPS_MIGRATION_LOCKED',
      `Migration ${name} of ${owner} needs a table that others kept locked for ${waitForTable}`,
      { cause: error, details },
    )
  }
  const where = details.statement === undefined ? '' : ` in: ${details.statement}`
  return new OpsError(
    'OPS_MIGRATION_FAILED',
    `Migration ${name} of ${owner} failed: ${reason}${where}`,
    { cause: error, details },
  )
}

interface Recorded {
  readonly name: string
  readonly hash: string
}

async function recorded(database: Database, owner: string): Promise<readonly Recorded[]> {
  try {
    return await database.query<Recorded>(`select name, hash from ${trackingTable(owner)}`)
  } catch (error) {
    // 42P01: no such table, so nothing has ever run.
    if (codeOf(error) === '42P01') return []
    throw error
  }
}

function compare(set: MigrationSet, rows: readonly Recorded[]) {
  const hashes = new Map(rows.map(({ name, hash }) => [name, hash]))
  const sorted = [...set.migrations].sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const { name, hash, file } of sorted) {
    const known = hashes.get(name)
    if (known === undefined || known === hash) continue
    throw new OpsError(
      'OPS_MIGRATION_EDITED',
      `Migration ${name} of ${set.owner} was edited after it had run`,
      {
        hint: `Put the file back as it was and write the change as a new migration. While developing you may instead undo it by hand and delete its row from ${trackingTable(set.owner)}.`,
        details: { owner: set.owner, migration: name, file },
      },
    )
  }
  const names = new Set(sorted.map(({ name }) => name))
  return {
    pending: sorted.filter(({ name }) => !hashes.has(name)),
    missing: rows.map(({ name }) => name).filter((name) => !names.has(name)),
  }
}

function trackingTable(owner: string): string {
  // The name becomes part of SQL; manifests allow no other.
  if (/^[a-z][a-z0-9]*$/.test(owner)) return `migrations_${owner}`
  throw new OpsError('OPS_INTERNAL', `"${owner}" can't own migrations`)
}
