import { partitionCount } from '../partition/partition.ts'

/** Which updates this process has in memory, by partition, and which of them are running. */
export class Held {
  /** Ids of what waits or runs. */
  readonly #ids: readonly Set<number>[] = Array.from({ length: partitionCount }, () => new Set())
  readonly #running: readonly Map<number, number>[] = Array.from(
    { length: partitionCount },
    () => new Map(),
  )
  /** Handled, and not yet marked as done: Telegram may send them again meanwhile. */
  readonly #marking = new Set<number>()
  /** Ended while somebody looks into the table, who may have seen them open. */
  readonly #endedMeanwhile = new Set<number>()
  #looking = 0
  #size = 0

  /** Updates that wait or run. */
  get size(): number {
    return this.#size
  }

  sizeOf(part: number): number {
    return this.#ids[part]?.size ?? 0
  }

  /** When (`performance.now()`) the runs of a partition began. */
  begunIn(part: number): readonly number[] {
    return [...(this.#running[part]?.values() ?? [])]
  }

  /** Whether it needn't be taken in: it is here, or was until just now. */
  knows(id: number, part: number): boolean {
    return (
      this.#ids[part]?.has(id) === true || this.#marking.has(id) || this.#endedMeanwhile.has(id)
    )
  }

  /** @returns false when it is known */
  add(id: number, part: number): boolean {
    if (this.knows(id, part)) return false
    this.#ids[part]?.add(id)
    this.#size++
    return true
  }

  begin(id: number, part: number): void {
    this.#running[part]?.set(id, performance.now())
  }

  end(id: number, part: number): void {
    this.#running[part]?.delete(id)
    this.drop(id, part)
    if (this.#looking > 0) this.#endedMeanwhile.add(id)
  }

  /** It is no longer here, and not done. */
  drop(id: number, part: number): void {
    if (this.#ids[part]?.delete(id) === true) this.#size--
  }

  /** It is known until the mark is written. */
  mark(id: number): void {
    this.#marking.add(id)
  }

  marked(id: number): void {
    this.#marking.delete(id)
    if (this.#looking > 0) this.#endedMeanwhile.add(id)
  }

  /**
   * Looks into the table. What it saw open may be done by the time its answer is here, so that what ends meanwhile
   * counts as known as long as anybody looks.
   */
  async look(work: () => Promise<void>): Promise<void> {
    this.#looking++
    try {
      await work()
    } finally {
      this.#looking--
      if (this.#looking === 0) this.#endedMeanwhile.clear()
    }
  }
}
