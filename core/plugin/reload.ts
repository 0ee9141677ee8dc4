import { EventEmitter } from 'node:events'
import { createOrm, type Orm } from '../database/orm.ts'
import { type SchemaNeeds, schemaNeeds } from '../database/schema-check.ts'
import { OpsError } from '../errors.ts'
import type { Logger } from '../log/logger.ts'
import { findPluginFolders, hashFolder, isInside, type PluginFolder } from './code/folder.ts'
import { composeGeneration, type Generation } from './generation.ts'
import { Live } from './live.ts'
import type { LoadedPlugin } from './loaded.ts'
import type { PluginStatus, ReloadOutcome } from './plugins.ts'
import { describeFailure, PluginRecords } from './records.ts'
import {
  Aborted,
  type PlannedChange,
  type ReadyGeneration,
  Transaction,
  type TransactionParts,
} from './transaction.ts'

export interface ReloaderOptions extends Omit<TransactionParts, 'coreNeeds' | 'liveGeneration'> {
  /** Names of plugins that are not to be loaded. */
  readonly disabled: ReadonlySet<string>
  /** Folders that it says no to are not looked at; default: all are. */
  readonly accepts?: (folder: PluginFolder) => boolean
}

/** What a reload did, for whoever watches: menus, the playground's banner, tests. */
export interface ReloadEvents {
  committed: [generation: Generation, names: readonly string[]]
  aborted: [name: string, error: unknown]
}

interface Change {
  readonly name: string
  /** What the folder is now; undefined when it is gone. */
  readonly folder: PluginFolder | undefined
}

/**
 * The transaction that replaces plugins: plan, prepare, commit or abort. One at a time; until the
 * commit nothing is visible, and any failure leaves what serves as it was.
 */
export class Reloader {
  readonly live: Live
  readonly records = new PluginRecords()
  readonly events = new EventEmitter<ReloadEvents>()
  readonly #options: ReloaderOptions
  readonly #log: Logger
  readonly #disposals = new Set<Promise<void>>()
  /** When a version was replaced: its drain begins there. */
  readonly #replacedAt = new WeakMap<LoadedPlugin, number>()
  #chain: Promise<unknown> = Promise.resolve()
  #nextId = 1
  readonly #coreNeeds: SchemaNeeds

