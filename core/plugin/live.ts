import { type Generation, instancesOf } from './generation.ts'
import type { LoadedPlugin } from './loaded.ts'

/** A generation while somebody works on it; released exactly once. */
export interface Held {
  readonly generation: Generation
  release(): void
}

/**
 * The one reference to the live generation, and the count of who still works on older ones. An
 * update holds its generation; a plugin's instance is let go when no held generation contains it.
 */
export class Live {
  #current: Generation
  /** Generations with running work, and the current one. */
  readonly #holds = new Map<Generation, number>()
  readonly #released: (plugin: LoadedPlugin) => void

  /** @param released called once for each instance that nothing contains any more */
  constructor(first: Generation, released: (plugin: LoadedPlugin) => void) {
    this.#current = first
    this.#holds.set(first, 0)
    this.#released = released
  }

  get current(): Generation {
    return this.#current
  }

  /** Takes the live generation for one piece of work. */
  take(): Held {
    const generation = this.#current
    this.#holds.set(generation, (this.#holds.get(generation) ?? 0) + 1)
    let held = true
    return {
      generation,
      release: () => {
        if (!held) return
        held = false
        const left = (this.#holds.get(generation) ?? 1) - 1
        this.#holds.set(generation, left)
        if (left === 0 && generation !== this.#current) this.#forget(generation)
      },
    }
  }

  /** The commit: from here on new work gets `next`. Never waits for work on the one before. */
  replace(next: Generation): void {
    const before = this.#current
    this.#current = next
    this.#holds.set(next, 0)
    if (this.#holds.get(before) === 0) this.#forget(before)
  }

  /** How many pieces of work still hold an instance, apart from the live generation. */
  draining(): ReadonlyMap<LoadedPlugin, number> {
    const counts = new Map<LoadedPlugin, number>()
    const live = new Set(instancesOf(this.#current))
    for (const [generation, holds] of this.#holds) {
      for (const plugin of instancesOf(generation)) {
        if (!live.has(plugin)) counts.set(plugin, (counts.get(plugin) ?? 0) + holds)
      }
    }
    return counts
  }

  #forget(generation: Generation): void {
    this.#holds.delete(generation)
    const contained = new Set([...this.#holds.keys()].flatMap(instancesOf))
    for (const plugin of instancesOf(generation)) {
      if (!contained.has(plugin)) this.#released(plugin)
    }
  }
}
