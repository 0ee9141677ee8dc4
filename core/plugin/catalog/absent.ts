import type { PermissionDeclaration } from '../access.ts'
import type { Generation } from '../generation/generation.ts'
import type { Rule } from '../opening/surface.ts'
import type { PluginState, PluginStatus } from './plugins.ts'

/** Why a plugin that is known serves nothing. */
export type AbsentState = Exclude<PluginState, 'active' | 'quarantined'>

/** A way into a plugin that doesn't serve, as it was accepted when it last did. */
export interface AbsentWay {
  readonly plugin: string
  readonly state: AbsentState
  readonly rule: Rule
  /** Undefined: whoever is let in may come this way. */
  readonly permission: PermissionDeclaration | undefined
}

/**
 * The ways into plugins that are switched off, failed or wait, whose keys fit: what was accepted of a plugin's access
 * is known as long as its folder is, also to a process that never loaded it.
 */
export function absentWays(
  fits: (key: string, plugin: string) => boolean,
  { accepted, plugins }: Pick<Generation, 'accepted' | 'plugins'>,
  states: readonly Pick<PluginStatus, 'name' | 'state'>[],
): readonly AbsentWay[] {
  const ways: AbsentWay[] = []
  for (const { name: plugin, state } of states) {
    const own = accepted.get(plugin)
    if (own === undefined || plugins.has(plugin)) continue
    if (state === 'active' || state === 'quarantined') continue
    for (const [key, rule] of Object.entries(own.ways)) {
      if (!fits(key, plugin)) continue
      const { permission: name } = rule
      const roles = name === null ? [] : (own.roles[name] ?? [])
      const permission = name === null ? undefined : { name, plugin, description: '', roles }
      ways.push({ plugin, state, rule, permission })
    }
  }
  return ways
}

/** Those of a command, with its subcommands. @param path `worklog sync` */
export function fitsCommand(path: string): (key: string) => boolean {
  const whole = `command:/${path}`
  return (key) => key === whole || key.startsWith(`${whole} `)
}
