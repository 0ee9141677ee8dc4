import { OpsError } from '../../errors.ts'

interface Interval {
  readonly timer: NodeJS.Timeout
  /** Where it was made; its stack is only formatted when somebody asks. */
  readonly made: Error
}

/**
 * The global timer functions as one version of a plugin sees them. An interval that it forgot to clear would
 * run for ever, on code that was replaced; a timeout ends by itself, but may be set again and again.
 * What packages and `node:timers` set is not seen.
 */
export class PluginTimers {
  readonly setInterval: typeof setInterval
  readonly setTimeout: typeof setTimeout
  readonly #intervals = new Map<NodeJS.Timeout, Interval>()
  #isOver = false

  constructor(plugin: string) {
    const refuseLate = (what: string) => {
      if (!this.#isOver) return
      const message = `Plugin ${plugin} set ${what} after it was disposed`
      throw new OpsError('OPS_SCOPE_DISPOSED', message, { details: { plugin } })
    }
    this.setInterval = replacing(setInterval, (args) => {
      refuseLate('an interval')
      const timer: NodeJS.Timeout = Reflect.apply(setInterval, globalThis, args)
      this.#intervals.set(timer, { timer, made: new Error('interval') })
      return timer
    })
    this.setTimeout = replacing(setTimeout, (args) => {
      refuseLate('a timeout')
      return Reflect.apply(setTimeout, globalThis, args)
    })
  }

  /** Clears what still runs; from now on nothing can be set. @returns where each was made */
  end(): readonly Error[] {
    this.#isOver = true
    // Node's own mark of a timer that was cleared, by whichever way
    const running = [...this.#intervals.values()].filter(
      ({ timer }) => Reflect.get(timer, '_destroyed') !== true,
    )
    for (const { timer } of running) clearInterval(timer)
    this.#intervals.clear()
    return running.map(({ made }) => made)
  }
}

/** A function in place of a global one, with what hangs on that: `util.promisify` looks for its own there. */
function replacing<F extends typeof setInterval | typeof setTimeout>(
  original: F,
  call: (args: unknown[]) => NodeJS.Timeout,
): F {
  const own = (...args: unknown[]) => call(args)
  return Object.defineProperties(own, Object.getOwnPropertyDescriptors(original)) as F
}
