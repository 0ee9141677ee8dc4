import type { Database } from '../../database/connection.ts'
import { isCommitUnknown } from '../../database/failure.ts'
import { needsMaintenance } from '../../database/migration/error.ts'
import {
  checkDowns,
  migrate,
  type OtherUsers,
  undo,
  undoable,
} from '../../database/migration/migrator.ts'
import { isBreaking, type MigrationSet } from '../../database/migration/set.ts'
import { breaks, checkFit, readState } from '../../database/migration/tracking.ts'
import { missingFromSchema } from '../../database/schema-check.ts'
import { messageOf, OpsError } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import type { PluginBuild } from '../code/build.ts'
import type { LoadedPlugin } from '../generation/loaded.ts'
import type { PreparedPlugin } from './prepare.ts'

export interface MigratingParts {
  readonly database: Database
  /** `manual`: pending migrations abort the reload and are named. */
  readonly migrations: 'auto' | 'manual'
  /** Who else uses the database. */
  readonly others: OtherUsers
  readonly log: Logger
}

/** Step 5 of one transaction: what each plugin's migrations do, and the undoing of what breaks the version before. */
export class Migrating {
  readonly #parts: MigratingParts
  /** Plugins whose handlers have to wait while it runs, by name. */
  readonly #breaking = new Set<string>()
  /** What was done and has to be undone if its version doesn't go live, in the order in which it ran. */
  readonly #undoable: { readonly set: MigrationSet; readonly names: readonly string[] }[] = []

  constructor(parts: MigratingParts) {
    this.#parts = parts
  }

  /** Whether the plugin's version before can't serve while its migrations run. */
  isBreaking(plugin: string): boolean {
    return this.#breaking.has(plugin)
  }

  /**
   * Runs what the version before can live with, and sees to it that the entities have what they need. What is
   * breaking is put off until its handlers wait; here it is only refused if it can't run.
   *
   * @param before the version that serves, if one does
   * @throws OPS_MIGRATION_…, OPS_SCHEMA_BEHIND
   */
  async run(plugin: PreparedPlugin, before: LoadedPlugin | undefined): Promise<void> {
    const { build, evaluated, declaration } = plugin
    const unchanged =
      before !== undefined &&
      before.needs.signature === declaration.needs.signature &&
      sameMigrations(before.build, build)
    if (unchanged) return
    if (evaluated.migrations.length > 0) {
      if (await this.#isPutOff(plugin)) return
      await this.#migrate(plugin, before === undefined ? 'held' : 'serving')
    }
    await this.#checkNeeds(plugin)
  }

  /** Runs what was put off; the plugin's handlers wait, and its version before is gone. */
  async runBreaking(plugin: PreparedPlugin): Promise<void> {
    if (!this.#breaking.has(plugin.name)) return
    const set = setOf(plugin)
    const names = await this.#namesToUndo(set)
    try {
      await this.#migrate(plugin, 'held')
    } catch (error) {
      // it may stand, and then it has to go
      if (isCommitUnknown(error)) this.#undoable.push({ set, names })
      throw error
    }
    this.#undoable.push({ set, names })
    await this.#checkNeeds(plugin)
  }

  /**
   * Undoes what the plugin's breaking migrations did, because its version doesn't go live.
   *
   * @param cause why it doesn't
   * @returns what to report: the cause, or that it could not be undone
   */
  async undo(plugin: string, cause: unknown): Promise<unknown> {
    const at = this.#undoable.findLastIndex(({ set }) => set.owner === plugin)
    const [done] = at < 0 ? [] : this.#undoable.splice(at, 1)
    if (done === undefined) return cause
    const { database, log } = this.#parts
    try {
      await undo(database, done.set, done.names)
      log.info('plugin.migration.undone', { plugin, undone: done.names })
      return cause
    } catch (error) {
      const details = error instanceof OpsError ? error.details : {}
      return new OpsError(
        'OPS_MIGRATION_DOWN_FAILED',
        `${messageOf(error)}; it had to be undone because: ${messageOf(cause)}`,
        { cause: error, details: { ...details, plugin } },
      )
    }
  }

  /** Undoes all that is left, the last one first. @returns what could not be undone, by plugin */
  async undoAll(cause: unknown): Promise<ReadonlyMap<string, unknown>> {
    const failures = new Map<string, unknown>()
    for (const { set } of [...this.#undoable].reverse()) {
      const result = await this.undo(set.owner, cause)
      if (result !== cause) failures.set(set.owner, result)
    }
    return failures
  }

  async #isPutOff(plugin: PreparedPlugin): Promise<boolean> {
    const { database, migrations, others } = this.#parts
    const { name } = plugin
    const set = setOf(plugin)
    const state = await readState(database, set)
    checkFit(set, state)
    if (migrations === 'manual' && state.pending.length > 0) {
      const names = state.pending.map((one) => `${one.name}${isBreaking(one) ? ' (breaking)' : ''}`)
      throw new OpsError(
        'OPS_MIGRATION_PENDING',
        `Plugin ${name} has pending migrations: ${names.join(', ')}`,
        { details: { plugin: name } },
      )
    }
    if (!breaks(state)) return false
    checkDowns(set, state)
    const living = await others(database)
    if (living.length > 0) {
      const names = state.pending.filter(isBreaking).map((one) => one.name)
      throw needsMaintenance(name, names, living)
    }
    this.#breaking.add(name)
    return true
  }

  async #migrate(plugin: PreparedPlugin, during: 'serving' | 'held'): Promise<void> {
    const { database, others, log } = this.#parts
    const { name } = plugin
    const { applied, missing } = await migrate(database, setOf(plugin), { during, others })
    if (applied.length > 0) log.info('plugin.migrated', { plugin: name, applied })
    if (missing.length > 0) log.warn('plugin.schema-newer', { plugin: name, missing })
  }

  async #namesToUndo(set: MigrationSet): Promise<readonly string[]> {
    const { pending } = await readState(this.#parts.database, set)
    return undoable(
      set,
      pending.map(({ name }) => name),
    )
  }

  async #checkNeeds({ name, declaration }: PreparedPlugin): Promise<void> {
    const missing = await missingFromSchema(this.#parts.database, declaration.needs)
    if (missing.length === 0) return
    throw new OpsError(
      'OPS_SCHEMA_BEHIND',
      `The database lacks what plugin ${name} needs: ${missing.join('; ')}`,
      { details: { plugin: name } },
    )
  }
}

function setOf({ name, evaluated }: PreparedPlugin): MigrationSet {
  return { owner: name, migrations: evaluated.migrations }
}

function sameMigrations(a: PluginBuild, b: PluginBuild): boolean {
  return (
    a.migrations.length === b.migrations.length &&
    a.migrations.every(({ hash }, index) => hash === b.migrations[index]?.hash)
  )
}
