import type { Clock } from '../clock.ts'
import type { Logger } from '../log/logger.ts'

/** So many different jobs of a kind that fail one after another, with none in between that succeeds, are no accident. */
const failuresInARow = 5
/** Then none is begun for so long, ms; doubled when the one that is tried after it fails too. */
const firstMs = 15_000
const longestMs = 600_000

/** A kind of job. */
export interface HeldKind {
  readonly plugin: string
  readonly job: string
}

interface State {
  /** Ids of jobs; how often one of them failed doesn't count. */
  readonly failed: Set<string>
  /** As `elapsed` of the clock; undefined: it isn't held. */
  until?: number
  ms: number
}

/**
 * Holds back kinds of jobs of which one after another fails, because of a bug or of a service that is away: what waits keeps its
 * attempts until the one that is tried now and then succeeds. Of one version of a plugin: a saved one begins anew.
 */
export class JobHolds {
  readonly #clock: Pick<Clock, 'elapsed' | 'after'>
  readonly #log: Logger
  /** By the job's definition, which is gone with its version. */
  readonly #states = new WeakMap<object, State>()
  readonly #timers = new Set<() => void>()
  #changed: () => unknown = () => undefined

  constructor({ clock, log }: { clock: Pick<Clock, 'elapsed' | 'after'>; log: Logger }) {
    this.#clock = clock
    this.#log = log
  }

  /** @param listener called when jobs may be begun again */
  onChange(listener: () => unknown): void {
    this.#changed = listener
  }

  /** How many of a kind may run at once now. */
  room(definition: object, most: number): number {
    const until = this.#states.get(definition)?.until
    if (until === undefined) return most
    return this.#clock.elapsed() < until ? 0 : 1
  }

  /** Not for ever: perhaps nothing is left of the kind that could be tried. */
  isHeld(definition: object): boolean {
    const until = this.#states.get(definition)?.until
    return until !== undefined && this.#clock.elapsed() < until + longestMs
  }

  done(definition: object, kind: HeldKind): void {
    const wasHeld = this.#states.get(definition)?.until !== undefined
    this.#states.delete(definition)
    if (!wasHeld) return
    this.#log.info('job.resumed', { ...kind })
    this.#changed()
  }

  /** @param id the job's */
  failed(definition: object, kind: HeldKind, id: string): void {
    const state = this.#states.get(definition) ?? { failed: new Set(), ms: firstMs }
    this.#states.set(definition, state)
    if (state.until === undefined) {
      state.failed.add(id)
      if (state.failed.size < failuresInARow) return
      this.#log.warn('job.held', { ...kind, ms: state.ms })
    } else {
      // it was under way when they were held already
      if (this.#clock.elapsed() < state.until) return
      state.ms = Math.min(longestMs, state.ms * 2)
    }
    state.failed.clear()
    state.until = this.#clock.elapsed() + state.ms
    this.#wakeIn(state.ms)
  }

  stop(): void {
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
  }

  #wakeIn(ms: number): void {
    const cancel = this.#clock.after(ms, () => {
      this.#timers.delete(cancel)
      return this.#changed()
    })
    this.#timers.add(cancel)
  }
}
