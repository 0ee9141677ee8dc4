/** ms between two lines about the same. */
const reportMs = 60_000

/** Something that may happen very often: the first is told, then how many there were, once a minute. */
export class Tally {
  readonly #tell: (fields: Record<string, unknown>) => void
  #count = 0
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(tell: (fields: Record<string, unknown>) => void) {
    this.#tell = tell
  }

  /** @param fields of this one, asked for when it is told */
  add(fields: () => Record<string, unknown>): void {
    this.#count += 1
    const now = performance.now()
    if (now - this.#toldAt < reportMs) return
    this.#tell({ ...fields(), times: this.#count })
    this.#count = 0
    this.#toldAt = now
  }
}
