import { type Clock, systemClock } from '../clock.ts'
import { OpsError } from '../errors.ts'
import { LinkedList } from '../linked-list.ts'

/** The time of one running handler. */
export interface Deadline {
  /**
   * Aborted with OPS_DEADLINE when the time is over, OPS_RELOADED by `cut`, OPS_CANCELLED by `cancel`, OPS_SHUTDOWN when
   * the bot stops.
   */
  readonly signal: AbortSignal
  /** Stops the clock: what follows has limits of its own. A shutdown still ends the signal. */
  pause(): void
  /** The whole time again. */
  restart(): void
  /** Ends the signal with OPS_RELOADED. */
  cut(): void
  /** Ends the signal with OPS_CANCELLED. */
  cancel(): void
  end(): void
}

interface Running {
  readonly controller: AbortController
  endsAt: number
}

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
    const running: Running = { controller: new AbortController(), endsAt: 0 }
    const restart = () => {
      running.endsAt = this.#clock.elapsed() + this.#limitMs
    }
    restart()
    const link = this.#running.add(running)
    this.#sweepLater()
    return {
      signal: running.controller.signal,
      pause: () => {
        running.endsAt = Number.POSITIVE_INFINITY
      },
      restart,
      cut: () => {
        const text = 'The plugin was replaced again and again while this handler ran'
        running.controller.abort(new OpsError('OPS_RELOADED', text))
      },
      cancel: () => {
        const text = 'The person who asked for it cancelled it'
        running.controller.abort(new OpsError('OPS_CANCELLED', text))
      },
      end: () => {
        this.#running.remove(link)
      },
    }
  }

  /** Ends the signals of all that run. */
  shutDown(): void {
    const reason = new OpsError('OPS_SHUTDOWN', 'The bot is stopping')
    for (const { controller } of this.#running) controller.abort(reason)
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
    for (const { controller, endsAt } of this.#running) {
      if (endsAt > now) continue
      const seconds = this.#limitMs / 1_000
      controller.abort(new OpsError('OPS_DEADLINE', `The handler didn't end within ${seconds} s`))
    }
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
