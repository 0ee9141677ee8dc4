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
export const batchRows = 500
/** Between two batches; longer where they take long: two thirds of the time are others'. */
const breatheMs = 20
const breatheShare = 2

/** Deletes old rows in small batches with pauses between; resolves with how many went. */
export async function prune(database: Database, options: PruneOptions): Promise<number> {
  const { before, signal } = options
  const [table, column] = [options.table, options.column].map(
    (name) => `"${name.replaceAll('"', '""')}"`,
  )
  // By ctid: deleting has no limit of its own, and the table may lack a key.
  const statement = `
    with gone as (
      delete from ${table}
       where ctid = any(array(select ctid from ${table} where ${column} < $1::timestamptz limit ${batchRows}))
       returning 1)
    select count(*) as rows from gone`
  const one = async () => {
    const [answer] = await database.query<{ rows: number }>(statement, [before.toISOString()])
    return answer?.rows ?? 0
  }
  return inBatches(one, signal)
}

/** Deletes by a statement of one's own: at most {@link batchRows} at a time, until fewer went. @returns how many went */
export async function inBatches(
  deleteSome: () => Promise<number>,
  signal?: AbortSignal,
): Promise<number> {
  let total = 0
  while (signal?.aborted !== true) {
    const began = performance.now()
    const rows = await deleteSome()
    total += rows
    if (rows < batchRows) break
    const breathe = Math.max(breatheMs, (performance.now() - began) * breatheShare)
    await pause(breathe, undefined, { signal }).catch(() => undefined)
  }
  return total
}
