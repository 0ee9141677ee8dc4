/**
 * One FIFO line of work a key; keys run side by side, up to a limit. What is pushed for a key starts
 * when all that was pushed for it before has ended.
 */
export class Lanes<T> {
  readonly #run: (item: T) => Promise<void>
  readonly #limit: number
  readonly #lanes = new Map<string, T[]>()
  /** Keys that wait for one of the active lanes to end. */
  readonly #waiting: string[] = []
  #active = 0
  #isHeld = false
  #size = 0
  #idle: (() => void)[] = []

  /** @param run must not reject: a lane has nobody to tell */
  constructor(run: (item: T) => Promise<void>, limit: number) {
    this.#run = run
    this.#limit = limit
  }

  /** Items that were pushed and have not ended. */
  get size(): number {
    return this.#size
  }

  /** Lanes that have something and are not at work. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Lanes with a running item. */
  get active(): number {
    return this.#active
  }

  /** Whether anything of a lane waits or runs. */
  has(key: string): boolean {
    return this.#lanes.has(key)
  }

  push(key: string, item: T): void {
    this.#size++
    const lane = this.#lanes.get(key)
    if (lane !== undefined) {
      lane.push(item)
      return
    }
    this.#lanes.set(key, [item])
    this.#waiting.push(key)
    this.#begin()
  }

  /** Begins nothing any more until `release`; what runs goes on. */
  hold(): void {
    this.#isHeld = true
    this.#settle()
  }

  release(): void {
    this.#isHeld = false
    this.#begin()
  }

  /** Drops what has not begun, or those of it that are meant, and returns it. */
  clear(isMeant: (item: T) => boolean = () => true): T[] {
    const dropped: T[] = []
    const waiting = new Set(this.#waiting)
    for (const [key, lane] of this.#lanes) {
      const begun = waiting.has(key) ? 0 : 1
      const kept = lane.filter((item, index) => {
        if (index < begun || !isMeant(item)) return true
        dropped.push(item)
        return false
      })
      // the same array: the lane's loop goes on with it
      lane.splice(0, lane.length, ...kept)
      if (lane.length > 0) continue
      this.#lanes.delete(key)
      waiting.delete(key)
    }
    this.#waiting.splice(0, this.#waiting.length, ...waiting)
    this.#size -= dropped.length
    this.#settle()
    return dropped
  }

  /** Resolves when nothing runs and nothing waits, but for being released. */
  idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  async #work(key: string): Promise<void> {
    this.#active++
    const lane = this.#lanes.get(key) ?? []
    for (let item = lane[0]; item !== undefined && !this.#isHeld; item = lane[0]) {
      await this.#run(item)
      lane.shift()
      this.#size--
    }
    if (lane.length === 0) this.#lanes.delete(key)
    else this.#waiting.push(key)
    this.#active--
    this.#begin()
    this.#settle()
  }

  #begin(): void {
    while (!this.#isHeld && this.#active < this.#limit) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      void this.#work(next)
    }
  }

  /** Whether nothing runs and nothing waits, but for being released. */
  get isIdle(): boolean {
    return this.#size === 0 || (this.#isHeld && this.#active === 0)
  }

  #settle(): void {
    if (!this.isIdle) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}
