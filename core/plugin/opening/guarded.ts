import type { PermissionDeclaration } from '../access.ts'
import type { PluginInstance } from '../generation/instance.ts'
import type { ActionRoute, CommandRoute, EventRoute, Routes } from '../generation/routes.ts'
import type { Command, Former } from '../manifest/command.ts'
import { type Accepted, nothingAccepted, type Opening, openingsOf } from './diff.ts'
import { type Surface, waysOf } from './surface.ts'

/** What of each plugin's access was accepted, by plugin. Immutable: a reload makes a new one. */
export type Baseline = ReadonlyMap<string, Accepted>

/** What waits for an owner's approval in a set of plugins. */
export interface Unapproved {
  /** By plugin; those without any are not in it. */
  readonly openings: ReadonlyMap<string, readonly Opening[]>
  /** The routes as everybody but owners has them: under the former rules, what is new closed. */
  readonly guarded: Routes
  /** The former rules themselves, by what they stand in front of: of HTTP routes everybody but owners is held to them. */
  readonly former: ReadonlyMap<object, Former>
  /** A plugin that was not approved decides who is let in, or what they may do: owners alone come in. */
  readonly guard: string | undefined
}

/** Compares what plugins declare with what was accepted. Pure; made once a generation. */
export function unapprovedOf(
  plugins: readonly PluginInstance[],
  accepted: Baseline,
  routes: Routes,
): Unapproved {
  const openings = new Map<string, readonly Opening[]>()
  for (const { name, surface } of plugins) {
    const found = openingsOf(accepted.get(name) ?? nothingAccepted, surface)
    if (found.length > 0) openings.set(name, found)
  }
  if (openings.size === 0) return { openings, guarded: routes, former: new Map(), guard: undefined }
  const former = new Map<object, Former>()
  const closedComposers = new Set<string>()
  let guard: string | undefined
  for (const plugin of plugins) {
    const open = openings.get(plugin.name) ?? []
    const before = accepted.get(plugin.name) ?? nothingAccepted
    for (const { key, target } of open.length === 0 ? [] : waysOf(plugin)) {
      const own = open.filter(({ what, kind }) => what === key && kind !== 'roles')
      if (own.length === 0) continue
      if (target !== undefined) former.set(target, formerOf(own, key, before))
      else if (key === 'telegraf') closedComposers.add(plugin.name)
      else guard = plugin.name
    }
  }
  const permissions = guardedPermissions(plugins, accepted, routes.permissions)
  return {
    openings,
    former,
    guarded: withFormerRules(routes, { former, closedComposers, permissions }),
    guard,
  }
}

/** What has to hold for everybody but owners, beside what is declared. */
function formerOf(open: readonly Opening[], key: string, before: Surface): Former {
  const rule = before.ways[key]
  const kinds = new Set(open.map(({ kind }) => kind))
  return {
    // a question that is no longer asked can't be asked by the core, nor a proof be looked for
    closed: rule === undefined || kinds.has('new') || kinds.has('confirm') || kinds.has('proof'),
    permission: kinds.has('permission') ? (rule?.permission ?? null) : null,
    chats: kinds.has('chats') ? (rule?.chats ?? 'any') : 'any',
    strangers: !kinds.has('audience') && !kinds.has('new'),
  }
}

interface Closing {
  readonly former: ReadonlyMap<object, Former>
  readonly closedComposers: ReadonlySet<string>
  readonly permissions: Routes['permissions']
}

function withFormerRules(
  routes: Routes,
  { former, closedComposers, permissions }: Closing,
): Routes {
  const under = <T extends object>(target: T): T => {
    const own = former.get(target)
    return own === undefined ? target : { ...target, former: own }
  }
  const commandUnder = (command: Command): Command => {
    const subs = Object.entries(command.subcommands)
    return {
      ...under(command),
      subcommands: Object.fromEntries(subs.map(([word, sub]) => [word, commandUnder(sub)])),
    }
  }
  return {
    ...routes,
    permissions,
    commands: mapped(routes.commands, (route): CommandRoute => {
      return { ...route, command: commandUnder(route.command) }
    }),
    actions: mapped(routes.actions, (route): ActionRoute => {
      return { ...route, action: under(route.action) }
    }),
    events: mapped(routes.events, (listening) =>
      listening
        .map((route): EventRoute => ({ ...route, event: under(route.event) }))
        .filter(({ event }) => event.former?.closed !== true),
    ),
    composers: routes.composers.filter(({ name }) => !closedComposers.has(name)),
  }
}

/** Permissions with the roles that were accepted, and those of former rules that nobody declares any more. */
function guardedPermissions(
  plugins: readonly PluginInstance[],
  accepted: Baseline,
  declared: Routes['permissions'],
): Routes['permissions'] {
  const permissions = new Map<string, PermissionDeclaration>()
  for (const { name: plugin } of plugins) {
    for (const [name, roles] of Object.entries(accepted.get(plugin)?.roles ?? {})) {
      permissions.set(name, { name, plugin, description: '', roles })
    }
  }
  for (const [name, declaration] of declared) {
    const before = permissions.get(name)?.roles ?? declaration.roles
    const roles = declaration.roles.filter((role) => before.includes(role))
    permissions.set(name, { ...declaration, roles })
  }
  return permissions
}

function mapped<V>(map: ReadonlyMap<string, V>, change: (value: V) => V): ReadonlyMap<string, V> {
  return new Map([...map].map(([key, value]) => [key, change(value)]))
}
