import type { EntityManager } from 'opsgram'
import { type Buckets, quantile } from './quantile.ts'

/** How many hours a picture shows. */
export const ranges = [1, 6, 24] as const
export type Range = (typeof ranges)[number]

/** Minutes that one point stands for. */
const pointMinutes: Readonly<Record<Range, number>> = { 1: 1, 6: 5, 24: 15 }

/** A part of the time, all instances together. */
export interface Point {
  /** When it ends. */
  readonly at: Date
  readonly perMinute: number
  readonly failedPerMinute: number
  /** Of handlers, ms; undefined when none ran. */
  readonly p50: number | undefined
  readonly p95: number | undefined
  /** The worst of all instances. */
  readonly lagMs: number
  readonly rssMib: number
  readonly heapMib: number
}

export interface History {
  readonly from: Date
  readonly to: Date
  /** Those in which something was written down, the oldest first. */
  readonly points: readonly Point[]
  readonly updates: number
  readonly failed: number
  readonly p50: number | undefined
  readonly p95: number | undefined
}

interface Row {
  point: number
  updates: number
  failed: number
  lag_ms: number
  rss_mib: number
  heap_mib: number
}

/** What was written down in the last hours. */
export async function historyOf(
  em: EntityManager,
  { hours, now, bounds }: { hours: Range; now: Date; bounds: readonly number[] },
): Promise<History> {
  const stepMs = pointMinutes[hours] * 60_000
  const from = new Date(now.getTime() - hours * 3_600_000)
  const point = `floor(extract(epoch from at - ?::timestamptz) * 1000 / ?)::int`
  const given = [from.toISOString(), stepMs, from.toISOString()]
  const rows = await em.execute<Row[]>(
    `select ${point} as point, sum(updates)::int as updates, sum(failed)::int as failed,
            max(lag_ms) as lag_ms, max(rss_mib) as rss_mib, max(heap_mib) as heap_mib
       from performance_minutes where at > ? group by 1 order by 1`,
    given,
  )
  const counts = await em.execute<{ point: number; bucket: number; count: number }[]>(
    `select ${point} as point, key::int as bucket, sum(value::int)::int as count
       from performance_minutes, jsonb_each_text(handlers) where at > ? group by 1, 2`,
    given,
  )
  const byPoint = Map.groupBy(counts, (count) => count.point)
  const all = addUp(counts)
  const minutesOf = stepMs / 60_000
  return {
    from,
    to: now,
    points: rows.map((row) => {
      const buckets = addUp(byPoint.get(row.point) ?? [])
      return {
        at: new Date(from.getTime() + (row.point + 1) * stepMs),
        perMinute: row.updates / minutesOf,
        failedPerMinute: row.failed / minutesOf,
        p50: quantile(0.5, buckets, bounds),
        p95: quantile(0.95, buckets, bounds),
        lagMs: row.lag_ms,
        rssMib: row.rss_mib,
        heapMib: row.heap_mib,
      }
    }),
    updates: rows.reduce((sum, { updates }) => sum + updates, 0),
    failed: rows.reduce((sum, { failed }) => sum + failed, 0),
    p50: quantile(0.5, all, bounds),
    p95: quantile(0.95, all, bounds),
  }
}

export function addUp(counts: readonly { bucket: number; count: number }[]): Buckets {
  const sums = new Map<number, number>()
  for (const { bucket, count } of counts) sums.set(bucket, (sums.get(bucket) ?? 0) + count)
  return sums
}
