/**
 * Which plugins stayed as they are only because others, changed at the same time, failed: a checkout is
 * one transaction. They come along when those are mended, and on their own when they are saved again.
 */
export class Together {
  /** By plugin: whom it waits for. */
  readonly #held = new Map<string, Set<string>>()

  /** A transaction over these plugins was aborted, because these of them failed. */
  aborted(names: Iterable<string>, culprits: ReadonlySet<string>): void {
    for (const name of names) {
      if (culprits.has(name) || culprits.size === 0) this.#held.delete(name)
      else this.#held.set(name, new Set(culprits))
    }
  }

  /** These serve as they lie on disk, or are gone with it. */
  settled(names: Iterable<string>): void {
    for (const name of names) {
      this.#held.delete(name)
      for (const culprits of this.#held.values()) culprits.delete(name)
    }
  }

  /** Whether it waits for another plugin to be mended. */
  holds(name: string): boolean {
    return this.#held.has(name)
  }

  /** Those that wait for nobody but these. */
  joining(touched: ReadonlySet<string>): readonly string[] {
    return [...this.#held].flatMap(([name, culprits]) =>
      !touched.has(name) && [...culprits].every((culprit) => touched.has(culprit)) ? [name] : [],
    )
  }
}
