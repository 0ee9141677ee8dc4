import { getHeapStatistics } from 'node:v8'
import type { HealthReport } from 'opsgram'

/** Memory that is used and that there is, MiB. */
export interface Room {
  readonly what: 'process' | 'heap'
  readonly used: number
  readonly limit: number
}

const mebibyte = 2 ** 20
/** What has been too much is so until it is so much less, percent. */
const calmBelow = 10

/** What the process has of memory, against what it may have. */
export function memoryNow(limitMib?: number): readonly Room[] {
  const { rss, heapUsed } = process.memoryUsage()
  // of a container; without one, of the machine (Node 24, process.constrainedMemory: 0 when unknown)
  const constrained = process.constrainedMemory() || Number.POSITIVE_INFINITY
  const limit = Math.min(constrained / mebibyte, limitMib ?? Number.POSITIVE_INFINITY)
  const heapLimit = getHeapStatistics().heap_size_limit / mebibyte
  return [
    { what: 'process', used: rss / mebibyte, limit },
    { what: 'heap', used: heapUsed / mebibyte, limit: heapLimit },
  ]
}

/** Says when memory gets short, and when it is well below that again. */
export class MemoryWatch {
  readonly #percent: number
  #isShort = false

  /** @param percent of what there is */
  constructor(percent: number) {
    this.#percent = percent
  }

  look(rooms: readonly Room[]): HealthReport | undefined {
    const threshold = this.#isShort ? this.#percent - calmBelow : this.#percent
    const short = rooms.filter(({ used, limit }) => (used / limit) * 100 >= threshold)
    this.#isShort = short.length > 0
    if (!this.#isShort) return undefined
    const detail = short
      .map(({ what, used, limit }) => `${what} ${Math.round(used)} of ${Math.round(limit)} MiB`)
      .join(', ')
    return { status: 'degraded', detail }
  }
}
