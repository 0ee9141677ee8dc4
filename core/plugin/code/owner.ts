import { AsyncLocalStorage } from 'node:async_hooks'

/** Holds nothing itself: which plugin's code runs travels with each call, through all that it begins. */
const owner = new AsyncLocalStorage<string | undefined>()

/**
 * Runs a plugin's code as its own. What it leaves unawaited (a reply, a timer, a socket) may fail later
 * with nothing but frames of the core or of Node in its stack, or with a thrown string that has none:
 * {@link currentOwner} then still knows whose it was, in `uncaughtException` and `unhandledRejection` too
 * (Node 24 calls both in the context in which the failure arose).
 */
export function asPlugin<T>(plugin: string, work: () => T): T {
  return owner.run(plugin, work)
}

/** Runs the core's code that a plugin called into, as the core's again. */
export function asCore<T>(work: () => T): T {
  return owner.run(undefined, work)
}

/** The plugin whose code runs now, or began what runs now. */
export function currentOwner(): string | undefined {
  return owner.getStore()
}
