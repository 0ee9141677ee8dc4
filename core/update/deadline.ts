import { type Clock, systemClock } from '../clock.ts'
import { OpsError } from '../errors.ts'
import { type Link, LinkedList } from '../linked-list.ts'

/** The time of one running handler. A class without closures: one is made for each update. */
class Running {
  /**
   * Aborted with OPS_DEADLINE when the time is over, OPS_RELOADED by `cut`, OPS_CANCELLED by `cancel`, OPS_SHUTDOWN when
   * the bot stops.
   */
  readonly signal: AbortSignal
  readonly #controller = new AbortController()
  readonly #limitMs: number
  readonly #clock: Clock
  readonly #all: LinkedList<Running>
  readonly #link: Link<Running>
  #endsAt = 0

  constructor(limitMs: number, clock: Clock, all: LinkedList<Running>) {
    this.signal = this.#controller.signal
    this.#limitMs = limitMs
    this.#clock = clock
    this.#all = all
    this.#link = all.add(this)
    this.restart()
  }

  /** Stops the clock: what follows has limits of its own. A shutdown still ends the signal. */
  pause(): void {
    this.#endsAt = Number.POSITIVE_INFINITY
  }

  /** The whole time again. */
  restart(): void {
    this.#endsAt = this.#clock.elapsed() + this.#limitMs
  }

  /** Ends the signal with OPS_RELOADED. */
  cut(): void {
    const text = 'The plugin was replaced again and again while this handler ran'
    this.abort(new OpsError('OPS_RELOADED', text))
  }

  /** Ends the signal with OPS_CANCELLED. */
  cancel(): void {
    this.abort(new OpsError('OPS_CANCELLED', 'The person who asked for it cancelled it'))
  }

  abort(reason: OpsError): void {
    this.#controller.abort(reason)
  }

  abortIfOver(now: number): void {
    if (this.#endsAt > now) return
    const seconds = this.#limitMs / 1_000
    this.abort(new OpsError('OPS_DEADLINE', `The handler didn't end within ${seconds} s`))
  }

  /** It has ended in time. */
  end(): void {
    this.#all.remove(this.#link)
  }
}

export type Deadline = Pick<Running, 'signal' | 'pause' | 'restart' | 'cut' | 'cancel' | 'end'>

/** The time limits of all running handlers, on one timer: one a handler would cost more than most handlers. */
export class Deadlines {
  readonly #limitMs: number
  readonly #running = new LinkedList<Running>()
  readonly #clock: Clock
  /** Set while anything runs. */
  #stopSweeping: (() => void) | undefined

  /** @param limitMs what each handler has; kept to within 1 s, or within the limit if that is shorter */
  constructor(limitMs: number, clock: Clock = systemClock) {
    this.#limitMs = limitMs
    this.#clock = clock
  }

  begin(): Deadline {
    const running = new Running(this.#limitMs, this.#clock, this.#running)
    this.#sweepLater()
    return running
  }

  /** Ends the signals of all that run. */
  shutDown(): void {
    const reason = new OpsError('OPS_SHUTDOWN', 'The bot is stopping')
    for (const running of this.#running) running.abort(reason)
  }

  stop(): void {
    this.#stopSweeping?.()
  }

  #sweepLater(): void {
    this.#stopSweeping ??= this.#clock.after(Math.min(1_000, this.#limitMs), () => {
      this.#stopSweeping = undefined
      this.#sweep()
      if (this.#running.size > 0) this.#sweepLater()
    })
  }

  #sweep(): void {
    const now = this.#clock.elapsed()
    for (const running of this.#running) running.abortIfOver(now)
  }
}

/** Settles with the work, or rejects as soon as the signal is aborted; the work is then on its own. */
export async function untilAborted(signal: AbortSignal, work: Promise<void>): Promise<void> {
  const cut = Promise.withResolvers<never>()
  const onAbort = () => cut.reject(signal.reason)
  // a signal that is aborted already tells nobody any more
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([work, cut.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
