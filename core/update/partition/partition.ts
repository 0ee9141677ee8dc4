/** The inbox is shared out in so many parts; kept in the rows, so never to be changed. */
export const partitionCount = 64

/** All of them. */
export const allPartitions: readonly number[] = Array.from({ length: partitionCount }, (_, i) => i)

/** The partition of a lane: its updates are all in one, so that one instance keeps their order. */
export function partitionOf(lane: string): number {
  let hash = 0
  for (let i = 0; i < lane.length; i++) hash = (Math.imul(hash, 31) + lane.charCodeAt(i)) | 0
  return (hash >>> 0) % partitionCount
}
