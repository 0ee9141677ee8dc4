import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { codeOf, messageOf } from '../errors.ts'
import type { Logger } from '../log/logger.ts'
import { type BulkColumn, type BulkColumnType, jsonRow } from './bulk-values.ts'
import type { Database } from './connection.ts'
import { isBadRow, isConflict, isDatabaseAway } from './failure.ts'
import { type PruneOptions, prune } from './prune.ts'

/** A table that rows are appended to at a high rate. */
export interface BulkTableSpec {
  readonly name: string
  /** Columns that rows may have, by name; a row without one gets null there. */
  readonly columns: Readonly<Record<string, BulkColumnType>>
}

export interface BulkTable {
  /** Takes a row and returns at once. Never throws: a row that can't be written is counted, not told. */
  push(row: Readonly<Record<string, unknown>>): void
  /** Resolves when all rows pushed so far were written, or given up. */
  flush(): Promise<void>
  /** Deletes what is older than `before`, in batches; see {@link prune}. Resolves with the number of rows. */
  prune(options: Omit<PruneOptions, 'table'>): Promise<number>
  /** Takes no more rows; those it has are still written. */
  release(): void
}

export interface BulkStats {
  /** Rows that wait in memory. */
  readonly waiting: number
  readonly written: number
  /** Rows not taken because too many waited, or that stopping left behind. */
  readonly dropped: number
  /** Rows that the database refused for what is in them. */
  readonly refused: number
}

export interface BulkWriter {
  table(spec: BulkTableSpec): BulkTable
  readonly stats: BulkStats
  /** Takes no more rows and writes what waits, for `ms` at most; the rest is dropped and reported. */
  close(ms: number): Promise<void>
}

const batchRows = 500
const gatherMs = 250
/** Of the whole process: a database that is away must not eat the heap (about 1 KB a row). */
const mostWaiting = 20_000
const firstPauseMs = 250
const longestPauseMs = 10_000
const complainEveryMs = 60_000

/**
 * Makes the writer for logs of high rate: rows gather up to 250 ms and go as one statement. They are kept and
 * retried while the database is away, so a row can be written twice when an answer is lost, and a kill -9 loses what
 * had gathered. Not for what must not be lost.
 */
export function createBulkWriter(options: { database: Database; log: Logger }): BulkWriter {
  return new Writer(options.database, options.log)
}

class Writer implements BulkWriter {
  readonly database: Database
  readonly stopping = new AbortController()
  /**
   * Leaves the caller's context: rows are pushed from inside transactions and updates, and what is written
   * later is neither's.
   */
  readonly outside = AsyncLocalStorage.snapshot()
  readonly counts = { waiting: 0, written: 0, dropped: 0, refused: 0 }
  readonly #log: Logger
  readonly #tables = new Set<Table>()
  readonly #complaints = new Map<string, { at: number; rows: number }>()
  #closed = false

  constructor(database: Database, log: Logger) {
    this.database = database
    this.#log = log
  }

  get stats(): BulkStats {
    return { ...this.counts }
  }

  get full(): boolean {
    return this.#closed || this.counts.waiting >= mostWaiting
  }

