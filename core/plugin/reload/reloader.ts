import { EventEmitter } from 'node:events'
import { isDatabaseAway } from '../../database/failure.ts'
import { createOrm, type Orm } from '../../database/orm.ts'
import { type SchemaNeeds, schemaNeeds } from '../../database/schema-check.ts'
import { codeOf, OpsError } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import type { PluginFolder } from '../code/folder.ts'
import type { KeptBuilds } from '../code/kept-builds.ts'
import {
  composeGeneration,
  type Generation,
  instancesOf,
  isGuard,
  type Quarantine,
} from '../generation/generation.ts'
import { Live } from '../generation/live.ts'
import type { LoadedPlugin } from '../generation/loaded.ts'
import type { Baseline } from '../opening/guarded.ts'
import type { PluginStatus, ReloadOutcome } from '../plugins.ts'
import { announceCommit, type ReloadReport } from './announce.ts'
import type { Cause, Person } from './cause.ts'
import { Disposals } from './disposals.ts'
import { Later } from './later.ts'
import { affectedBy, type Change, plan, type Scan, scanPlugins } from './plan.ts'
import { describeFailure, PluginRecords } from './records.ts'
import { makeRoom, type Room } from './room.ts'
import { Together } from './together.ts'
import {
  Aborted,
  type PlannedChange,
  type ReadyGeneration,
  Transaction,
  type TransactionParts,
} from './transaction.ts'

export interface ReloaderOptions
  extends Omit<TransactionParts, 'coreNeeds' | 'liveGeneration' | 'makeRoom' | 'nextId'> {
  /** Names of plugins that are not to be loaded. */
  readonly disabled: ReadonlySet<string>
  /** Where the last good builds are. */
  readonly kept: KeptBuilds
  /** Folders that it says no to are not looked at; default: all are. */
  readonly accepts?: (folder: PluginFolder) => boolean
}

/** What a reload did, for whoever watches: menus, the audit, the playground's banner, tests. */
export interface ReloadEvents {
  committed: [generation: Generation, reports: readonly ReloadReport[]]
  aborted: [report: ReloadReport]
  quarantined: [plugin: string, reason: Quarantine]
  /** Its folder is gone, and no version of it served. */
  forgotten: [plugin: string]
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
  /** Exclusive plugins that are out of service during the running transaction. */
  readonly #rooms: Room[] = []
  readonly #together = new Together()
  readonly #later: Later
  #chain: Promise<unknown> = Promise.resolve()
  /** Why the running work runs. */
  #cause: Cause = { why: 'start' }
  /** Folders left out for their name, told already. */
  #leftOut: ReadonlySet<string> = new Set()
  #nextId = 1
  readonly #coreNeeds: SchemaNeeds

