import type { LoadedPlugin } from './generation/loaded.ts'
import type { Reloader } from './reload/reloader.ts'
import type { UpdateRun } from './run/run.ts'

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
  readonly #failures = new WeakMap<LoadedPlugin, Failure[]>()

  /**
   * @param errorId what a failed run is on record as
   * @returns the ids of the failures for which the plugin is to be taken out of service now; undefined: it goes on
   */
  record(
    plugin: LoadedPlugin,
    end: RunEnd,
    errorId: string,
    at = performance.now(),
  ): readonly string[] | undefined {
    if (end === 'done') {
      this.#failures.delete(plugin)
      return undefined
    }
    if (end === 'hung') return [errorId]
    const failures = [...(this.#failures.get(plugin) ?? []), { errorId, at }].slice(-failuresInARow)
    this.#failures.set(plugin, failures)
    const first = failures[0]?.at ?? at
    if (failures.length < failuresInARow || at - first > withinMs) return undefined
    return failures.map((failure) => failure.errorId)
  }
}

interface Failure {
  readonly errorId: string
  readonly at: number
}

/** Watches settled updates, and takes a plugin out of service that can't be left to run. */
export function quarantineFailing(reloader: Reloader): (run: UpdateRun) => void {
  const handlers = new Breaker()
  // apart: a handler that fails again and again is no excuse for middleware that doesn't, or the other way round
  const middleware = new Breaker()
  const count = (breaker: Breaker, plugin: LoadedPlugin, run: UpdateRun) => {
    const { outcome, failureCode: code = '', errorId = '' } = run
    const cutOff = code === 'OPS_DEADLINE' ? 'hung' : 'failed'
    const errorIds = breaker.record(plugin, outcome === 'failed' ? cutOff : 'done', errorId)
    if (errorIds !== undefined) void reloader.quarantine(plugin, { code, errorId, errorIds })
  }
  return (run) => {
    const { route, generation, outcome, isUser, middlewareOf } = run
    // whom nobody knows must not be able to switch off what is open to everyone
    if (!isUser) return
    const stopped = outcome === 'failed' ? generation.plugins.get(middlewareOf ?? '') : undefined
    if (stopped !== undefined) {
      count(middleware, stopped, run)
      return
    }
    const { entry, authorize } = generation.routes.middleware
    for (const { instance } of [...entry, ...authorize]) {
      const passed = generation.plugins.get(instance.name)
      if (passed !== undefined) middleware.record(passed, 'done', '')
    }
    const plugin = route === undefined ? undefined : generation.plugins.get(route.plugin)
    if (plugin !== undefined && (outcome === 'done' || outcome === 'failed')) {
      count(handlers, plugin, run)
    }
  }
}
