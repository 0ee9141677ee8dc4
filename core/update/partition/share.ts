import { partitionCount } from './partition.ts'

/** What is known of a partition that is held. */
export interface HeldPartition {
  readonly part: number
  /** Updates that wait or run. */
  readonly size: number
  /** For how long its oldest run has been going on, ms; 0 when nothing runs. */
  readonly runningMs: number
}

/** A run that went on for longer may take a minute: its partition is not given away now, ms. */
const longRunMs = 1_000

/** How many partitions each of so many instances has at most. */
export function fairShare(instances: number): number {
  return instances === 0 ? 0 : Math.ceil(partitionCount / instances)
}

/** Those of the held ones that an instance gives away first, at most `count`: with nothing in them. */
export function idleOnes(held: readonly HeldPartition[], count: number): number[] {
  return held
    .filter(({ size }) => size === 0)
    .slice(0, Math.max(0, count))
    .map(({ part }) => part)
}

/**
 * Those that it gives away although there is work in them, because none became idle: what waits moves
 * to the next owner, what runs ends here. The emptiest first.
 */
export function busyOnes(held: readonly HeldPartition[], count: number): number[] {
  return held
    .filter(({ runningMs }) => runningMs < longRunMs)
    .sort((a, b) => a.size - b.size)
    .slice(0, Math.max(0, count))
    .map(({ part }) => part)
}
