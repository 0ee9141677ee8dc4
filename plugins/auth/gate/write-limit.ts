/** A token bucket: `capacity` at once, then `perSecond`. */
export class WriteLimit {
  readonly #capacity: number
  readonly #perMs: number
  #left: number
  #filledAt = performance.now()

  constructor({ capacity, perSecond }: { capacity: number; perSecond: number }) {
    this.#capacity = capacity
    this.#perMs = perSecond / 1000
    this.#left = capacity
  }

  /** Takes one; false when there is none. */
  take(): boolean {
    const now = performance.now()
    this.#left = Math.min(this.#capacity, this.#left + (now - this.#filledAt) * this.#perMs)
    this.#filledAt = now
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}
