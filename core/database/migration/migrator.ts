import { codeOf, OpsError } from '../../errors.ts'
import type { Database, Queries } from '../connection.ts'
import { needsMaintenance, slowMigration } from './error.ts'
import { MigrationRun } from './run.ts'
import { hasDown, isBreaking, type MigrationSet, type SourceMigration } from './set.ts'
import {
  breaks,
  checkFit,
  compare,
  type MigrationState,
  readState,
  recordedIn,
} from './tracking.ts'

export interface MigrationResult {
  /** Names of those that ran, in order. */
  readonly applied: readonly string[]
  /**
   * Names on record that the set no longer has: an older version is running on a newer schema. No error, because
   * what they did was additive and a rolled-back plugin has to run; worth a warning.
   */
  readonly missing: readonly string[]
}

/** Who else uses the database, in words for a person: `host 12 (process 345)`. */
export type OtherUsers = (database: Queries) => Promise<readonly string[]>

export interface MigrateOptions {
  /**
   * What goes on meanwhile. `serving`: code that was written before them handles updates, so only what is additive
   * runs, and each statement has 20 s. `held`: the owner's handlers wait, so those that are marked breaking run too.
   * `maintenance`: nobody serves, and the person who runs it decides: anything runs. Default `held`.
   */
  readonly during?: 'serving' | 'held' | 'maintenance'
  /** Asked when something runs that isn't additive; somebody there refuses it. Default: nobody can be. */
  readonly others?: OtherUsers
  /** How long one statement may take while serving, ms; default 20,000. */
  readonly statementLimitMs?: number
}

/** Handlers wait for the tables that it changes, at most for 30 s (the limit of their own statements). */
const statementLimitMs = 20_000

/**
 * Runs what is pending of one owner: all in one transaction, under a lock, so that of two processes one does it and
 * the other finds it done. A failure leaves the schema as it was.
 *
 * @throws OpsError OPS_MIGRATION_EDITED, OPS_MIGRATION_NEWER, OPS_MIGRATION_FAILED, OPS_MIGRATION_LOCKED,
 * OPS_MIGRATION_UNMARKED, OPS_MIGRATION_NO_DOWN, OPS_MIGRATION_NEEDS_MAINTENANCE, OPS_MIGRATION_SLOW
 */
export async function migrate(
  database: Database,
  set: MigrationSet,
  options: MigrateOptions = {},
): Promise<MigrationResult> {
  const before = await readState(database, set)
  checkFit(set, before)
  const missing = before.missing.map(({ name }) => name)
  if (before.pending.length === 0) return { applied: [], missing }
  const { during = 'held', statementLimitMs: limit = statementLimitMs } = options
  try {
    const applied = await MigrationRun.inTransaction(
      database,
      { owner: set.owner, ...(during === 'serving' ? { statementLimitMs: limit } : {}) },
      (run) => migrateInside(run, set, options),
    )
    return { applied, missing }
  } catch (error) {
    // 57014: the statement's time was up
    if (during !== 'serving' || sqlStateOf(error) !== '57014') throw error
    throw slowMigration(set.owner, limit, error)
  }
}

/**
 * Names of the migrations that have not run yet, in order.
 *
 * @throws OpsError OPS_MIGRATION_EDITED, OPS_MIGRATION_NEWER
 */
export async function pendingMigrations(
  database: Database,
  set: MigrationSet,
): Promise<readonly string[]> {
  const state = await readState(database, set)
  checkFit(set, state)
  return state.pending.map(({ name }) => name)
}

async function migrateInside(
  run: MigrationRun,
  set: MigrationSet,
  { during = 'held', others = async () => [] }: MigrateOptions,
): Promise<string[]> {
  // Read again under the lock: another process may have run them while we waited.
  const state = compare(set, await recordedIn(run, set.owner))
  const { pending } = state
  const breaking = breaks(state)
  if (breaking) {
    if (during === 'serving')
      throw needsMaintenance(set.owner, namesOfBreaking(state), await others(run))
    checkDowns(set, state)
  }
  const alone = breaking || during === 'maintenance'
  if (alone) await run.keepReadersOut()
  for (const migration of pending) {
    await run.up(migration, { judged: during !== 'maintenance' && !isBreaking(migration) })
  }
  const living = alone ? await others(run) : []
  if (living.length > 0) throw needsMaintenance(set.owner, namesOfBreaking(state), living)
  return pending.map(({ name }) => name)
}

