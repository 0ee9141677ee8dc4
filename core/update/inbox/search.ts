import type { Logger } from '../../log/logger.ts'
import { Backoff, sleep } from '../../telegram/backoff.ts'
import type { PartitionState } from '../partition/partitions.ts'
import type { Held } from './held.ts'
import { foundItem, type InboxItem } from './item.ts'
import type { InboxRows } from './rows.ts'

export interface SearchOptions {
  readonly rows: Pick<InboxRows, 'openIn' | 'open'>
  readonly held: Held
  readonly stateOf: (part: number) => PartitionState
  /** Takes an open row into memory. @returns false when it is there already */
  readonly push: (item: InboxItem, seq: number) => boolean
  readonly log: Logger
  /** Ends a search that goes on because the database is away. */
  readonly signal: AbortSignal
}

/** Looks in the table for open rows that are not in memory: others accepted them, or left them. */
export class Search {
  readonly #options: SearchOptions
  /** Partitions with rows that are not in memory. */
  readonly #strays = new Set<number>()
  #running: Promise<void> | undefined

  constructor(options: SearchOptions) {
    this.#options = options
  }

  /** Has a look into these partitions, soon; again and again until that succeeds. */
  into(parts: Iterable<number>): void {
    for (const part of parts) this.#strays.add(part)
    this.#running ??= this.#run()
  }

  /** Resolves when nothing is being looked for. */
  async idle(): Promise<void> {
    await this.#running
  }

  /**
   * Takes all open rows of these partitions into memory, in their order.
   * @param endings how many processes ended with them just now
   * @returns how many were not there
   */
  async take(parts: readonly number[], endings: number): Promise<number> {
    const { held, rows } = this.#options
    let taken = 0
    await held.look(async () => {
      const open = await rows.openIn(parts)
      const unknown = open.filter(({ id, part }) => !held.knows(id, part))
      if (unknown.length === 0) return
      const ids = unknown.map(({ id }) => id)
      taken = await this.#offer(ids, endings)
    })
    return taken
  }

  async #run(): Promise<void> {
    // by then the promise of this is in its place
    await null
    const { signal } = this.#options
    const backoff = new Backoff({ firstMs: 50, maxMs: 1_000 })
    try {
      for (let parts = this.#next(); parts.length > 0 && !signal.aborted; parts = this.#next()) {
        await this.#lookInto(parts, backoff)
      }
    } finally {
      // in one go with the last look at whether there are more
      this.#running = undefined
    }
  }

  /** Takes out what can be looked into now; what is only just being read is looked into afterwards. */
  #next(): readonly number[] {
    const { stateOf } = this.#options
    const parts = [...this.#strays].filter((part) => stateOf(part) === 'own')
    for (const part of this.#strays) if (stateOf(part) !== 'loading') this.#strays.delete(part)
    return parts
  }

  async #lookInto(parts: readonly number[], backoff: Backoff): Promise<void> {
    const { log, signal } = this.#options
    try {
      await this.take(parts, 0)
      backoff.reset()
    } catch (error) {
      log.warn('inbox.look-failed', { error })
      for (const part of parts) this.#strays.add(part)
      await sleep(backoff.next(), signal).catch(() => undefined)
    }
  }

  async #offer(ids: readonly number[], endings: number): Promise<number> {
    const { rows, stateOf, push } = this.#options
    let taken = 0
    for (const row of await rows.open(ids)) {
      const item = foundItem(row, endings)
      if (stateOf(item.part) === 'foreign') continue
      if (push(item, row.seq)) taken++
    }
    return taken
  }
}
