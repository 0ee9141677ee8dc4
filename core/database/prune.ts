import { setTimeout as pause } from 'node:timers/promises'
import type { Database } from './connection.ts'

export interface PruneOptions {
  readonly table: string
  /** The column of time that decides; have an index on it. */
  readonly column: string
  /** Rows older than this go. */
  readonly before: Date
  /** Ends the work after the current batch. */
  readonly signal?: AbortSignal | undefined
}

/** A few milliseconds of locks, and on the embedded database of everybody's waiting. */
const batchRows = 500
/** The fewest of a batch, however slow the database is. */
const leastRows = 100
/** After a batch that takes longer the next one is smaller. */
const gentleMs = 10
/** Between two batches; longer where they take long: two thirds of the time are others'. */
const breatheMs = 20
const breatheShare = 2

/** Deletes old rows in small batches with pauses between; resolves with how many went. */
export async function prune(database: Database, options: PruneOptions): Promise<number> {
  const { before, signal } = options
  const statement = pruneStatement(options)
  let from = '-infinity'
  let total = 0
  const one = async (most: number) => {
    const [batch] = await database.query<Batch>(statement, [before.toISOString(), from, most])
    if (batch === undefined) return 0
    total += batch.gone
    from = batch.last ?? from
    return batch.found
  }
  await inBatches(one, signal)
  return total
}

interface Batch {
  readonly found: number
  readonly gone: number
  /** The time of the youngest of them. */
  readonly last: string | null
}

/**
 * One batch: what is older than `$1`, from `$2` on, at most `$3` rows. Each begins where the one before ended: from the beginning
 * of the index it would read again all that is deleted and not vacuumed yet. By ctid: deleting has no limit of its own,
 * and the table may lack a key. Its commit doesn't wait for the disk: what a power cut brings back goes the next time.
 */
function pruneStatement(names: Pick<PruneOptions, 'table' | 'column'>): string {
  const [table, column] = [names.table, names.column].map(
    (name) => `"${name.replaceAll('"', '""')}"`,
  )
  return `
    with old as materialized (
      select ctid as place, ${column} as at from ${table}
       where ${column} < $1::timestamptz and ${column} >= $2::timestamptz
       order by ${column} limit $3::int),
    gone as (
      delete from ${table} where ctid = any(array(select place from old)) returning 1)
    select (select count(*) from old) as found, (select count(*) from gone) as gone,
      (select max(at) from old) as last, set_config('synchronous_commit', 'off', true)`
}

/**
 * Deletes by a statement of one's own, until there are fewer than it may take. Batches get smaller when they take long, as others
 * wait for the same disk, and larger again.
 *
 * @param deleteSome given how many it may take. @returns how many it found
 * @returns how many it found altogether
 */
export async function inBatches(
  deleteSome: (most: number) => Promise<number>,
  signal?: AbortSignal,
): Promise<number> {
  let most = batchRows
  let total = 0
  while (signal?.aborted !== true) {
    const began = performance.now()
    const rows = await deleteSome(most)
    const ms = performance.now() - began
    total += rows
    if (rows < most) break
    most = ms > gentleMs ? Math.max(leastRows, most >> 1) : Math.min(batchRows, most * 2)
    const breathe = Math.max(breatheMs, ms * breatheShare)
    await pause(breathe, undefined, { signal }).catch(() => undefined)
  }
  return total
}
