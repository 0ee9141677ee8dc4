/** How something is that is looked at again and again. */
export interface Steady<State> {
  /** The last state that held for long enough to be believed; undefined until one has. */
  readonly held: State | undefined
  /** When the present state began, ms. */
  readonly since: number
  /** It changes so often that single changes are no news. */
  readonly flapping: boolean
  /** How often it has changed within the window, or since it began to flap. */
  readonly changes: number
  /** It has been the same for so long that nobody would say it flaps. */
  readonly calm: boolean
}

/** A state is believed when so many looks in a row have found it. */
const holdLooks = 2
/** So many changes within the window are flapping… */
const flapChanges = 4
const windowMs = 600_000
/** …until so many looks in a row have found the same. */
const calmLooks = 10

/** Makes of single looks, which may be by chance, what is worth telling somebody. */
export class Steadiness<State> {
  #state: State | undefined
  #since = 0
  /** In a row that found this state. */
  #looks = 0
  #held: State | undefined
  #changedAt: number[] = []
  #changes: number | undefined

  /** @param at of this look, ms, by a clock that never goes back */
  look(state: State, at: number): Steady<State> {
    if (state !== this.#state) this.#turn(state, at)
    this.#looks++
    this.#changedAt = this.#changedAt.filter((change) => at - change < windowMs)
    if (this.#changes === undefined && this.#changedAt.length >= flapChanges) {
      this.#changes = this.#changedAt.length
    }
    const calm = this.#looks >= calmLooks
    if (this.#changes !== undefined && calm) {
      this.#changes = undefined
      this.#changedAt = []
    }
    const flapping = this.#changes !== undefined
    if (!flapping && this.#looks >= holdLooks) this.#held = state
    return {
      held: this.#held,
      since: this.#since,
      flapping,
      changes: this.#changes ?? this.#changedAt.length,
      calm,
    }
  }

  #turn(state: State, at: number): void {
    if (this.#state !== undefined) {
      this.#changedAt.push(at)
      if (this.#changes !== undefined) this.#changes++
    }
    this.#state = state
    this.#since = at
    this.#looks = 0
  }
}
