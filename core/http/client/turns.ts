/** Lets so many calls to one host run at once. */
export class Turns {
  #free: number
  readonly #most: number
  readonly #empty: () => void
  readonly #waiting = new Set<() => void>()

  /** @param empty called when nobody uses it any more */
  constructor(most: number, empty: () => void) {
    this.#most = most
    this.#free = most
    this.#empty = empty
  }

  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    if (this.#free > 0) this.#free--
    else await this.#turn(signal)
    try {
      return await work()
    } finally {
      const [next] = this.#waiting
      if (next !== undefined) next()
      else if (++this.#free === this.#most) this.#empty()
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(go)
        signal.removeEventListener('abort', cut)
      }
      const go = () => {
        leave()
        resolve()
      }
      const cut = () => {
        leave()
        reject(signal.reason)
      }
      this.#waiting.add(go)
      signal.addEventListener('abort', cut, { once: true })
    })
  }
}
