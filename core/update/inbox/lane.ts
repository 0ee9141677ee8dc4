/** What an item waits for when it is the first of its line. */
export interface Turns<T> {
  isNeeded(item: T): boolean
  /** Rejects when the signal is aborted. */
  come(signal: AbortSignal): Promise<void>
}

/**
 * One FIFO line of work a key; keys run side by side, up to a limit. What is pushed for a key starts
 * when all that was pushed for it before has ended.
 */
export class Lanes<T> {
  readonly #run: (item: T) => Promise<void>
  readonly #limit: number
  readonly #turns: Turns<T> | undefined
  readonly #lanes = new Map<string, T[]>()
  /** Keys that wait for one of the active lanes to end. */
  readonly #waiting: string[] = []
  /** Keys whose first item waits for its turn: they hold no place, so that they keep nobody else from one. */
  readonly #atTurn = new Map<string, AbortController>()
  /** Keys whose first item has had its turn. */
  readonly #come = new Set<string>()
  #active = 0
  #isHeld = false
  #size = 0
  #idle: (() => void)[] = []

  /** @param run must not reject: a lane has nobody to tell */
  constructor(run: (item: T) => Promise<void>, limit: number, turns?: Turns<T>) {
    this.#run = run
    this.#limit = limit
    this.#turns = turns
  }

  /** Items that were pushed and have not ended. */
  get size(): number {
    return this.#size
  }

  /** Lanes that have something and are not at work. */
  get waiting(): number {
    return this.#waiting.length + this.#atTurn.size
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
    // a turn that comes meanwhile would be one of many that come at the release
    const back = [...this.#atTurn.keys()]
    for (const key of back) this.#leaveTurn(key)
    this.#waiting.unshift(...back)
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
      const [first] = lane
      const begun = waiting.has(key) || this.#atTurn.has(key) ? 0 : 1
      const kept = lane.filter((item, index) => {
        if (index < begun || !isMeant(item)) return true
        dropped.push(item)
        return false
      })
      // the same array: the lane's loop goes on with it
      lane.splice(0, lane.length, ...kept)
      if (lane[0] !== first) {
        // the turn was that one's
        this.#come.delete(key)
        if (this.#leaveTurn(key)) waiting.add(key)
      }
      if (lane.length > 0) continue
      this.#lanes.delete(key)
      waiting.delete(key)
    }
    this.#waiting.splice(0, this.#waiting.length, ...waiting)
    this.#size -= dropped.length
    this.#begin()
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
    let mayRun = true
    for (let item = lane[0]; item !== undefined && !this.#isHeld; item = lane[0]) {
      mayRun = this.#hasTurn(key, item)
      if (!mayRun) break
      await this.#run(item)
      lane.shift()
      this.#size--
    }
    if (lane.length === 0) this.#lanes.delete(key)
    else if (mayRun) this.#waiting.push(key)
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

  /** @returns false when it waits for it from now on */
  #hasTurn(key: string, item: T): boolean {
    if (this.#turns?.isNeeded(item) !== true || this.#come.delete(key)) return true
    const waiting = new AbortController()
    this.#atTurn.set(key, waiting)
    const came = () => {
      if (this.#atTurn.get(key) !== waiting) return
      this.#atTurn.delete(key)
      this.#come.add(key)
      this.#waiting.push(key)
      this.#begin()
    }
    void this.#turns.come(waiting.signal).then(came, came)
    return false
  }

  /** @returns whether it waited for one */
  #leaveTurn(key: string): boolean {
    const waiting = this.#atTurn.get(key)
    this.#atTurn.delete(key)
    waiting?.abort()
    return waiting !== undefined
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
