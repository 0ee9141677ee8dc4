/** Where time comes from: the machine, or in a test a clock that it can move. */
export interface Clock {
  /** ms since 1970. Jumps when somebody sets the machine's clock, so not for measuring. */
  now(): number
  /** ms since some moment; never jumps back. */
  elapsed(): number
  /**
   * Calls once, after so many ms of this clock. What it returns is waited for by a clock that is moved.
   * @returns what cancels it
   */
  after(ms: number, run: () => unknown): () => void
  /** Waits so many ms; rejects with the signal's reason as soon as it is aborted. */
  wait(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
  wait: (ms, signal) => waitOn(systemClock, ms, signal),
}

/** The `wait` of a clock by its `after`. */
export function waitOn(
  clock: Pick<Clock, 'after'>,
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  if (signal?.aborted === true) {
    reject(signal.reason)
    return promise
  }
  const cancel = clock.after(ms, done)
  function done(): void {
    signal?.removeEventListener('abort', cut)
    resolve()
  }
  function cut(): void {
    cancel()
    reject(signal?.reason)
  }
  signal?.addEventListener('abort', cut, { once: true })
  return promise
}
