import type { Instance } from '../database/instances/living.ts'

/** An instance of this bot that doesn't run the same as this one. */
export interface PluginSkew {
  /** Its id in `/healthz`. */
  readonly instance: string
  readonly host: string
  readonly pid: number
  /** Its core's version. */
  readonly coreVersion: string
  readonly isOtherCore: boolean
  /** Names of plugins of which it runs another build, or which only one of the two runs. */
  readonly plugins: readonly string[]
}

/** What runs here. */
export interface RunningHere {
  readonly coreVersion: string
  /** Content hashes of the live plugins, by name. */
  readonly plugins: Readonly<Record<string, string>>
}

/** Those of the others that differ from this one. One that only just starts is left out: it has nothing live yet. */
export function skewOf(here: RunningHere, others: readonly Instance[]): PluginSkew[] {
  return others.flatMap(({ id, host, pid, state, coreVersion, plugins }) => {
    if (state !== 'serving') return []
    const names = new Set([...Object.keys(here.plugins), ...Object.keys(plugins)])
    const different = [...names].filter((name) => here.plugins[name] !== plugins[name]).sort()
    const isOtherCore = coreVersion !== here.coreVersion
    if (different.length === 0 && !isOtherCore) return []
    return [{ instance: id, host, pid, coreVersion, isOtherCore, plugins: different }]
  })
}
