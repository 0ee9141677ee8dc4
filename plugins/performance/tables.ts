import type { Timing } from 'opsgram'

/** The columns of `performance_minutes` that the bulk writer fills. */
export const minutes = {
  name: 'performance_minutes',
  columns: {
    at: 'timestamptz',
    instance: 'text',
    updates: 'integer',
    failed: 'integer',
    handlers: 'jsonb',
    lag_ms: 'double precision',
    rss_mib: 'double precision',
    heap_mib: 'double precision',
  },
} as const

/** The same of `performance_timings`. */
export const timings = {
  name: 'performance_timings',
  columns: {
    at: 'timestamptz',
    kind: 'text',
    plugin: 'text',
    name: 'text',
    count: 'integer',
    failed: 'integer',
    total_ms: 'double precision',
    max_ms: 'double precision',
    buckets: 'jsonb',
  },
} as const

/** How many fell into which bucket; those into which none fell are left out. */
export function filled(all: readonly (readonly number[])[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const buckets of all) {
    for (const [bucket, count] of buckets.entries()) {
      if (count > 0) sums[bucket] = (sums[bucket] ?? 0) + count
    }
  }
  return sums
}

/** Of each kind so many names are kept a minute: those that took longest together. */
const mostNames = 60

/** Rows of `performance_timings`; what isn't kept by name is one row more. */
export function timingRows(
  kind: 'handler' | 'query',
  at: Date,
  all: readonly Timing[],
): Record<string, unknown>[] {
  const byTotal = all.toSorted((a, b) => b.totalMs - a.totalMs)
  const rest = byTotal.slice(mostNames)
  const kept = byTotal.slice(0, mostNames).map((timing) => rowOf(kind, at, timing))
  if (rest.length === 0) return kept
  const sum = (of: (timing: Timing) => number) => rest.reduce((total, one) => total + of(one), 0)
  const other = {
    at,
    kind,
    name: 'other',
    count: sum(({ count }) => count),
    failed: sum(({ failed }) => failed),
    total_ms: sum(({ totalMs }) => totalMs),
    max_ms: Math.max(...rest.map(({ maxMs }) => maxMs)),
    buckets: filled(rest.map(({ buckets }) => buckets)),
  }
  return [...kept, other]
}

function rowOf(kind: string, at: Date, timing: Timing): Record<string, unknown> {
  const { plugin, name, count, failed, totalMs, maxMs, buckets } = timing
  return {
    at,
    kind,
    plugin,
    name,
    count,
    failed,
    total_ms: totalMs,
    max_ms: maxMs,
    buckets: filled([buckets]),
  }
}
