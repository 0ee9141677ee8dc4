import type { Generation } from '../generation/generation.ts'
import type { CommandRoute } from '../generation/routes.ts'
import { absentWays } from './absent.ts'
import type { GuardedCommand, PluginStatus } from './plugins.ts'

/**
 * What stands before a command, whoever asks.
 *
 * @param path as it was typed: a command or an alias, and a subcommand
 */
export function guardOf(
  path: string,
  generation: Generation,
  states: () => readonly PluginStatus[],
): GuardedCommand | undefined {
  const words = path.trim().toLowerCase().replace(/^\//, '').split(/\s+/)
  const [word = '', subword, ...rest] = words
  if (rest.length > 0) return undefined
  const route = generation.routes.commands.get(word)
  return route === undefined
    ? guardOfAbsent(words.join(' '), generation, states())
    : guardOfLive(route, subword, generation)
}

function guardOfLive(
  route: CommandRoute,
  subword: string | undefined,
  { routes, quarantined, unapproved }: Generation,
): GuardedCommand | undefined {
  const { instance, name } = route
  const of = ({ command }: CommandRoute) =>
    subword === undefined ? command : new Map(Object.entries(command.subcommands)).get(subword)
  const command = of(route)
  if (command === undefined) return undefined
  const { permission, audience, chats, confirm } = command
  const { permissions, commands } = unapproved.guarded
  const declared = permission === undefined ? undefined : routes.permissions.get(permission)
  const counts = permission === undefined ? undefined : permissions.get(permission)
  const guarded = commands.get(name)
  const former = guarded === undefined ? undefined : of(guarded)?.former
  const before = former?.permission == null ? undefined : permissions.get(former.permission)
  return {
    path: [name, subword].filter(Boolean).join(' '),
    plugin: instance.name,
    ...(counts === undefined ? {} : { permission: counts }),
    ...(audience === undefined ? {} : { audience }),
    ...(chats === undefined ? {} : { chats }),
    ...(confirm === undefined ? {} : { confirm: confirm.by ?? 'self' }),
    ...(quarantined.has(instance.name) ? { out: 'quarantined' } : {}),
    ...(former === undefined
      ? {}
      : {
          former: {
            isClosed: former.closed || (former.permission !== null && before === undefined),
            ...(before === undefined ? {} : { permission: before }),
          },
        }),
    rolesUnapproved: (declared?.roles ?? []).filter(
      (role) => counts?.roles.includes(role) !== true,
    ),
  }
}

/** By what was accepted of it when it last served. */
function guardOfAbsent(
  path: string,
  generation: Generation,
  states: readonly PluginStatus[],
): GuardedCommand | undefined {
  const [way] = absentWays((key) => key === `command:/${path}`, generation, states)
  if (way === undefined) return undefined
  const { plugin, state, rule, permission } = way
  return {
    path,
    plugin,
    out: state,
    ...(permission === undefined ? {} : { permission }),
    ...(rule.everyone ? { audience: 'everyone' } : {}),
    chats: rule.chats,
    rolesUnapproved: [],
  }
}
