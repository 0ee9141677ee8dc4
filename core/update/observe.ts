import { setTimeout as delay } from 'node:timers/promises'
import { asCore, asPlugin } from '../plugin/code/owner.ts'
import type { MiddlewareRoute } from '../plugin/generation/routes.ts'
import type { Next } from '../plugin/manifest/middleware.ts'
import { contextFor, type LiveContext } from '../plugin/run/context.ts'
import type { UpdateRun } from '../plugin/run/run.ts'

type Observe = (ctx: LiveContext, next: Next) => unknown

/** What an observer still gets when the update's time is over, ms. */
const graceMs = 1_000

/**
 * Runs observers one around the other, the last around `work`. None of them can keep an update from its
 * way, or from the others: one that throws, hangs or doesn't call `next` is passed over.
 */
export async function observed(
  run: UpdateRun,
  observers: readonly MiddlewareRoute[],
  work: () => Promise<void>,
  index = 0,
): Promise<void> {
  const observer = observers[index]
  if (observer === undefined) return work()
  let inner: Promise<void> | undefined
  const next = () => {
    inner ??= asCore(() => observed(run, observers, work, index + 1))
    return inner
  }
  const { name } = observer.instance
  // the manifest typed it against this context; the route only forgot its plugin's types
  const observe = observer.middleware.run as Observe
  const own = asPlugin(name, async () => observe(contextFor(run, observer.instance), next)).catch(
    (error: unknown) => run.log.error('observer.failed', { plugin: name, error }),
  )
  const overdue = new Overdue(run.signal, () => inner)
  try {
    if ((await Promise.race([own, overdue.promise])) === overdue) {
      run.log.error('observer.hung', { plugin: name })
    }
  } finally {
    overdue.forget()
  }
  await next()
}

/** Resolves to itself when the signal was aborted, what the observer waits for has ended, and it goes on. */
class Overdue {
  readonly promise: Promise<this>
  readonly #signal: AbortSignal
  readonly #onAbort: () => void

  constructor(signal: AbortSignal, awaited: () => Promise<void> | undefined) {
    this.#signal = signal
    const { promise, resolve } = Promise.withResolvers<this>()
    this.promise = promise
    this.#onAbort = async () => {
      await awaited()?.catch(() => undefined)
      await delay(graceMs, undefined, { ref: false })
      resolve(this)
    }
    signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  forget(): void {
    this.#signal.removeEventListener('abort', this.#onAbort)
  }
}
