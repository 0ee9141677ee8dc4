import { LinkedList } from '../../linked-list.ts'
import { type Generation, instancesOf } from './generation.ts'
import type { LoadedPlugin } from './loaded.ts'

/** A running piece of work, as far as a drain needs to know it. */
export interface Work {
  /** The plugin whose handler runs now. */
  plugin(): string | undefined
  /** Ends it: its plugin was replaced too often meanwhile. */
  cut(): void
}

/** So many replaced versions of one plugin may have running handlers at once. */
const mostDraining = 4

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
  readonly #holds = new Map<Generation, LinkedList<Work>>()
  readonly #released: (plugin: LoadedPlugin) => void

  /** @param released called once for each instance that nothing contains any more */
  constructor(first: Generation, released: (plugin: LoadedPlugin) => void) {
    this.#current = first
    this.#holds.set(first, new LinkedList())
    this.#released = released
  }

  get current(): Generation {
    return this.#current
  }

  /** Takes the live generation for one piece of work. */
  take(work: Work): Held {
    const generation = this.#current
    const holds = this.#holds.get(generation) ?? new LinkedList()
    this.#holds.set(generation, holds)
    const link = holds.add(work)
    return {
      generation,
      release: () => {
        if (!holds.remove(link)) return
        if (holds.size === 0 && generation !== this.#current) this.#forget(generation)
      },
    }
  }

  /** The commit: from here on new work gets `next`. Never waits for work on the one before. */
  replace(next: Generation): void {
    const before = this.#current
    this.#current = next
    this.#holds.set(next, new LinkedList())
    if (this.#holds.get(before)?.size === 0) this.#forget(before)
    this.#bound()
  }

  /** How many pieces of work still hold an instance, apart from the live generation. */
  draining(): ReadonlyMap<LoadedPlugin, number> {
    const counts = new Map<LoadedPlugin, number>()
    const live = new Set(instancesOf(this.#current))
    for (const [generation, holds] of this.#holds) {
      for (const plugin of instancesOf(generation)) {
        if (!live.has(plugin)) counts.set(plugin, (counts.get(plugin) ?? 0) + holds.size)
      }
    }
    return counts
  }

  /**
   * Ends the oldest handlers of a plugin of which too many versions still run. Handlers of other
   * plugins that hold the same generation go on: it isn't theirs that was replaced.
   */
  #bound(): void {
    const versions = new Map<string, LoadedPlugin[]>()
    // generations stand in the order of their commits, so the oldest version comes first
    for (const plugin of this.draining().keys()) {
      versions.set(plugin.name, [...(versions.get(plugin.name) ?? []), plugin])
    }
    for (const [name, draining] of versions) {
      for (const oldest of draining.slice(0, -mostDraining)) {
        for (const [generation, holds] of this.#holds) {
          if (!instancesOf(generation).includes(oldest)) continue
          for (const work of holds) if (work.plugin() === name) work.cut()
        }
      }
    }
  }

  #forget(generation: Generation): void {
    this.#holds.delete(generation)
    const contained = new Set([...this.#holds.keys()].flatMap(instancesOf))
    for (const plugin of instancesOf(generation)) {
      if (!contained.has(plugin)) this.#released(plugin)
    }
  }
}
