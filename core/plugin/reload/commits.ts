import type { EventEmitter } from 'node:events'
import { type SchemaNeeds, schemaNeeds } from '../../database/schema-check.ts'
import { codeOf, OpsError } from '../../errors.ts'
import type { KeptBuilds } from '../code/kept-builds.ts'
import { type Generation, instancesOf } from '../generation/generation.ts'
import type { Live } from '../generation/live.ts'
import type { LoadedPlugin } from '../generation/loaded.ts'
import { announceCommit, type ReloadReport } from './announce.ts'
import type { Cause } from './cause.ts'
import type { Disposals } from './disposals.ts'
import type { ReloadEvents } from './events.ts'
import { type Change, plan } from './plan.ts'
import { describeFailure, type PluginRecords } from './records.ts'
import { makeRoom, type Room } from './room.ts'
import { Together } from './together.ts'
import {
  Aborted,
  type PlannedChange,
  type ReadyGeneration,
  Transaction,
  type TransactionParts,
} from './transaction.ts'

export interface CommitsOptions
  extends Omit<TransactionParts, 'coreNeeds' | 'liveGeneration' | 'makeRoom' | 'nextId'> {
  /** Where the last good builds are. */
  readonly kept: KeptBuilds
}

export interface CommitsParts {
  readonly options: CommitsOptions
  readonly live: Live
  readonly records: PluginRecords
  readonly events: EventEmitter<ReloadEvents>
  readonly disposals: Disposals
  /** Number for the next generation. */
  readonly nextId: () => number
  /** Why what runs now runs. */
  readonly cause: () => Cause
  /** Told of each transaction that was aborted, with what it failed on. */
  readonly aborted: (changes: readonly PlannedChange[], cause: unknown) => Promise<void>
}

/** Carries planned changes through a transaction to the commit, or reports what aborted it. One at a time. */
export class Commits {
  readonly #parts: CommitsParts
  /** Exclusive plugins that are out of service during the running transaction. */
  readonly #rooms: Room[] = []
  readonly #together = new Together()
  readonly #coreNeeds: SchemaNeeds

  constructor(parts: CommitsParts) {
    this.#parts = parts
    this.#coreNeeds = schemaNeeds(parts.options.coreEntities)
  }

  /**
   * All of the changes, or none; but what was broken before and is broken still holds up nobody.
   *
   * @returns whether anything was committed
   */
  async together(changes: readonly PlannedChange[]): Promise<boolean> {
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
      await this.#parts.aborted(changes, cause)
      return failures
    }
  }

  /** With those that were left as they are because these failed; without those that go on waiting. */
  async withHeld(
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
    this.#parts.options.log.info('plugin.held', { plugin: previous.name })
    const room = await makeRoom(previous, {
      live: this.#parts.live,
      nextId: this.#parts.nextId,
      disposed: (plugin) => this.#parts.disposals.of(plugin),
      olderDisposed: (name) => this.#parts.disposals.ofReplaced(name),
    })
    this.#rooms.push(room)
  }

  /**
   * As many of the changes as can be: for one that fails its last good build serves, without one it is
   * left out.
   */
  async each(changes: readonly PlannedChange[]): Promise<void> {
    const failed = await this.#commitSome(changes)
    const kept: PlannedChange[] = []
    for (const change of failed) {
      // what is gone is gone: its build is not served
      if (change.folder?.problem !== undefined) continue
      const build = change.folder && (await this.#parts.options.kept.load(change.name))
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
        ...this.#parts.options,
        coreNeeds: this.#coreNeeds,
        liveGeneration: () => this.#parts.live.current,
        makeRoom: (previous) => this.#makeRoom(previous),
        nextId: this.#parts.nextId,
      },
      this.#parts.live.current,
      onFailure,
    )
  }

  /** Step 8. Synchronous: no update is dispatched between the reference and the scopes' start. */
  #commit(
    ready: ReadyGeneration,
    changes: readonly PlannedChange[],
    began: number,
    steps: ReloadReport['steps'],
  ): void {
    const before = this.#parts.live.current
    const { next, loaded, removed } = ready
    const isNews = loaded.length > 0 || removed.length > 0 || !sameServing(before, next)
    // a plugin that only goes on waiting makes no new generation
    if (!isNews) return
    const at = performance.now()
    this.#parts.disposals.replaced(before, next)
    this.#parts.live.replace(next)
    const { orm } = next
    for (const { scope } of instancesOf(next)) scope.workWith(() => orm.em.fork())
    for (const { scope } of loaded) scope.start()
    const now = performance.now()
    const ms = Math.round((now - began) * 10) / 10
    const commit = Math.round((now - at) * 1_000) / 1_000
    const { kept } = this.#parts.options
    const reports = announceCommit(
      { ...ready, before, changes, ms, steps: { ...steps, commit }, cause: this.#parts.cause() },
      { records: this.#parts.records, kept, log: this.#parts.options.log },
    )
    this.#openRooms()
    this.#parts.events.emit('committed', next, reports)
  }

  #abort(
    { name, hash }: PlannedChange,
    error: unknown,
    began: number,
    steps: ReloadReport['steps'],
  ): void {
    const ms = Math.round(performance.now() - began)
    const serving = this.#parts.live.current.plugins.get(name)
    this.#parts.records.aborted(name, hash, serving !== undefined, ms, error)
    const before = serving?.build.hash
    const cause = this.#parts.cause()
    this.tellAbort({ plugin: name, action: 'abort', before, after: hash, ms, steps, cause, error })
  }

  /** Tells the log, and whoever watches, that something was left as it is. */
  tellAbort(report: ReloadReport): void {
    const { plugin, error } = report
    this.#parts.options.log.error('plugin.reload.aborted', {
      plugin,
      ...describeFailure(error, (text) => text),
    })
    this.#parts.events.emit('aborted', report)
  }
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