  private constructor(options: ReloaderOptions, orm: Orm) {
    this.#options = options
    this.#log = options.log
    this.#disposals = new Disposals(options.log)
    this.#disabled = new Set(options.disabled)
    this.records = new PluginRecords((text) => this.#log.redact(text))
    this.#coreNeeds = schemaNeeds(options.coreEntities)
    this.#later = new Later({
      probe: () => options.database.ping(),
      retry: (names) => this.#repeat(names),
    })
    this.live = new Live(
      composeGeneration({
        id: 0,
        plugins: new Map(),
        waiting: new Map(),
        held: new Map(),
        quarantined: new Map(),
        accepted: options.access.baseline,
        orm,
      }),
      (plugin) => this.#disposals.begin(plugin),
    )
  }

  static async create(options: ReloaderOptions): Promise<Reloader> {
    return new Reloader(options, await createOrm(options.database, options.coreEntities))
  }

  /** Loads every plugin folder. A plugin that fails, fails alone; what fails for all of them is thrown. */
  start(): Promise<void> {
    return this.#enqueue(
      async () => {
        const { changes, clashes } = await this.#scan()
        this.#reportClashes(clashes)
        try {
          await this.#commitEach(await Promise.all(changes.map(plan)))
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
      this.#reportClashes(clashes)
      const { live, records } = this
      const found = await affectedBy(files, changes, { live: live.current, records })
      const affected = (await this.#withHeld(found, changes)).filter((one) => !this.#forgets(one))
      if (affected.length === 0) return
      if (await this.#commitTogether(affected)) await this.#retry(changes, affected)
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
      const planned = await this.#withHeld([await plan(change)], changes)
      if (await this.#commitTogether(planned)) await this.#retry(changes, planned)
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
  quarantine(plugin: LoadedPlugin, reason: Quarantine): Promise<void> {
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
        await this.#commitTogether([{ name, folder: undefined, hash: undefined }])
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
        await this.#commitTogether([{ ...(await plan(change)), kept: { build, why: 'roll-back' } }])
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

  /** Waits for a running transaction, then disposes all plugins. */
  async stop(): Promise<void> {
    this.#later.stop()
    await this.#enqueue(
      async () => {
        const empty = composeGeneration({
          id: this.#nextId++,
          plugins: new Map(),
          waiting: new Map(),
          held: new Map(),
          quarantined: new Map(),
          accepted: this.live.current.accepted,
          orm: this.live.current.orm,
        })
        this.live.replace(empty)
      },
      { why: 'stop' },
    )
    await Promise.all([this.#disposals.all(), this.#options.kept.written()])
  }

  #enqueue<T>(work: () => Promise<T>, cause: Cause = { why: 'save' }): Promise<T> {
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

  #reportClashes(clashes: Scan['clashes']): void {
    const told = this.#leftOut
    this.#leftOut = new Set(clashes.map(([, second]) => second.dir))
    for (const [first, second] of clashes) {
      if (told.has(second.dir)) continue
      const error = new OpsError(
        'OPS_PLUGIN_CONFLICT',
        `Two folders hold a plugin named ${first.name}: ${first.dir} serves, ${second.dir} is left out`,
        {
          hint: 'Rename or remove one of them.',
          details: { plugin: first.name, file: second.dir },
        },
      )
      const hashes = { before: undefined, after: undefined }
      const cause = this.#cause
      this.#logAbort({
        plugin: first.name,
        action: 'abort',
        ...hashes,
        ms: 0,
        steps: {},
        cause,
        error,
      })
    }
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

  // ── transactions ──────────────────────────────────────────────────────────────────────────────

  /**
   * All of the changes, or none; but what was broken before and is broken still holds up nobody.
   *
   * @returns whether anything was committed
   */
  async #commitTogether(changes: readonly PlannedChange[]): Promise<boolean> {
    let left = changes
    for (;;) {
      const failures = await this.#attempt(left)
      if (failures === undefined) return true
      const sound = left.filter(({ name }) => !failures.has(name))
      const isOld = left.every(({ name, mayFail }) => mayFail === true || !failures.has(name))
      if (!isOld || sound.length === left.length || sound.length === 0) return false
      left = sound
    }
  }

  /** @returns what plugins failed on; undefined when it was committed */
  async #attempt(
    changes: readonly PlannedChange[],
  ): Promise<ReadonlyMap<string, unknown> | undefined> {
    const began = performance.now()
    const transaction = this.#transaction('abort')
    try {
      this.#commit(await transaction.run(changes), changes, began, transaction.durations)
      transaction.end()
      this.#together.settled(changes.map(({ name }) => name))
      return undefined
    } catch (error) {
      await this.#putBack(changes)
      const { failures, cause } = error instanceof Aborted ? error : new Aborted([], error)
      this.#together.aborted(
        changes.map(({ name }) => name),
        new Set(failures.keys()),
      )
      for (const change of changes) {
        const reason = failures.get(change.name) ?? abortedWith(change.name, failures, cause)
        this.#abort(change, reason, began, transaction.durations)
      }
      await this.#repeatLater(changes, cause)
      return failures
    }
  }

  /** What failed for want of the database alone is tried again when that is back. */
  async #repeatLater(changes: readonly PlannedChange[], cause: unknown): Promise<void> {
    if (!isDatabaseAway(cause)) return
    // a plugin's own code may have failed to reach something else
    const isCertain = codeOf(cause) === 'OPS_DATABASE_UNREACHABLE'
    if (isCertain || (await this.#isDatabaseAway())) {
      this.#later.add(changes.map(({ name }) => name))
    }
  }

  #isDatabaseAway(): Promise<boolean> {
    return this.#options.database.ping().then(
      () => false,
      () => true,
    )
  }

  #repeat(names: ReadonlySet<string>): Promise<void> {
    return this.#enqueue(async () => {
      const { changes } = await this.#scan()
      const failed = changes.filter(
        ({ name }) => names.has(name) && this.records.lastReload(name)?.ok === false,
      )
      if (failed.length === 0) return
      const planned = await Promise.all(failed.map(plan))
      if (await this.#commitTogether(planned)) await this.#retry(changes, planned)
    })
  }

  /** With those that were left as they are because these failed; without those that go on waiting. */
  async #withHeld(
    found: readonly PlannedChange[],
    all: readonly Change[],
  ): Promise<readonly PlannedChange[]> {
    // that a folder is gone is found at every look: one that is held was not touched by that
    const touched = found.filter(
      ({ name, folder }) => folder !== undefined || !this.#together.holds(name),
    )
    const joining = this.#together.joining(new Set(touched.map(({ name }) => name)))
    const joined = all.filter(({ name }) => joining.includes(name))
    return [...touched, ...(await Promise.all(joined.map(plan)))]
  }

  /** What was taken out of service for a version that failed is set up again, from its build. */
  async #putBack(changes: readonly PlannedChange[]): Promise<void> {
    const out = changes.flatMap((change) => {
      const room = this.#rooms.find(({ previous }) => previous.name === change.name)
      return room === undefined
        ? []
        : [{ ...change, kept: { build: room.previous.build, why: 'last-good' as const } }]
    })
    if (out.length > 0) await this.#commitSome(out)
    this.#openRooms()
  }

  #openRooms(): void {
    for (const room of this.#rooms.splice(0)) room.open()
  }

  async #makeRoom(previous: LoadedPlugin): Promise<void> {
    this.#log.info('plugin.held', { plugin: previous.name })
    const room = await makeRoom(previous, {
      live: this.live,
      nextId: () => this.#nextId++,
      disposed: (plugin) => this.#disposals.of(plugin),
      olderDisposed: (name) => this.#disposals.ofReplaced(name),
    })
    this.#rooms.push(room)
  }

  /**
   * As many of the changes as can be: for one that fails its last good build serves, without one it is
   * left out.
   */
  async #commitEach(changes: readonly PlannedChange[]): Promise<void> {
    const failed = await this.#commitSome(changes)
    const kept: PlannedChange[] = []
    for (const change of failed) {
      // what is gone is gone: its build is not served
      if (change.folder?.problem !== undefined) continue
      const build = change.folder && (await this.#options.kept.load(change.name))
      if (build !== undefined) kept.push({ ...change, kept: { build, why: 'last-good' } })
    }
    if (kept.length > 0) await this.#commitSome(kept)
  }

  /** @returns those that failed */
  async #commitSome(changes: readonly PlannedChange[]): Promise<PlannedChange[]> {
    const began = performance.now()
    const transaction = this.#transaction('leave-out')
    const ready = await transaction.run(changes)
    for (const change of changes) {
      const { name } = change
      if (ready.failures.has(name)) {
        this.#abort(change, ready.failures.get(name), began, transaction.durations)
      }
    }
    this.#commit(ready, changes, began, transaction.durations)
    transaction.end()
    return changes.filter(({ name }) => ready.failures.has(name))
  }

  #transaction(onFailure: 'abort' | 'leave-out'): Transaction {
    return new Transaction(
      {
        ...this.#options,
        coreNeeds: this.#coreNeeds,
        liveGeneration: () => this.live.current,
        makeRoom: (previous) => this.#makeRoom(previous),
        nextId: () => this.#nextId++,
      },
      this.live.current,
      onFailure,
    )
  }

  /**
   * A commit may have brought what another plugin waited for, or taken away what it failed on: a
   * name, a table, a command. One that comes up may in turn help the next.
   */
  async #retry(all: readonly Change[], done: readonly Change[]): Promise<void> {
    const tried = new Set(done.map(({ name }) => name))
    for (let progress = true; progress; ) {
      progress = false
      for (const change of all) {
        if (change.folder === undefined || tried.has(change.name)) continue
        if (!this.#isWorthRetrying(change.name)) continue
        const before = this.live.current
        await this.#commitTogether([await plan(change)])
        progress ||= this.live.current !== before
      }
    }
  }

  #isWorthRetrying(name: string): boolean {
    const waiting = this.live.current.waiting.get(name)
    if (waiting !== undefined) return waiting.plugin === undefined
    const failed = this.records.failed().includes(name)
    return failed && this.records.lastReload(name)?.code === 'OPS_PLUGIN_CONFLICT'
  }

  /** Step 8. Synchronous: no update is dispatched between the reference and the scopes' start. */
  #commit(
    ready: ReadyGeneration,
    changes: readonly PlannedChange[],
    began: number,
    steps: ReloadReport['steps'],
  ): void {
    const before = this.live.current
    const { next, loaded, removed } = ready
    const isNews = loaded.length > 0 || removed.length > 0 || !sameServing(before, next)
    // a plugin that only goes on waiting makes no new generation
    if (!isNews) return
    const at = performance.now()
    this.#disposals.replaced(before, next)
    this.live.replace(next)
    const { orm } = next
    for (const { scope } of instancesOf(next)) scope.workWith(() => orm.em.fork())
    for (const { scope } of loaded) scope.start()
    const now = performance.now()
    const ms = Math.round((now - began) * 10) / 10
    const commit = Math.round((now - at) * 1_000) / 1_000
    const { kept } = this.#options
    const reports = announceCommit(
      { ...ready, before, changes, ms, steps: { ...steps, commit }, cause: this.#cause },
      { records: this.records, kept, log: this.#log },
    )
    this.#openRooms()
    this.events.emit('committed', next, reports)
  }

  #abort(
    { name, hash }: PlannedChange,
    error: unknown,
    began: number,
    steps: ReloadReport['steps'],
  ): void {
    const ms = Math.round(performance.now() - began)
    const serving = this.live.current.plugins.get(name)
    this.records.aborted(name, hash, serving !== undefined, ms, error)
    const before = serving?.build.hash
    const cause = this.#cause
    this.#logAbort({ plugin: name, action: 'abort', before, after: hash, ms, steps, cause, error })
  }

  #logAbort(report: ReloadReport): void {
    const { plugin, error } = report
    this.#log.error('plugin.reload.aborted', { plugin, ...describeFailure(error, (text) => text) })
    this.events.emit('aborted', report)
  }
}

function unknownPlugin(name: string): OpsError {
  return new OpsError('OPS_PLUGIN_UNKNOWN', `There is no plugin folder named "${name}"`)
}

function sameServing(a: Generation, b: Generation): boolean {
  const waits = (generation: Generation) =>
    [...generation.waiting].map(([name, { missing }]) => `${name}:${missing.join()}`).join(' ')
  const samePlugins =
    a.plugins.size === b.plugins.size &&
    [...a.plugins].every(([name, plugin]) => b.plugins.get(name) === plugin)
  // one that was taken out of service and could not be put back is no longer waited for
  return samePlugins && waits(a) === waits(b) && a.held.size === b.held.size
}

/** What is told of a plugin that nothing is wrong with. */
function abortedWith(
  name: string,
  failures: ReadonlyMap<string, unknown>,
  cause: unknown,
): unknown {
  if (failures.size === 0) return cause
  const culprits = [...failures.keys()].join(', ')
  return new OpsError(
    'OPS_PLUGIN_TOGETHER',
    `Plugin ${name} was changed together with ${culprits}, which failed: ${codeOf(cause) ?? 'OPS_PLUGIN_LOAD'}`,
    { cause, details: { plugin: name } },
  )
}
