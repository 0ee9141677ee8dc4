import type { Instance } from '../../database/instances/living.ts'
import type { Generation } from '../generation/generation.ts'

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
  /** Names of plugins that failed again and again there, and are not run there. */
  readonly quarantined: readonly string[]
}

/** Content hashes of the live plugins, by name; one in quarantine has a `!` before its own. */
export type PublishedPlugins = Readonly<Record<string, string>>

const quarantineMark = '!'

/** What a generation tells the other instances of itself. */
export function publishedPlugins({ plugins, quarantined }: Generation): PublishedPlugins {
  return Object.fromEntries(
    [...plugins].map(([name, { build }]) => [
      name,
      `${quarantined.has(name) ? quarantineMark : ''}${build.hash}`,
    ]),
  )
}

/** What runs here. */
export interface RunningHere {
  readonly coreVersion: string
  readonly plugins: PublishedPlugins
}

/** Those of the others that differ from this one. One that only just starts is left out: it has nothing live yet. */
export function skewOf(here: RunningHere, others: readonly Instance[]): PluginSkew[] {
  return others.flatMap(({ id, host, pid, state, coreVersion, plugins }) => {
    if (state !== 'serving') return []
    const names = new Set([...Object.keys(here.plugins), ...Object.keys(plugins)])
    const different = [...names]
      .filter((name) => hashIn(here.plugins, name) !== hashIn(plugins, name))
      .sort()
    const quarantined = [...names].filter((name) => plugins[name]?.startsWith(quarantineMark))
    const isOtherCore = coreVersion !== here.coreVersion
    if (different.length === 0 && quarantined.length === 0 && !isOtherCore) return []
    return [{ instance: id, host, pid, coreVersion, isOtherCore, plugins: different, quarantined }]
  })
}

function hashIn(plugins: PublishedPlugins, name: string): string | undefined {
  const published = plugins[name]
  return published?.startsWith(quarantineMark) ? published.slice(quarantineMark.length) : published
}
