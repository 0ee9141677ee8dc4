import { isDatabaseAway } from '../../database/failure.ts'

/** So long a refused write says that the next one would be refused too, ms: perhaps none comes that would show. */
const freshMs = 60_000

/** Why the database took nothing when it was last written to. */
export class Refusal {
  #last: { readonly error: unknown; readonly at: number } | undefined

  /** Undefined when it took it, or when that was long ago. */
  get lately(): unknown {
    const { at = Number.NEGATIVE_INFINITY, error } = this.#last ?? {}
    return performance.now() - at < freshMs ? error : undefined
  }

  async watch(write: () => Promise<void>): Promise<void> {
    try {
      await write()
      this.#last = undefined
    } catch (error) {
      if (isDatabaseAway(error)) this.#last = { error, at: performance.now() }
      throw error
    }
  }
}
