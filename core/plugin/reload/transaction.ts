import type { Clock } from '../../clock.ts'
import { isDatabaseAway } from '../../database/failure.ts'
import { createOrm, type Entity, type Orm } from '../../database/orm.ts'
import type { SchemaNeeds } from '../../database/schema-check.ts'
import { OpsError } from '../../errors.ts'
import type { HttpCalls } from '../../http/client/client.ts'
import type { JobQueue } from '../../job/queue.ts'
import type { Store } from '../../store/store.ts'
import type { PluginBuild } from '../code/build.ts'
import type { PluginFolder } from '../code/folder.ts'
import {
  composeGeneration,
  type Generation,
  instancesOf,
  provided,
  type WaitingPlugin,
} from '../generation/generation.ts'
import type { PluginDeclaration } from '../generation/instance.ts'
import type { LoadedPlugin } from '../generation/loaded.ts'
import type { Acceptance } from '../opening/baseline.ts'
import type { ServiceToken } from '../service.ts'
import { checkConflicts } from './conflicts.ts'
import { missingOf, orderByDependencies } from './dependencies.ts'
import { Migrating, type MigratingParts } from './migrating.ts'
import { type PreparedPlugin, type PrepareOptions, preparePlugin } from './prepare.ts'
import { type CoreService, setUpPlugin } from './setup.ts'

/** A change that a transaction takes on. */
export interface PlannedChange {
  readonly name: string
  /** What the folder is now; undefined when it is gone. */
  readonly folder: PluginFolder | undefined
  /**
   * Hash of the folder before it is read: a save during the build then differs from what was
   * attempted, and is not lost.
   */
  readonly hash: string | undefined
  /** An earlier build that serves in place of what lies in the folder. */
  readonly kept?: { readonly build: PluginBuild; readonly why: 'last-good' | 'roll-back' }
  /**
   * It failed before, and its own folder is as it was: what changed elsewhere may mend it. If it fails once
   * more, that is no reason to hold up the others.
   */
  readonly mayFail?: boolean
}

export interface TransactionParts extends MigratingParts {
  readonly coreEntities: readonly Entity[]
  readonly coreNeeds: SchemaNeeds
  readonly coreServices: readonly CoreService[]
  /** Clients of plugins for other services. */
  readonly calls: Pick<HttpCalls, 'for'>
  /** Told of each value that a plugin asked its cache for. */
  readonly cacheAsked?: ((plugin: string, isHit: boolean) => void) | undefined
  /** Where instances hear of each other. */
  readonly store: Pick<Store, 'publish' | 'subscribe'>
  /** Where plugins put jobs. */
  readonly queue: Pick<JobQueue, 'send'>
  readonly prepare: PrepareOptions
  readonly clock: Clock
  /** The number of the next generation, given out once. */
  readonly nextId: () => number
  /** Takes an exclusive plugin out of service. @throws OPS_PLUGIN_BUSY */
  readonly makeRoom: (previous: LoadedPlugin) => Promise<void>
  /** The generation that serves at the moment of the call. */
  readonly liveGeneration: () => Generation
  /** Says what of the plugins' access is accepted. */
  readonly access: Acceptance
}

/** A generation that is ready to serve, and what is new in it. */
export interface ReadyGeneration {
  readonly next: Generation
  readonly loaded: readonly LoadedPlugin[]
  readonly removed: readonly string[]
  /** Plugins that were left out, with what they failed on. */
  readonly failures: ReadonlyMap<string, unknown>
}

interface SetUpParts {
  readonly kept: readonly LoadedPlugin[]
  readonly checked: readonly PreparedPlugin[]
  readonly changed: ReadonlySet<string>
  readonly orm: Orm
  /** Number of the generation to be. */
  readonly id: number
}

/** What will serve, as long as it doesn't: emptied at the commit. */
interface Pending {
  serving: readonly LoadedPlugin[] | undefined
}

/**
 * Until the commit the provider that goes live with it, from then on the live one. Plugins keep this
 * function, so it must not hold the transaction: that holds the generation before.
 */
function resolver(
  pending: Pending,
  liveGeneration: () => Generation,
): (token: ServiceToken<never>) => unknown {
  return (token) => provided(pending.serving ?? [...liveGeneration().plugins.values()], token)
}

/** Why a transaction ended without anything to commit. */
export class Aborted extends Error {
  /** The plugins that it failed on, if it was any, with what each failed on. */
  readonly failures: ReadonlyMap<string, unknown>

  constructor(failures: Iterable<readonly [string, unknown]>, cause?: unknown) {
    const all = new Map(failures)
    super('the reload was aborted', { cause: cause ?? all.values().next().value })
    this.failures = all
  }
}

/**
 * Steps 2 to 7 of a reload: everything up to a generation that one assignment makes live. Nothing is
 * visible before; whatever fails, what was opened is closed again.
 */
