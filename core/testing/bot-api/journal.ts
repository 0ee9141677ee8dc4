/** One call that reached the fake, in the order of arrival. */
export interface Call {
  readonly seq: number
  /** The method's proper name, or what was asked for if there is none. */
  readonly method: string
  /** As received; files are `{ file, bytes }`. */
  readonly params: Readonly<Record<string, unknown>>
  /** When it arrived, ms since 1970 by the fake's clock. */
  readonly at: number
  /** Unfinished: still waiting or hung; broken: the connection was cut by a fault. */
  outcome: 'unfinished' | 'ok' | 'error' | 'broken'
  /** How long the answer took, ms. */
  ms?: number
  /** HTTP status and text of an error. */
  status?: number
  description?: string
  result?: unknown
}

/** The last calls, oldest first; the bound keeps long benches from eating memory. */
export class Journal {
  readonly #limit: number
  readonly #now: () => number
  readonly #counts = new Map<string, number>()
  #calls: Call[] = []
  #seq = 0

  constructor(limit: number, now: () => number) {
    this.#limit = limit
    this.#now = now
  }

  /** Calls ever made, by method; survives the bound. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts)
  }

  begin(method: string, params: Record<string, unknown>): Call {
    const call: Call = { seq: ++this.#seq, method, params, at: this.#now(), outcome: 'unfinished' }
    this.#counts.set(method, (this.#counts.get(method) ?? 0) + 1)
    this.#calls.push(call)
    // Twice the bound, then cut: one slice for many calls instead of a shift for each.
    if (this.#calls.length > this.#limit * 2) this.#calls = this.#calls.slice(-this.#limit)
    return call
  }

  /** The kept calls, of one method or all. */
  calls(method?: string): readonly Call[] {
    const kept = this.#calls.slice(-this.#limit)
    return method === undefined ? kept : kept.filter((call) => call.method === method)
  }

  /** The newest call, of one method or any. */
  last(method?: string): Call | undefined {
    return method === undefined
      ? this.#calls.at(-1)
      : this.#calls.findLast((call) => call.method === method)
  }

  clear(): void {
    this.#calls = []
    this.#counts.clear()
  }
}
