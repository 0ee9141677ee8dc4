import type { Logger } from '../../log/logger.ts'
import { Backoff } from '../../telegram/backoff.ts'

/** How long after a failure it is looked again, ms. */
const pauses = { firstMs: 1_000, maxMs: 15_000 }

export interface LaterParts {
  /** Rejects while what they failed on is still away. */
  probe(): Promise<unknown>
  /** Tries them again. */
  retry(names: ReadonlySet<string>): Promise<unknown>
  readonly log: Logger
}

/** Plugins that failed because the database was away: nobody has to save them again when it is back. */
export class Later {
  readonly #parts: LaterParts
  readonly #backoff = new Backoff(pauses)
  #names = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(parts: LaterParts) {
    this.#parts = parts
  }

  add(names: Iterable<string>): void {
    for (const name of names) this.#names.add(name)
    if (this.#timer !== undefined || this.#stopped || this.#names.size === 0) return
    this.#timer = setTimeout(() => void this.#look(), this.#backoff.next())
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const isBack = await this.#parts.probe().then(
      () => true,
      () => false,
    )
    this.#timer = undefined
    if (this.#stopped) return
    if (!isBack) {
      this.add([])
      return
    }
    const names = this.#names
    this.#names = new Set()
    try {
      await this.#parts.retry(names)
      this.#backoff.reset()
    } catch (error) {
      // a folder that could not be read, say: they are still not loaded
      if (!this.#stopped) this.#parts.log.warn('plugin.retry-failed', { error })
      this.add(names)
    }
  }
}