export class Transaction {
  readonly #parts: TransactionParts
  readonly #current: Generation
  readonly #leaveOut: boolean
  readonly #migrating: Migrating
  readonly #failures = new Map<string, unknown>()
  readonly #durations: Record<string, number> = {}
  #lap = 0
  readonly #prepared: PreparedPlugin[] = []
  /** New versions that were set up. */
  readonly #loaded: LoadedPlugin[] = []
  /** What will serve: those, and what stays as it is. */
  readonly #serving: LoadedPlugin[] = []
  readonly #pending: Pending = { serving: this.#serving }

  /**
   * @param onFailure `abort`: one failure ends it for all. `leave-out`: the others go on.
   */
  constructor(parts: TransactionParts, current: Generation, onFailure: 'abort' | 'leave-out') {
    this.#parts = parts
    this.#current = current
    this.#leaveOut = onFailure === 'leave-out'
    this.#migrating = new Migrating(parts)
  }

  /** @throws Aborted */
  async run(changes: readonly PlannedChange[]): Promise<ReadyGeneration> {
    this.#lap = performance.now()
    try {
      return await this.#steps(changes)
    } catch (error) {
      this.end()
      for (const { scope } of this.#loaded.reverse()) await scope.dispose()
      const aborted = error instanceof Aborted ? error : new Aborted([], error)
      const stuck = await this.#migrating.undoAll(aborted.cause)
      for (const { evaluated } of this.#prepared) evaluated.release()
      throw new Aborted([...aborted.failures, ...stuck], aborted.cause)
    }
  }

  /** How long each step took so far, ms. */
  get durations(): Readonly<Record<string, number>> {
    return this.#durations
  }

  #ended(step: string): void {
    const now = performance.now()
    this.#durations[step] = Math.round((now - this.#lap) * 10) / 10
    this.#lap = now
  }

  /** To be called at the commit: from now on services are those of the live generation. */
  end(): void {
    this.#pending.serving = undefined
  }

  async #steps(changes: readonly PlannedChange[]): Promise<ReadyGeneration> {
    const changed = new Set(changes.map(({ name }) => name))
    const kept = instancesOf(this.#current).filter(({ name }) => !changed.has(name))
    // building takes turns in a process of its own, so all are begun at once
    const builds = changes.map((change) => this.#blame(change, () => this.#prepare(change)))
    // all have ended before one failure ends it: what a straggler made would never be released; and whoever
    // checks out a branch is told of all that is broken in it
    const failed = (await Promise.allSettled(builds)).flatMap((build) =>
      build.status === 'rejected' && build.reason instanceof Aborted ? [build.reason] : [],
    )
    if (failed.length > 0) throw new Aborted(failed.flatMap(({ failures }) => [...failures]))
    this.#ended('build')
    this.#prepared.sort((a, b) => (a.name < b.name ? -1 : 1))
    const accepted: PluginDeclaration[] = [...kept]
    const checked: PreparedPlugin[] = []
    for (const plugin of this.#prepared) {
      await this.#blame(plugin, async () => {
        // one after the other, so that a conflict is put on the later one
        checkConflicts([...accepted, plugin.declaration], this.#parts.coreNeeds)
        await this.#blameDatabase(plugin, () =>
          this.#migrating.run(plugin, this.#current.plugins.get(plugin.name)),
        )
        accepted.push(plugin.declaration)
        checked.push(plugin)
      })
    }
    this.#ended('migrate')
    const orm = await this.#composeOrm(accepted)
    this.#ended('compose')
    const order = this.#orderOf(accepted, checked)
    for (const plugin of checked) await this.#blame(plugin, () => this.#makeRoom(plugin))
    // rooms make generations of their own
    const id = this.#parts.nextId()
    const waiting = await this.#setUpInOrder(order, { kept, checked, changed, orm, id })
    this.#ended('setUp')
    const served = new Set(this.#serving.map(({ name }) => name))
    for (const { name, evaluated } of this.#prepared) if (!served.has(name)) evaluated.release()
    return {
      next: composeGeneration({
        id,
        plugins: new Map(this.#serving.map((plugin) => [plugin.name, plugin])),
        waiting,
        held: new Map(),
        // a new version begins with a clean slate
        quarantined: new Map([...this.#current.quarantined].filter(([name]) => !changed.has(name))),
        accepted: this.#parts.access.settle(this.#current.accepted, this.#loaded),
        orm,
      }),
      loaded: this.#loaded,
      removed: changes.flatMap(({ name, folder }) => (folder === undefined ? [name] : [])),
      failures: this.#failures,
    }
  }

  /** A circle is put on a newcomer in it; without that one the others may have an order. */
  #orderOf(
    accepted: readonly PluginDeclaration[],
    checked: readonly PreparedPlugin[],
  ): readonly string[] {
    const { order, waiting, cycle } = orderByDependencies(accepted)
    if (cycle === undefined) return [...order, ...waiting.keys()]
    const culprit = checked.find(({ name }) => cycle.includes(name))?.name ?? cycle[0]
    const error = new OpsError(
      'OPS_PLUGIN_CYCLE',
      `Plugins need each other: ${cycle.join(' → ')}`,
      {
        details: { plugin: culprit, cycle },
      },
    )
    if (culprit === undefined) throw new Aborted([], error)
    if (!this.#leaveOut) throw new Aborted([[culprit, error]])
    this.#failures.set(culprit, error)
    return this.#orderOf(
      accepted.filter(({ name }) => name !== culprit),
      checked.filter(({ name }) => name !== culprit),
    )
  }

  /** Step 7 for the newcomers, providers first; whoever lacks a provider by then waits. */
  async #setUpInOrder(
    order: readonly string[],
    { kept, checked, changed, orm, id }: SetUpParts,
  ): Promise<ReadonlyMap<string, WaitingPlugin>> {
    // one that was never set up is only a name here: it is read anew when it is tried again
    const waiting = new Map(
      [...this.#current.waiting].filter(
        ([name, { plugin }]) => plugin === undefined && !changed.has(name),
      ),
    )
    for (const name of order) {
      const plugin = kept.find((old) => old.name === name)
      const newcomer = checked.find(
        (prepared) => prepared.name === name && !this.#failures.has(name),
      )
      const declaration = plugin ?? newcomer?.declaration
      if (declaration === undefined) continue
      const missing = missingOf(declaration, this.#serving)
      if (missing.length > 0) waiting.set(name, { missing, plugin })
      else if (plugin !== undefined) this.#serving.push(plugin)
      else if (newcomer !== undefined) {
        await this.#blame(newcomer, async () => {
          const loaded = await this.#setUpOrUndo(newcomer, orm, id)
          this.#loaded.push(loaded)
          this.#serving.push(loaded)
        })
      }
    }
    return waiting
  }

  async #blame({ name }: { name: string }, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!this.#leaveOut) throw new Aborted([[name, error]])
      this.#failures.set(name, error)
    }
  }

