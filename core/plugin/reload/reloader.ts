import { EventEmitter } from 'node:events'
import { createOrm, type Orm } from '../../database/orm.ts'
import { OpsError } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import type { PluginStatus, ReloadOutcome } from '../catalog/plugins.ts'
import type { PluginFolder } from '../code/folder.ts'
import {
  composeGeneration,
  type Generation,
  type GenerationParts,
  isGuard,
  type Quarantine,
} from '../generation/generation.ts'
import { Live } from '../generation/live.ts'
import type { LoadedPlugin } from '../generation/loaded.ts'
import type { Baseline } from '../opening/guarded.ts'
import type { Cause, Person } from './cause.ts'
import { Clashes } from './clashes.ts'
import { Commits, type CommitsOptions } from './commits.ts'
import { Disposals } from './disposals.ts'
import type { ReloadEvents } from './events.ts'
import { affectedBy, type Change, plan, type Scan, scanPlugins } from './plan.ts'
import { PluginRecords } from './records.ts'
import { Retries } from './retries.ts'
import { Aborted } from './transaction.ts'

export interface ReloaderOptions extends CommitsOptions {
  /** Names of plugins that are not to be loaded. */
  readonly disabled: ReadonlySet<string>
  /** Folders that it says no to are not looked at; default: all are. */
  readonly accepts?: (folder: PluginFolder) => boolean
}

/**
 * The transaction that replaces plugins: plan, prepare, commit or abort. One at a time; until the
 * commit nothing is visible, and any failure leaves what serves as it was.
 */
export class Reloader {
  readonly live: Live
  readonly records: PluginRecords
  readonly events = new EventEmitter<ReloadEvents>()
  readonly #options: ReloaderOptions
  readonly #log: Logger
  readonly #disposals: Disposals
  readonly #disabled: Set<string>
  readonly #commits: Commits
  readonly #retries: Retries
  readonly #clashes: Clashes
  #chain: Promise<unknown> = Promise.resolve()
  /** Why the running work runs. */
  #cause: Cause = { why: 'start' }
  #nextId = 1
  #stopped = false

