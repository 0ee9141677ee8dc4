interface Waiting<T> {
  item: T
  resolve: () => void
  reject: (error: unknown) => void
}

/**
 * Group commit without a timer: an item that finds it idle is written at once; what arrives during
 * a write goes together in the next one. Beats a fixed window in latency and in throughput.
 */
export class Batcher<T> {
  readonly #write: (items: T[]) => Promise<void>
  readonly #max: number
  readonly #queue: Waiting<T>[] = []
  #busy = false
  readonly #idle: (() => void)[] = []
  #last: Promise<void> | undefined

  constructor(write: (items: T[]) => Promise<void>, max: number) {
    this.#write = write
    this.#max = max
  }

  /** Resolves when the item's batch is written; rejects with the batch's error. */
  add(item: T): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#last = promise
    this.#queue.push({ item, resolve, reject })
    if (this.#busy) return promise
    this.#busy = true
    // what arrives in this turn of the event loop goes together
    setImmediate(() => void this.#drain())
    return promise
  }

  /** Resolves when what was added until now is written, or has failed; under load there may always be more. */
  async settled(): Promise<void> {
    await this.#last?.catch(() => undefined)
  }

  /** Whether something waits or is being written. */
  get isBusy(): boolean {
    return this.#busy
  }

  /** Resolves when nothing waits and nothing is being written. */
  idle(): Promise<void> {
    if (!this.#busy) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, this.#max)
      try {
        await this.#write(batch.map(({ item }) => item))
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#busy = false
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}