  table(spec: BulkTableSpec): BulkTable {
    const table = new Table(this, spec, () => this.#tables.delete(table))
    this.#tables.add(table)
    return table
  }

  /** One line a minute for each kind of trouble, with the rows since the last one. */
  complain(event: string, table: string, rows: number, error?: unknown): void {
    const key = `${event} ${table}`
    const last = this.#complaints.get(key)
    const sum = rows + (last?.rows ?? 0)
    const now = performance.now()
    if (last !== undefined && now - last.at < complainEveryMs) {
      last.rows = sum
      return
    }
    this.#complaints.set(key, { at: now, rows: 0 })
    // What PostgreSQL says about a bad row repeats its values; what people wrote has no place in this log.
    const reason = isBadRow(error) ? {} : { reason: messageOf(error) }
    const why = error === undefined ? {} : { code: codeOf(error), ...reason }
    this.#log.warn(event, { table, rows: sum, ...why })
  }

  async close(ms: number): Promise<void> {
    this.#closed = true
    const timeLimit = new AbortController()
    const tables = [...this.#tables]
    for (const table of tables) table.hurry()
    await Promise.race([
      Promise.all(tables.map((table) => table.flush())),
      pause(ms, undefined, { signal: timeLimit.signal }).catch(() => undefined),
    ])
    timeLimit.abort()
    this.stopping.abort()
    const left = this.counts.waiting
    if (left === 0) return
    this.counts.dropped += left
    this.counts.waiting = 0
    for (const table of tables) table.forget()
    this.#log.error('bulk.lost', { rows: left })
  }
}

class Table implements BulkTable {
  readonly #writer: Writer
  readonly #name: string
  readonly #columns: readonly BulkColumn[]
  readonly #statement: string
  readonly #forgotten: () => void
  /** As JSON: whoever pushed one may go on changing it, and one text is less for the memory to move than its values. */
  #rows: string[] = []
  #timer: NodeJS.Timeout | undefined
  #drained: Promise<void> | undefined
  #pausing = new AbortController()
  #released = false

  constructor(writer: Writer, spec: BulkTableSpec, forgotten: () => void) {
    this.#writer = writer
    this.#name = spec.name
    this.#columns = Object.entries(spec.columns).map(([name, type]) => ({
      name,
      type,
      key: JSON.stringify(name),
    }))
    this.#forgotten = forgotten
    const names = this.#columns.map(({ name }) => quoted(name)).join(', ')
    const typed = this.#columns.map(({ name, type }) => `${quoted(name)} ${type}`).join(', ')
    // one parameter whatever the number of rows: one plan, and no limit of 65,535 parameters
    this.#statement = `insert into ${quoted(spec.name)} (${names}) select ${names} from json_to_recordset($1::json) as one (${typed})`
  }

  push(row: Readonly<Record<string, unknown>>): void {
    const { counts } = this.#writer
    if (this.#released || this.#writer.full) {
      counts.dropped++
      this.#writer.complain('bulk.dropped', this.#name, 1)
      return
    }
    try {
      this.#rows.push(jsonRow(this.#columns, row))
    } catch (error) {
      counts.refused++
      this.#writer.complain('bulk.refused', this.#name, 1, error)
      return
    }
    counts.waiting++
    if (this.#rows.length >= batchRows) this.#start()
    else
      this.#timer ??= this.#writer.outside(() => setTimeout(() => this.#start(), gatherMs).unref())
  }

  async flush(): Promise<void> {
    if (this.#rows.length > 0) this.#start()
    await this.#drained
  }

  prune(options: Omit<PruneOptions, 'table'>): Promise<number> {
    return prune(this.#writer.database, { ...options, table: this.#name })
  }

  release(): void {
    this.#released = true
    void this.flush().then(this.#forgotten)
  }

  /** Ends a pause between attempts. */
  hurry(): void {
    this.#pausing.abort()
  }

  forget(): void {
    this.#rows = []
  }

  #start(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#drained ??= this.#writer
      .outside(() => this.#drain())
      .finally(() => {
        this.#drained = undefined
        // What came after the last look and before this found a drain at work and left it to that.
        if (this.#rows.length >= batchRows) this.#start()
      })
  }

  async #drain(): Promise<void> {
    while (this.#rows.length > 0) {
      const batch = this.#rows.splice(0, batchRows)
      await this.#deliver(batch)
      if (this.#writer.stopping.signal.aborted) return
      this.#writer.counts.waiting -= batch.length
    }
  }

  /** Writes a batch, however long the database is away. */
  async #deliver(batch: readonly string[]): Promise<void> {
    for (let failures = 0; ; failures++) {
      try {
        await this.#write(batch)
        return
      } catch (error) {
        if (!worthWaiting(error)) {
          // The table is not as it should be (gone, other columns, no right to it): waiting can't help.
          this.#refuse(batch.length, error)
          return
        }
        this.#writer.complain('bulk.waiting', this.#name, batch.length, error)
      }
      await this.#pause(Math.min(firstPauseMs * 2 ** failures, longestPauseMs))
      if (this.#writer.stopping.signal.aborted) return
    }
  }

  /** One statement; a refused batch is halved until the bad row is alone. */
  async #write(batch: readonly string[]): Promise<void> {
    try {
      await this.#writer.database.query(this.#statement, [`[${batch.join(',')}]`])
      this.#writer.counts.written += batch.length
    } catch (error) {
      if (!isBadRow(error)) throw error
      if (batch.length === 1) {
        this.#refuse(1, error)
        return
      }
      const half = batch.length >> 1
      await this.#write(batch.slice(0, half))
      await this.#write(batch.slice(half))
    }
  }

  #refuse(rows: number, error: unknown): void {
    this.#writer.counts.refused += rows
    this.#writer.complain('bulk.refused', this.#name, rows, error)
  }

  async #pause(ms: number): Promise<void> {
    if (this.#pausing.signal.aborted) this.#pausing = new AbortController()
    const signal = AbortSignal.any([this.#pausing.signal, this.#writer.stopping.signal])
    await pause(ms, undefined, { signal, ref: false }).catch(() => undefined)
  }
}

/** 57014: the statement's time limit, as when a migration holds the table. */
function worthWaiting(error: unknown): boolean {
  return isDatabaseAway(error) || isConflict(error) || codeOf(error) === '57014'
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