  private constructor(options: ReloaderOptions, orm: Orm) {
    this.#options = options
    this.#log = options.log
    this.#disposals = new Disposals(options.log)
    this.#disabled = new Set(options.disabled)
    this.records = new PluginRecords((text) => this.#log.redact(text))
    this.live = new Live(
      emptyGeneration({ id: 0, accepted: options.access.baseline, orm }),
      (plugin) => this.#disposals.begin(plugin),
    )
    const { live, records, events } = this
    this.#commits = new Commits({
      options,
      live,
      records,
      events,
      disposals: this.#disposals,
      nextId: () => this.#nextId++,
      cause: () => this.#cause,
      aborted: (changes, cause) => this.#retries.whenDatabaseIsBack(changes, cause),
    })
    this.#clashes = new Clashes((report) => this.#commits.tellAbort(report))
    this.#retries = new Retries({
      live,
      records,
      commits: this.#commits,
      database: options.database,
      scan: () => this.#scan(),
      enqueue: (work) => this.#enqueue(work),
      log: options.log,
    })
  }

  static async create(options: ReloaderOptions): Promise<Reloader> {
    return new Reloader(options, await createOrm(options.database, options.coreEntities))
  }

  /** Loads every plugin folder. A plugin that fails, fails alone; what fails for all of them is thrown. */
  start(): Promise<void> {
    return this.#enqueue(
      async () => {
        const { changes, clashes } = await this.#scan()
        this.#clashes.tell(clashes, this.#cause)
        try {
          await this.#commits.each(await Promise.all(changes.map(plan)))
        } catch (error) {
          throw error instanceof Aborted ? error.cause : error
        }
        await this.#options.access.started(this.live.current)
      },
      { why: 'start' },
    )
  }

  /**
   * Reloads what the changed files belong to, once, as one transaction. Folders whose content is
   * what the last attempt saw are left alone.
   */
  filesChanged(files: ReadonlySet<string>): Promise<void> {
    return this.#enqueue(async () => {
      const { changes, clashes } = await this.#scan()
      this.#clashes.tell(clashes, this.#cause)
      const { live, records } = this
      const found = await affectedBy(files, changes, { live: live.current, records })
      const affected = (await this.#commits.withHeld(found, changes)).filter(
        (one) => !this.#forgets(one),
      )
      if (affected.length === 0) return
      if (await this.#commits.together(affected)) await this.#retries.afterCommit(changes, affected)
    })
  }

  /** Loads one plugin anew, changed or not. @throws OPS_PLUGIN_UNKNOWN */
  async reload(
    name: string,
    cause: Cause = { why: 'reload', by: undefined },
  ): Promise<ReloadOutcome> {
    await this.#enqueue(async () => {
      const { changes } = await this.#scan()
      const change = changes.find((found) => found.name === name)
      if (change === undefined) {
        throw unknownPlugin(name)
      }
      const planned = await this.#commits.withHeld([await plan(change)], changes)
      if (await this.#commits.together(planned)) await this.#retries.afterCommit(changes, planned)
    }, cause)
    return this.#outcomeOf(name)
  }

  #outcomeOf(name: string): ReloadOutcome {
    const outcome = this.records.lastReload(name)
    if (outcome === undefined) throw unknownPlugin(name)
    return outcome
  }

  /**
   * Takes a plugin's handlers out of service until a new version of it is live, or it is loaded again.
   * Nothing happens when another version serves by now.
   */
  async quarantine(plugin: LoadedPlugin, reason: Quarantine): Promise<void> {
    // after the stop none serves
    if (this.#stopped) return
    return this.#enqueue(async () => {
      const { live } = this
      const { plugins, waiting, held, quarantined, accepted, orm } = live.current
      const { name } = plugin
      if (plugins.get(name) !== plugin || quarantined.has(name)) return
      const next = new Map([...quarantined, [name, reason]])
      const id = this.#nextId++
      live.replace(
        composeGeneration({ id, plugins, waiting, held, quarantined: next, accepted, orm }),
      )
      this.records.quarantined(name, reason)
      this.#log.error('plugin.quarantined', { plugin: name, generation: id, ...reason })
      this.events.emit('quarantined', name, reason)
    })
  }

  /**
   * Puts what serves on another accepted access, in its turn among the reloads.
   *
   * @param decide what is accepted from now on; undefined: all stays. A throw comes out of this
   * @returns whether it changed
   */
  acceptAccess(
    decide: (current: Generation) => Promise<Baseline | undefined>,
    by?: Person,
  ): Promise<boolean> {
    return this.#enqueue(
      async () => {
        const { live } = this
        const accepted = await decide(live.current)
        if (accepted === undefined) return false
        const { plugins, waiting, held, quarantined, orm } = live.current
        const id = this.#nextId++
        live.replace(composeGeneration({ id, plugins, waiting, held, quarantined, accepted, orm }))
        this.events.emit('committed', live.current, [])
        return true
      },
      { why: 'approval', by },
    )
  }

  /** Takes a plugin out of service until it is enabled again. @throws OPS_PLUGIN_UNKNOWN, OPS_PLUGIN_PROTECTED */
  disable(name: string, by?: Person): Promise<void> {
    return this.#enqueue(
      async () => {
        if (!this.records.has(name)) throw unknownPlugin(name)
        if (this.isProtected(name)) {
          throw new OpsError('OPS_PLUGIN_PROTECTED', `Without plugin ${name} nobody could get in`, {
            details: { plugin: name },
          })
        }
        this.#disabled.add(name)
        await this.#commits.together([{ name, folder: undefined, hash: undefined }])
        this.records.disabled(name)
      },
      { why: 'disable', by },
    )
  }

  /** Loads a disabled plugin. @throws OPS_PLUGIN_UNKNOWN */
  async enable(name: string, by?: Person): Promise<ReloadOutcome> {
    this.#disabled.delete(name)
    return this.reload(name, { why: 'enable', by })
  }

  /**
   * Puts the version before the live one back; it serves until the folder is changed.
   * @throws OPS_PLUGIN_UNKNOWN, OPS_PLUGIN_NO_BUILD when none is kept
   */
  async rollBack(name: string, by?: Person): Promise<ReloadOutcome> {
    await this.#enqueue(
      async () => {
        const { changes } = await this.#scan()
        const change = changes.find((found) => found.name === name)
        if (change?.folder === undefined) throw unknownPlugin(name)
        const build = await this.#options.kept.load(name, 'previous')
        if (build === undefined) {
          throw new OpsError('OPS_PLUGIN_NO_BUILD', `No earlier build of plugin ${name} is kept`)
        }
        await this.#commits.together([
          { ...(await plan(change)), kept: { build, why: 'roll-back' } },
        ])
      },
      { why: 'roll-back', by },
    )
    return this.#outcomeOf(name)
  }

  /** Hash of the build that `rollBack` would put back; undefined when there is none, or it serves already. */
  async previousHash(name: string): Promise<string | undefined> {
    const build = await this.#options.kept.load(name, 'previous')
    return build?.hash === this.live.current.plugins.get(name)?.build.hash ? undefined : build?.hash
  }

  /** Nobody could get in without it, so it can't be switched off. */
  isProtected(name: string): boolean {
    const plugin = this.live.current.plugins.get(name)
    return plugin !== undefined && isGuard(plugin)
  }

  /** Every plugin folder with its state. */
  list(): readonly PluginStatus[] {
    const draining = this.live.draining()
    const drainingOf = (name: string) =>
      [...draining].reduce((sum, [plugin, runs]) => (plugin.name === name ? sum + runs : sum), 0)
    return this.records.list(this.live.current.plugins, drainingOf)
  }

  /** Waits for a running transaction, then disposes all plugins. None is loaded any more. */
  async stop(): Promise<void> {
    this.#retries.stop()
    const last = this.#enqueue(
      async () => {
        const { accepted, orm } = this.live.current
        this.live.replace(emptyGeneration({ id: this.#nextId++, accepted, orm }))
      },
      { why: 'stop' },
    )
    this.#stopped = true
    await last
    await Promise.all([this.#disposals.all(), this.#options.kept.written()])
  }

  /** @throws OPS_SHUTDOWN after the stop: what was loaded then nobody would dispose */
  #enqueue<T>(work: () => Promise<T>, cause: Cause = { why: 'save' }): Promise<T> {
    if (this.#stopped) {
      return Promise.reject(new OpsError('OPS_SHUTDOWN', 'No plugin is loaded any more'))
    }
    const result = this.#chain.then(() => {
      this.#cause = cause
      return work()
    })
    this.#chain = result.catch(() => undefined)
    return result
  }

  // ── plan ──────────────────────────────────────────────────────────────────────────────────────

  #scan(): Promise<Scan> {
    const { prepare, accepts } = this.#options
    return scanPlugins({
      roots: prepare.roots,
      packages: prepare.packages,
      accepts,
      disabled: this.#disabled,
      live: this.live.current,
      records: this.records,
    })
  }

  /** What failed and is gone leaves nothing to replace: it must not fail once more with what changed beside it. */
  #forgets({ name, folder }: Change): boolean {
    const { plugins, waiting, held } = this.live.current
    if (folder !== undefined || plugins.has(name) || waiting.has(name) || held.has(name))
      return false
    this.records.removed(name)
    this.events.emit('forgotten', name)
    return true
  }
}

function emptyGeneration(parts: Pick<GenerationParts, 'id' | 'accepted' | 'orm'>): Generation {
  const nobody = { plugins: new Map(), waiting: new Map(), held: new Map(), quarantined: new Map() }
  return composeGeneration({ ...nobody, ...parts })
}

function unknownPlugin(name: string): OpsError {
  return new OpsError('OPS_PLUGIN_UNKNOWN', `There is no plugin folder named "${name}"`)
}