  async #prepare({ folder, kept }: PlannedChange): Promise<void> {
    if (folder === undefined) return
    this.#prepared.push(await preparePlugin(folder, this.#parts.prepare, kept?.build))
  }

  async #blameDatabase(plugin: PreparedPlugin, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      throw isDatabaseAway(error) ? databaseAway(plugin, error) : error
    }
  }

  /** An entity is known by identity, and a rebuilt bundle makes new ones: only then a new ORM. */
  async #composeOrm(plugins: readonly PluginDeclaration[]): Promise<Orm> {
    const entities = plugins.flatMap((plugin) => plugin.entities)
    const known = new Set(instancesOf(this.#current).flatMap((plugin) => plugin.entities))
    if (known.size === entities.length && entities.every((entity) => known.has(entity))) {
      return this.#current.orm
    }
    return createOrm(this.#parts.database, [...this.#parts.coreEntities, ...entities])
  }

  /** What can't exist twice, or not with the schema to come, goes before its successor comes. */
  async #makeRoom({ name, declaration }: PreparedPlugin): Promise<void> {
    if (declaration.reload !== 'exclusive' && !this.#migrating.isBreaking(name)) return
    const previous = instancesOf(this.#current).find((plugin) => plugin.name === name)
    if (previous !== undefined) await this.#parts.makeRoom(previous)
  }

  /** The version before is to find the schema that it knows if this one doesn't come up. */
  async #setUpOrUndo(plugin: PreparedPlugin, orm: Orm, id: number): Promise<LoadedPlugin> {
    try {
      await this.#blameDatabase(plugin, () => this.#migrating.runBreaking(plugin))
      return await this.#setUp(plugin, orm, id)
    } catch (error) {
      throw await this.#migrating.undo(plugin.name, error)
    }
  }

  #setUp(plugin: PreparedPlugin, orm: Orm, id: number): Promise<LoadedPlugin> {
    const { log, clock, coreServices, calls, cacheAsked, store, queue, prepare, liveGeneration } =
      this.#parts
    const previous = instancesOf(this.#current).find(({ name }) => name === plugin.name)
    return setUpPlugin(plugin, {
      log,
      clock,
      coreServices,
      calls,
      cacheAsked,
      store,
      queue,
      stacks: prepare.stacks,
      marks: prepare.marks,
      resolve: resolver(this.#pending, liveGeneration),
      ...(previous === undefined ? {} : { carried: previous.scope.carried, previous }),
      generation: id,
      em: () => orm.em.fork(),
    })
  }
}

function databaseAway({ name }: PreparedPlugin, cause: unknown): OpsError {
  return new OpsError(
    'OPS_DATABASE_UNREACHABLE',
    `The database was away when plugin ${name} was to be loaded`,
    {
      hint: 'Nothing has to be saved again: it is loaded when the database is back.',
      cause,
      details: { plugin: name },
    },
  )
}
