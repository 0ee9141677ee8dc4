import { Backoff } from '../../telegram/backoff.ts'

/** How long after a failure it is looked again, ms. */
const pauses = { firstMs: 1_000, maxMs: 15_000 }

export interface LaterParts {
  /** Rejects while what they failed on is still away. */
  probe(): Promise<unknown>
  /** Tries them again. */
  retry(names: ReadonlySet<string>): Promise<unknown>
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

  async #look(): Promise<void> {
    const isBack = await this.#parts.probe().then(
      () => true,
      () => false,
    )
    this.#timer = undefined
    if (!isBack) {
      this.add([])
      return
    }
    this.#backoff.reset()
    const names = this.#names
    this.#names = new Set()
    await this.#parts.retry(names)
  }
}
