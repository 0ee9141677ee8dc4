import { type TypeProblem, typeProblems } from './types.ts'

export interface TypeWatchOptions {
  /** The plugin folders of now. */
  dirs(): Promise<readonly string[]>
  /** @param problems undefined when there is no compiler */
  onResult(problems: readonly TypeProblem[] | undefined): void
  onError(error: unknown): void
}

/**
 * Checks types again and again, in another process. A change while a check runs ends that check: only the
 * last state is of interest.
 *
 * The compiler's own watch mode is not used: TypeScript 7.0 sees a change after several seconds, and holds
 * 600 MB meanwhile (a fresh run takes two).
 */
export class TypeWatch {
  readonly #options: TypeWatchOptions
  #running: AbortController | undefined
  #isClosed = false

  constructor(options: TypeWatchOptions) {
    this.#options = options
  }

  /** Begins a check of what is there now; returns at once. */
  check(): void {
    if (this.#isClosed) return
    this.#running?.abort()
    const running = new AbortController()
    this.#running = running
    this.#check(running.signal).catch((error: unknown) => this.#options.onError(error))
  }

  close(): void {
    this.#isClosed = true
    this.#running?.abort()
  }

  async #check(signal: AbortSignal): Promise<void> {
    const dirs = await this.#options.dirs()
    const problems = dirs.length === 0 ? [] : await typeProblems(dirs, signal)
    if (!signal.aborted) this.#options.onResult(problems)
  }
}
