import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { OverviewApi, TimingsApi } from 'opsgram'
import { filled, timingRows } from './tables.ts'

/** How late the event loop was, and what memory the process takes. */
interface Vitals {
  /** 99 % of the looks came at most so much too late, ms. */
  readonly lagMs: number
  readonly rssMib: number
  readonly heapMib: number
}

interface Table {
  push(row: Readonly<Record<string, unknown>>): void
}

export interface RecorderParts {
  readonly timings: TimingsApi
  readonly overview: Pick<OverviewApi, 'instance'>
  readonly minutes: Table
  /** By handler and by query. */
  readonly names: Table
  readonly now: () => Date
}

const mebibyte = 2 ** 20
/** The monitor looks as often as that, ms; it counts from look to look. */
const resolutionMs = 20

/** Makes a row of each minute. */
export class Recorder {
  readonly #loop: IntervalHistogram = monitorEventLoopDelay({ resolution: resolutionMs })
  readonly #parts: RecorderParts
  #last: Vitals

  constructor(parts: RecorderParts) {
    this.#parts = parts
    this.#last = this.#look()
  }

  /** Begins to watch the event loop. */
  start(): void {
    this.#loop.enable()
  }

  /** Writes what has happened since the last time. */
  write(): void {
    const { timings, overview, minutes, names, now } = this.#parts
    const at = now()
    const { updates, handlers, queries } = timings.take()
    const vitals = this.#look()
    this.#last = vitals
    this.#loop.reset()
    const counted = updates.filter(({ name }) => name !== 'repeated')
    minutes.push({
      at,
      instance: overview.instance,
      updates: counted.reduce((sum, { count }) => sum + count, 0),
      failed: counted.reduce((sum, { failed }) => sum + failed, 0),
      handlers: filled(handlers.map(({ buckets }) => buckets)),
      lag_ms: vitals.lagMs,
      rss_mib: vitals.rssMib,
      heap_mib: vitals.heapMib,
    })
    for (const row of timingRows('handler', at, handlers)) names.push(row)
    for (const row of timingRows('query', at, queries)) names.push(row)
  }

  /** Of the last whole minute; before there was one, of now. */
  get vitals(): Vitals {
    return this.#last
  }

  stop(): void {
    this.#loop.disable()
  }

  #look(): Vitals {
    const { rss, heapUsed } = process.memoryUsage()
    // nanoseconds; NaN before the first look
    const p99 = this.#loop.percentile(99) / 1e6
    return {
      lagMs: Number.isFinite(p99) ? Math.max(0, p99 - resolutionMs) : 0,
      rssMib: rss / mebibyte,
      heapMib: heapUsed / mebibyte,
    }
  }
}
