import type { LoadedPlugin } from './generation/loaded.ts'
import type { Reloader } from './reload/reloader.ts'
import type { UpdateRun } from './run.ts'

/** So many runs in a row that all fail, within this time, are no accident. */
const failuresInARow = 5
const withinMs = 60_000

/** How one run of a plugin's handler ended. `hung`: it was cut off at its deadline. */
export type RunEnd = 'done' | 'failed' | 'hung'

/**
 * Counts how the runs of each version of a plugin end, and says when it can't be left to run: five
 * errors in its last five runs within a minute, or a hang.
 */
export class Breaker {
  /** When the last runs failed, since the last good one; by version, so that a new one begins at zero. */
  readonly #failures = new WeakMap<LoadedPlugin, number[]>()

  /** @returns whether the plugin is to be taken out of service now */
  record(plugin: LoadedPlugin, end: RunEnd, now = performance.now()): boolean {
    if (end === 'done') {
      this.#failures.delete(plugin)
      return false
    }
    if (end === 'hung') return true
    const failures = [...(this.#failures.get(plugin) ?? []), now].slice(-failuresInARow)
    this.#failures.set(plugin, failures)
    const first = failures[0] ?? now
    return failures.length === failuresInARow && now - first <= withinMs
  }
}

/** Watches settled updates, and takes a plugin out of service that can't be left to run. */
export function quarantineFailing(reloader: Reloader): (run: UpdateRun) => void {
  const breaker = new Breaker()
  return ({ route, generation, outcome, failureCode = '', errorId = '', isUser }) => {
    // whom nobody knows must not be able to switch off what is open to everyone
    if (!isUser) return
    const plugin = route === undefined ? undefined : generation.plugins.get(route.plugin)
    if (plugin === undefined || (outcome !== 'done' && outcome !== 'failed')) return
    const cutOff = failureCode === 'OPS_DEADLINE' ? 'hung' : 'failed'
    if (!breaker.record(plugin, outcome === 'done' ? 'done' : cutOff)) return
    void reloader.quarantine(plugin, { code: failureCode, errorId })
  }
}