  private constructor(options: ReloaderOptions, orm: Orm) {
    this.#options = options
    this.#log = options.log
    this.#coreNeeds = schemaNeeds(options.coreEntities)
    this.live = new Live(composeGeneration({ id: 0, plugins: new Map(), waiting: new Map(), orm }), (plugin) => this.#dispose(plugin))
  }

  static async create(options: ReloaderOptions): Promise<Reloader> {
    return new Reloader(options, await createOrm(options.database, options.coreEntities))
  }

  /** Loads every plugin folder. A plugin that fails, fails alone. */
  start(): Promise<void> {
    return this.#enqueue(async () => {
      const { changes, clashes } = await this.#scan()
      this.#reportClashes(clashes)
      await this.#commitEach(await Promise.all(changes.map(plan)))
    })
  }

  /**
   * Reloads what the changed files belong to, once, as one transaction. Folders whose content is
   * what the last attempt saw are left alone.
   */
  filesChanged(files: ReadonlySet<string>): Promise<void> {
    return this.#enqueue(async () => {
      const { changes, clashes } = await this.#scan()
      this.#reportClashes(clashes)
      const affected = await this.#affected(changes, files)
      if (affected.length === 0) return
      if (await this.#commitTogether(affected)) await this.#retryFailed(changes, affected)
    })
  }

  /** Loads one plugin anew, changed or not. @throws OPS_PLUGIN_UNKNOWN */
  async reload(name: string): Promise<ReloadOutcome> {
    await this.#enqueue(async () => {
      const { changes } = await this.#scan()
      const change = changes.find((found) => found.name === name)
      if (change === undefined) {
        throw new OpsError('OPS_PLUGIN_UNKNOWN', `There is no plugin folder named "${name}"`)
      }
      const planned = await plan(change)
      if (await this.#commitTogether([planned])) await this.#retryFailed(changes, [planned])
    })
    const outcome = this.records.lastReload(name)
    if (outcome === undefined) throw new OpsError('OPS_PLUGIN_UNKNOWN', `Plugin ${name} is gone`)
    return outcome
  }

  /** Every plugin folder with its state. */
  list(): readonly PluginStatus[] {
    const draining = this.live.draining()
    const drainingOf = (name: string) =>
      [...draining].reduce((sum, [plugin, runs]) => (plugin.name === name ? sum + runs : sum), 0)
    return this.records.list(this.live.current.plugins, drainingOf)
  }

  /** Waits for a running transaction, then disposes all plugins. */
  async stop(): Promise<void> {
    await this.#enqueue(async () => {
      const empty = composeGeneration({
        id: this.#nextId++,
        plugins: new Map(),
        waiting: new Map(),
        orm: this.live.current.orm,
      })
      this.live.replace(empty)
    })
    await Promise.all(this.#disposals)
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#chain.then(work)
    this.#chain = result.catch(() => undefined)
    return result
  }

  // ── plan ──────────────────────────────────────────────────────────────────────────────────────

  async #scan(): Promise<{ changes: Change[]; clashes: [PluginFolder, PluginFolder][] }> {
    const folders = new Map<string, PluginFolder>()
    const clashes: [PluginFolder, PluginFolder][] = []
    for (const folder of await findPluginFolders(this.#options.prepare.roots)) {
      if (this.#options.accepts?.(folder) === false) continue
      const first = folders.get(folder.name)
      if (this.#options.disabled.has(folder.name)) this.records.disabled(folder.name)
      else if (first === undefined) folders.set(folder.name, folder)
      else clashes.push([first, folder])
    }
    const gone = [...this.live.current.plugins.keys(), ...this.records.failed()]
    const names = new Set([...folders.keys(), ...gone])
    return { changes: [...names].map((name) => ({ name, folder: folders.get(name) })), clashes }
  }

  async #affected(all: readonly Change[], files: ReadonlySet<string>): Promise<PlannedChange[]> {
    const affected: PlannedChange[] = []
    for (const change of all) {
      const { name, folder } = change
      if (folder === undefined) {
        affected.push({ ...change, hash: undefined })
        continue
      }
      const loaded = this.live.current.plugins.get(name)
      const moved = loaded !== undefined && loaded.build.dir !== folder.dir
      const inside = [...files].some((file) => isInside(folder.dir, file) || file === folder.dir)
      // a broken plugin has no list of inputs: any shared file may mend it
      const outside = [...files].some(
        (file) => !isInside(folder.dir, file) && (loaded?.build.inputs.has(file) ?? isShared(file)),
      )
      if (!moved && !inside && !outside && this.records.has(name)) continue
      const planned = await plan(change)
      const fresh = planned.hash !== this.records.attemptedHash(name)
      if (moved || outside || fresh) affected.push(planned)
    }
    return affected
  }

  #reportClashes(clashes: readonly [PluginFolder, PluginFolder][]): void {
    for (const [first, second] of clashes) {
      const error = new OpsError(
        'OPS_PLUGIN_CONFLICT',
        `Two folders hold a plugin named ${first.name}: ${first.dir} serves, ${second.dir} is left out`,
        {
          hint: 'Rename or remove one of them.',
          details: { plugin: first.name, file: second.dir },
        },
      )
      this.#logAbort(first.name, error)
    }
  }

  // ── transactions ──────────────────────────────────────────────────────────────────────────────

  /** All of the changes, or none. @returns whether it was committed */
  async #commitTogether(changes: readonly PlannedChange[]): Promise<boolean> {
    const began = performance.now()
    try {
      this.#commit(await this.#transaction('abort').run(changes), changes, began)
      return true
    } catch (error) {
      const { plugin, cause } = error instanceof Aborted ? error : new Aborted(undefined, error)
      for (const change of changes) {
        const own = plugin === undefined || plugin === change.name
        this.#abort(change, own ? cause : abortedWith(change.name, plugin, cause), began)
      }
      return false
    }
  }

  /** As many of the changes as can be: one that fails is left out, the others go on. */
  async #commitEach(changes: readonly PlannedChange[]): Promise<void> {
    const began = performance.now()
    const ready = await this.#transaction('leave-out').run(changes)
    for (const change of changes) {
      const { name } = change
      if (ready.failures.has(name)) this.#abort(change, ready.failures.get(name), began)
    }
    this.#commit(ready, changes, began)
  }

  #transaction(onFailure: 'abort' | 'leave-out'): Transaction {
    return new Transaction(
      {
        ...this.#options,
        coreNeeds: this.#coreNeeds,
        liveGeneration: () => this.live.current,
      },
      this.live.current,
      this.#nextId,
      onFailure,
    )
  }

  /** A commit may have taken away what another plugin failed on: a name, a table, a command. */
  async #retryFailed(all: readonly Change[], done: readonly Change[]): Promise<void> {
    for (const name of this.records.failed()) {
      const change = all.find((found) => found.name === name)
      const code = this.records.lastReload(name)?.code
      if (change?.folder === undefined || done.some((own) => own.name === name)) continue
      if (code === 'OPS_PLUGIN_CONFLICT') await this.#commitTogether([await plan(change)])
    }
  }

  /** Step 8. Synchronous: no update is dispatched between the reference and the scopes' start. */
  #commit(
    { next, loaded, removed }: ReadyGeneration,
    changes: readonly PlannedChange[],
    began: number,
  ): void {
    const hashes = new Map(changes.map(({ name, hash }) => [name, hash]))
    const before = this.live.current
    this.#nextId++
    for (const plugin of before.plugins.values()) {
      if (next.plugins.get(plugin.name) !== plugin) this.#replacedAt.set(plugin, performance.now())
    }
    this.live.replace(next)
    const ms = Math.round((performance.now() - began) * 10) / 10
    for (const { name, scope } of loaded) {
      scope.start()
      this.records.committed(name, hashes.get(name), ms)
      const event = before.plugins.has(name) ? 'plugin.reload.committed' : 'plugin.loaded'
      this.#log.info(event, { plugin: name, generation: next.id, ms })
    }
    for (const name of removed) {
      this.records.removed(name)
      if (before.plugins.has(name))
        this.#log.info('plugin.unloaded', { plugin: name, generation: next.id })
    }
    this.events.emit('committed', next, [...loaded.map(({ name }) => name), ...removed])
  }

  #abort({ name, hash }: PlannedChange, error: unknown, began: number): void {
    const ms = Math.round(performance.now() - began)
    this.records.aborted(name, hash, this.live.current.plugins.has(name), ms, error)
    this.#logAbort(name, error)
  }

  #logAbort(name: string, error: unknown): void {
    this.#log.error('plugin.reload.aborted', { plugin: name, ...describeFailure(error) })
    this.events.emit('aborted', name, error)
  }

  // ── drain and dispose ─────────────────────────────────────────────────────────────────────────

  #dispose(plugin: LoadedPlugin): void {
    const began = this.#replacedAt.get(plugin) ?? performance.now()
    const disposal = plugin.scope.dispose().then(() => {
      plugin.evaluated.release()
      const ms = Math.round(performance.now() - began)
      this.#log.info('plugin.drained', { plugin: plugin.name, generation: plugin.since, ms })
      this.#disposals.delete(disposal)
    })
    this.#disposals.add(disposal)
  }
}

async function plan(change: Change): Promise<PlannedChange> {
  const { folder } = change
  return { ...change, hash: folder === undefined ? undefined : await hashFolder(folder.dir) }
}

function abortedWith(name: string, culprit: string | undefined, cause: unknown): OpsError {
  return new OpsError(
    'OPS_PLUGIN_TOGETHER',
    `Plugin ${name} was changed together with ${culprit ?? 'others'}, which failed: ${describeFailure(cause).code}`,
    { cause, details: { plugin: name } },
  )
}

/** Folders that begin with `_` are copied into the plugins that import them. */
function isShared(file: string): boolean {
  return /[\\/]_[^\\/]*[\\/]/.test(file)
}
