import { OpsError } from '../../errors.ts'

/** So many calls in a row that find nobody well, and for a while none is made. */
const failuresInARow = 5
const openMs = 15_000
/** The one that failed longest ago is forgotten first: addresses of people name ever other services. */
const mostServices = 1_000

interface State {
  failures: number
  /** As `elapsed` of the clock; undefined: closed. */
  openUntil: number | undefined
  /** One call is under way that tries whether it is well again. */
  isTrying: boolean
}

/** Spares services that don't answer, and those who would wait for them. */
export class Circuits {
  readonly #elapsed: () => number
  readonly #states = new Map<string, State>()

  /** @param elapsed ms of a clock that never jumps back */
  constructor(elapsed: () => number) {
    this.#elapsed = elapsed
  }

  /** Services that are spared now. */
  get open(): readonly string[] {
    return [...this.#states].flatMap(([service, { openUntil }]) =>
      openUntil === undefined ? [] : [service],
    )
  }

  /** To be called before each attempt. @throws OPS_API_CIRCUIT while the service is spared */
  enter(service: string): void {
    const state = this.#states.get(service)
    if (state?.openUntil === undefined) return
    const now = this.#elapsed()
    if (now >= state.openUntil && !state.isTrying) {
      state.isTrying = true
      return
    }
    const retryMs = Math.max(0, state.openUntil - now)
    throw new OpsError(
      'OPS_API_CIRCUIT',
      `${service} failed ${state.failures} times in a row and is not called for ${Math.ceil(retryMs / 1_000)} s`,
      { details: { service, retryMs, sent: 'no' } },
    )
  }

  /** It answered, whatever it said. */
  answered(service: string): void {
    this.#states.delete(service)
  }

  /** It was unreachable, too slow, or said that it is broken. @returns whether it is spared from now on */
  failed(service: string): boolean {
    const state = this.#states.get(service) ?? {
      failures: 0,
      openUntil: undefined,
      isTrying: false,
    }
    this.#states.delete(service)
    this.#states.set(service, state)
    this.#bound()
    state.failures++
    state.isTrying = false
    if (state.failures < failuresInARow) return false
    const isNews = state.openUntil === undefined
    state.openUntil = this.#elapsed() + openMs
    return isNews
  }

  /** An attempt ended without telling anything about the service: it was aborted. */
  left(service: string): void {
    const state = this.#states.get(service)
    if (state !== undefined) state.isTrying = false
  }

  #bound(): void {
    for (const service of this.#states.keys()) {
      if (this.#states.size <= mostServices) return
      this.#states.delete(service)
    }
  }
}
