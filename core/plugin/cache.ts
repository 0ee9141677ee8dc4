import { createHash } from 'node:crypto'
import { OpsError } from '../errors.ts'
import type { Store } from '../store/store.ts'

export interface CacheOptions {
  /** A value is loaded anew after so many ms, whatever else happens. */
  readonly ttlMs: number
  /** Names by which it can be dropped together with others. */
  readonly tags?: readonly string[]
}

/**
 * Values that are dear to get, kept in memory for a while. Each version of a plugin begins with an empty one; each
 * instance has its own, and drops what any of them invalidates.
 */
export interface Cache {
  /**
   * The value of a key: kept, or from `load`, which runs once for all who ask meanwhile. What it throws is not kept.
   * The value is shared: don't change it.
   *
   * @throws OPS_CACHE, and what `load` throws
   */
  get<T>(key: string, options: CacheOptions, load: () => T | Promise<T>): Promise<T>
  /** Drops values, here and in all instances; in a handler or a job once more when it is committed. */
  invalidate(...keys: readonly string[]): void
  /** The same of all values with one of these tags. */
  invalidateTags(...tags: readonly string[]): void
}

interface Entry {
  readonly value: Promise<unknown>
  readonly tags: readonly string[]
  /** As `elapsed` of the clock; none while it is being loaded. */
  endsAt: number
}

/** Of one plugin; the one that was not asked for longest goes first. */
const mostEntries = 1_000
/** Instances tell each other a share of the names, not the name: few topics do for any number of keys. */
const slots = 16

export interface CacheParts {
  readonly plugin: string
  readonly store: Pick<Store, 'publish' | 'subscribe'>
  readonly elapsed: () => number
  /** Told of each value that is asked for. */
  readonly asked?: (isHit: boolean) => void
}

export class PluginCache implements Cache {
  readonly #parts: CacheParts
  /** The one that was asked for last stands last. */
  readonly #entries = new Map<string, Entry>()
  readonly #subscriptions = new Map<number, () => void>()
  #closed = false

  constructor(parts: CacheParts) {
    this.#parts = parts
  }

  async get<T>(
    key: string,
    { ttlMs, tags = [] }: CacheOptions,
    load: () => T | Promise<T>,
  ): Promise<T> {
    if (!(ttlMs > 0)) {
      const { plugin } = this.#parts
      throw new OpsError(
        'OPS_CACHE',
        `Plugin ${plugin} asked for "${key}" with a ttlMs of ${ttlMs}`,
      )
    }
    const known = this.#entries.get(key)
    this.#entries.delete(key)
    const isHit = known !== undefined && known.endsAt > this.#parts.elapsed()
    this.#parts.asked?.(isHit)
    if (isHit) {
      this.#entries.set(key, known)
      // whoever asks for a key asks for the same kind of value
      return known.value as Promise<T>
    }
    // before it is read: what changes from here on is heard of
    for (const name of [key, ...tags]) this.#follow(slotOf(name))
    const value = (async () => load())()
    const entry: Entry = { value, tags, endsAt: Number.POSITIVE_INFINITY }
    if (!this.#closed) this.#entries.set(key, entry)
    this.#bound()
    try {
      const loaded = await value
      entry.endsAt = this.#parts.elapsed() + ttlMs
      return loaded
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key)
      throw error
    }
  }

  invalidate(...keys: readonly string[]): void {
    for (const key of keys) this.#entries.delete(key)
    this.#tell(keys)
  }

  invalidateTags(...tags: readonly string[]): void {
    this.#drop((_key, entry) => entry.tags.some((tag) => tags.includes(tag)))
    this.#tell(tags)
  }

  close(): void {
    this.#closed = true
    this.#entries.clear()
    for (const end of this.#subscriptions.values()) end()
    this.#subscriptions.clear()
  }

  #drop(which: (key: string, entry: Entry) => boolean): void {
    // one that is being loaded goes too: it may have read what was before
    for (const [key, entry] of this.#entries) if (which(key, entry)) this.#entries.delete(key)
  }

  #bound(): void {
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= mostEntries) return
      this.#entries.delete(key)
    }
  }

  #tell(names: readonly string[]): void {
    for (const slot of new Set(names.map(slotOf))) void this.#parts.store.publish(this.#topic(slot))
  }

  #follow(slot: number): void {
    if (this.#closed || this.#subscriptions.has(slot)) return
    const look = async () => {
      this.#drop((key, { tags }) => [key, ...tags].some((name) => slotOf(name) === slot))
    }
    this.#subscriptions.set(slot, this.#parts.store.subscribe(this.#topic(slot), look))
  }

  #topic(slot: number): string {
    return `cache:${this.#parts.plugin}:${slot}`
  }
}

/** The cache as a handler or a job has it: what it invalidates is dropped once more when its changes are there. */
export function cacheOf(cache: Cache, afterCommit: (work: () => void) => void): Cache {
  return {
    get: (key, options, load) => cache.get(key, options, load),
    invalidate(...keys) {
      cache.invalidate(...keys)
      afterCommit(() => cache.invalidate(...keys))
    },
    invalidateTags(...tags) {
      cache.invalidateTags(...tags)
      afterCommit(() => cache.invalidateTags(...tags))
    },
  }
}

function slotOf(name: string): number {
  return (createHash('sha256').update(name).digest()[0] ?? 0) % slots
}
