/** How many fell into which bucket, by its index. */
export type Buckets = ReadonlyMap<number, number>

/**
 * The time that a share of them took at most, ms: within its bucket as if they lay evenly. Undefined when there are none.
 *
 * @param bounds upper bounds of the buckets, ms
 */
export function quantile(
  share: number,
  buckets: Buckets,
  bounds: readonly number[],
): number | undefined {
  const all = [...buckets].toSorted(([a], [b]) => a - b)
  const total = all.reduce((sum, [, count]) => sum + count, 0)
  if (total === 0) return undefined
  let below = 0
  for (const [bucket, count] of all) {
    if (below + count >= share * total) {
      const from = bounds[bucket - 1] ?? 0
      const to = bounds[bucket] ?? from
      return from + (to - from) * ((share * total - below) / count)
    }
    below += count
  }
  return undefined
}