/**
 * Undoes migrations by their `down`, the last one first, in one transaction. Those that have not run are left out.
 *
 * @throws OpsError OPS_MIGRATION_DOWN_FAILED; nothing was undone then
 */
export async function undo(
  database: Database,
  set: MigrationSet,
  names: readonly string[],
): Promise<void> {
  await MigrationRun.inTransaction(database, { owner: set.owner }, async (run) => {
    await run.keepReadersOut()
    const recorded = new Set((await recordedIn(run, set.owner)).map(({ name }) => name))
    for (const migration of [...inOrder(set)].reverse()) {
      const { name } = migration
      if (names.includes(name) && recorded.has(name)) await run.down(migration)
    }
  })
}

/**
 * Undoes the last migration by its `down` and runs it anew, in one transaction: for one that is still being
 * written. It may have been edited since it ran.
 *
 * @returns its name
 * @throws OpsError OPS_MIGRATION_NO_DOWN, OPS_MIGRATION_DOWN_FAILED, OPS_MIGRATION_FAILED, OPS_MIGRATION_EDITED (an
 * earlier one), OPS_MIGRATION_NOTHING
 */
export async function redo(database: Database, set: MigrationSet): Promise<string> {
  const state = await readState(database, set)
  const { recorded, missing } = state
  const last = inOrder(set).findLast(({ name }) => recorded.some((row) => row.name === name))
  if (last === undefined) {
    throw new OpsError('OPS_MIGRATION_NOTHING', `No migration of ${set.owner} has run yet`)
  }
  const later = missing.find(({ name }) => name > last.name)
  if (later !== undefined) {
    throw new OpsError(
      'OPS_MIGRATION_NEWER',
      `The database has ${later.name} of ${set.owner}, which this version lacks`,
    )
  }
  checkFit(set, { ...state, edited: state.edited.filter(({ name }) => name !== last.name) })
  checkDown(set, last)
  await MigrationRun.inTransaction(database, { owner: set.owner }, async (run) => {
    await run.keepReadersOut()
    await run.down(last)
    await run.up(last, { judged: false })
  })
  return last.name
}

/** Those that have to be undone when a version that brought breaking ones doesn't come up. */
export function undoable(
  { migrations }: MigrationSet,
  applied: readonly string[],
): readonly string[] {
  const first = applied.findIndex((name) =>
    migrations.some((migration) => migration.name === name && isBreaking(migration)),
  )
  return first < 0 ? [] : applied.slice(first)
}

/**
 * Refuses what could not be undone: from the first breaking one on every pending one needs a `down`, because
 * they are undone in turn.
 *
 * @throws OPS_MIGRATION_NO_DOWN
 */
export function checkDowns(set: MigrationSet, { pending }: MigrationState): void {
  const first = pending.findIndex(isBreaking)
  if (first < 0) return
  for (const migration of pending.slice(first)) checkDown(set, migration)
}

function checkDown({ owner }: MigrationSet, migration: SourceMigration): void {
  if (hasDown(migration)) return
  throw new OpsError(
    'OPS_MIGRATION_NO_DOWN',
    `Migration ${migration.name} of ${owner} has no down`,
    {
      details: { owner, migration: migration.name, file: migration.file },
    },
  )
}

function namesOfBreaking({ pending }: MigrationState): string[] {
  return pending.filter(isBreaking).map(({ name }) => name)
}

function inOrder({ migrations }: MigrationSet): readonly SourceMigration[] {
  return [...migrations].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function sqlStateOf(error: unknown): unknown {
  return error instanceof OpsError ? error.details.sqlState : codeOf(error)
}
