import type { Database } from '../../database/connection.ts'
import { isDatabaseAway } from '../../database/failure.ts'
import { codeOf } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import type { Live } from '../generation/live.ts'
import type { Commits } from './commits.ts'
import { Later } from './later.ts'
import { type Change, plan } from './plan.ts'
import type { PluginRecords } from './records.ts'
import type { PlannedChange } from './transaction.ts'

export interface RetriesParts {
  readonly live: Live
  readonly records: PluginRecords
  readonly commits: Commits
  readonly database: Database
  /** Reads the plugin folders. */
  readonly scan: () => Promise<{ readonly changes: readonly Change[] }>
  /** Runs work in its turn among the transactions. */
  readonly enqueue: (work: () => Promise<void>) => Promise<void>
  readonly log: Logger
}

/** What failed, or waits, through no fault of its own is tried again when the reason may be gone. */
export class Retries {
  readonly #parts: RetriesParts
  readonly #later: Later

  constructor(parts: RetriesParts) {
    this.#parts = parts
    this.#later = new Later({
      probe: () => parts.database.ping(),
      retry: (names) => this.#repeat(names),
      log: parts.log,
    })
  }

  stop(): void {
    this.#later.stop()
  }

  /** What failed for want of the database alone is tried again when that is back. */
  async whenDatabaseIsBack(changes: readonly PlannedChange[], cause: unknown): Promise<void> {
    if (!isDatabaseAway(cause)) return
    // a plugin's own code may have failed to reach something else
    const isCertain = codeOf(cause) === 'OPS_DATABASE_UNREACHABLE'
    if (isCertain || (await this.#isDatabaseAway())) {
      this.#later.add(changes.map(({ name }) => name))
    }
  }

  /**
   * A commit may have brought what another plugin waited for, or taken away what it failed on: a
   * name, a table, a command. One that comes up may in turn help the next.
   */
  async afterCommit(all: readonly Change[], done: readonly Change[]): Promise<void> {
    const { live, commits } = this.#parts
    const tried = new Set(done.map(({ name }) => name))
    for (let progress = true; progress; ) {
      progress = false
      for (const change of all) {
        if (change.folder === undefined || tried.has(change.name)) continue
        if (!this.#isWorthRetrying(change.name)) continue
        const before = live.current
        await commits.together([await plan(change)])
        progress ||= live.current !== before
      }
    }
  }

  #isWorthRetrying(name: string): boolean {
    const { live, records } = this.#parts
    const waiting = live.current.waiting.get(name)
    if (waiting !== undefined) return waiting.plugin === undefined
    return (
      records.failed().includes(name) && records.lastReload(name)?.code === 'OPS_PLUGIN_CONFLICT'
    )
  }

  #repeat(names: ReadonlySet<string>): Promise<void> {
    const { records, commits, scan, enqueue } = this.#parts
    return enqueue(async () => {
      const { changes } = await scan()
      const failed = changes.filter(
        ({ name }) => names.has(name) && records.lastReload(name)?.ok === false,
      )
      if (failed.length === 0) return
      const planned = await Promise.all(failed.map(plan))
      if (await commits.together(planned)) await this.afterCommit(changes, planned)
    })
  }

  #isDatabaseAway(): Promise<boolean> {
    return this.#parts.database.ping().then(
      () => false,
      () => true,
    )
  }
}
