interface Waiting<T> {
  readonly item: T
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export interface Beside<T> {
  /** So many must wait before a second batch is written beside the first. */
  readonly from: number
  /** Items of one key are never in two batches at once, so that their order is kept. */
  readonly keyOf: (item: T) => string
}

/**
 * Group commit without a timer: an item that finds it idle is written at once; what arrives during
 * a write goes together in the next one. Beats a fixed window in latency and in throughput.
 */
export class Batcher<T> {
  readonly #write: (items: T[]) => Promise<void>
  readonly #max: number
  readonly #beside: Beside<T> | undefined
  #queue: Waiting<T>[] = []
  /** A batch is begun in the next turn of the event loop. */
  #isDue = false
  readonly #running = new Map<Promise<void>, ReadonlySet<string>>()
  #idle: (() => void)[] = []

  /**
   * @param max items in a batch
   * @param beside when a second batch is written while the first still waits, mostly for the disk; default: never
   */
  constructor(write: (items: T[]) => Promise<void>, max: number, beside?: Beside<T>) {
    this.#write = write
    this.#max = max
    this.#beside = beside
  }

  /** Resolves when the item's batch is written; rejects with the batch's error. */
  add(item: T): Promise<void> {
    const waiting = { item, ...Promise.withResolvers<void>() }
    this.#queue.push(waiting)
    if (!this.#isDue && this.#mayBegin()) {
      this.#isDue = true
      // what arrives in this turn of the event loop goes together
      setImmediate(() => {
        this.#isDue = false
        this.#begin()
      })
    }
    return waiting.promise
  }

  /** Resolves when what was added until now is written, or has failed; under load there may always be more. */
  async settled(): Promise<void> {
    await Promise.allSettled([
      ...this.#running.keys(),
      ...this.#queue.map(({ promise }) => promise),
    ])
  }

  /** Whether something waits or is being written. */
  get isBusy(): boolean {
    return this.#queue.length > 0 || this.#running.size > 0
  }

  /** Resolves when nothing waits and nothing is being written. */
  idle(): Promise<void> {
    if (!this.isBusy) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  #mayBegin(): boolean {
    const waiting = this.#queue.length
    if (this.#running.size === 0) return waiting > 0
    return this.#running.size === 1 && this.#beside !== undefined && waiting >= this.#beside.from
  }

  #begin(): void {
    if (!this.#mayBegin()) return
    const { batch, keys } = this.#take()
    if (batch.length === 0) return
    const written = this.#run(batch).then(() => {
      this.#running.delete(written)
      this.#begin()
      if (this.isBusy) return
      for (const resolve of this.#idle.splice(0)) resolve()
    })
    this.#running.set(written, keys)
  }

  async #run(batch: readonly Waiting<T>[]): Promise<void> {
    try {
      await this.#write(batch.map(({ item }) => item))
      for (const { resolve } of batch) resolve()
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  /** The next batch, without what has to wait for the one that is being written. */
  #take(): { batch: readonly Waiting<T>[]; keys: ReadonlySet<string> } {
    const { keyOf } = this.#beside ?? {}
    if (keyOf === undefined) return { batch: this.#queue.splice(0, this.#max), keys: new Set() }
    const [written = new Set<string>()] = this.#running.values()
    const keys = new Set<string>()
    const batch: Waiting<T>[] = []
    const left: Waiting<T>[] = []
    for (const waiting of this.#queue) {
      const key = keyOf(waiting.item)
      if (written.has(key) || batch.length >= this.#max) left.push(waiting)
      else {
        keys.add(key)
        batch.push(waiting)
      }
    }
    this.#queue = left
    return { batch, keys }
  }
}
