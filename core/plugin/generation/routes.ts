import type { PermissionDeclaration } from '../access.ts'
import type { Action } from '../manifest/action.ts'
import type { Command } from '../manifest/command.ts'
import type { Dialog } from '../manifest/dialog.ts'
import type { EventListener } from '../manifest/event.ts'
import type { Middleware, Phase } from '../manifest/middleware.ts'
import type { PluginInstance } from './instance.ts'

export interface CommandRoute {
  readonly instance: PluginInstance
  /** The command's own name, without aliases. */
  readonly name: string
  readonly command: Command
}

export interface ActionRoute {
  readonly instance: PluginInstance
  readonly name: string
  readonly action: Action
}

export interface DialogRoute {
  readonly instance: PluginInstance
  readonly name: string
  readonly dialog: Dialog
}

export interface EventRoute {
  readonly instance: PluginInstance
  readonly event: EventListener
}

export interface MiddlewareRoute {
  readonly instance: PluginInstance
  readonly middleware: Middleware
}

/** Middleware in the order in which it runs. */
export interface MiddlewareChains {
  readonly observe: readonly MiddlewareRoute[]
  /** The phases `authenticate`, `throttle` and `context`: before it is known what the actor may do. */
  readonly entry: readonly MiddlewareRoute[]
  readonly authorize: readonly MiddlewareRoute[]
}

/**
 * Everything that updates are matched against, as maps: the cost of a match doesn't grow with the
 * number of plugins. Built once a generation, never changed.
 */
export interface Routes {
  /** By lower-case name and alias. */
  readonly commands: ReadonlyMap<string, CommandRoute>
  /** By `plugin:action`. */
  readonly actions: ReadonlyMap<string, ActionRoute>
  /** By `plugin:dialog`. */
  readonly dialogs: ReadonlyMap<string, DialogRoute>
  /** By query: `message:photo`, `my_chat_member`. */
  readonly events: ReadonlyMap<string, readonly EventRoute[]>
  readonly middleware: MiddlewareChains
  /** Plugins with a `telegraf` composer, by name. */
  readonly composers: readonly PluginInstance[]
  readonly permissions: ReadonlyMap<string, PermissionDeclaration>
}

/**
 * Builds the routes of a set of plugins without conflicts (`checkConflicts`).
 *
 * @param held plugins that are matched and not run: of theirs, no middleware stands in anybody's way
 */
export function composeRoutes(
  live: readonly PluginInstance[],
  held: readonly PluginInstance[] = [],
): Routes {
  const byName = [...live, ...held].sort((a, b) => (a.name < b.name ? -1 : 1))
  const commands = new Map<string, CommandRoute>()
  const actions = new Map<string, ActionRoute>()
  const dialogs = new Map<string, DialogRoute>()
  const events = new Map<string, EventRoute[]>()
  const permissions = new Map<string, PermissionDeclaration>()
  for (const instance of byName) {
    for (const [name, command] of instance.commands) {
      for (const word of [name, ...command.aliases]) {
        commands.set(word.toLowerCase(), { instance, name, command })
      }
    }
    for (const [name, action] of instance.actions) {
      actions.set(`${instance.name}:${name}`, { instance, name, action })
    }
    for (const [name, dialog] of instance.dialogs) {
      dialogs.set(`${instance.name}:${name}`, { instance, name, dialog })
    }
    for (const event of instance.events) {
      const listening = events.get(event.query)
      if (listening === undefined) events.set(event.query, [{ instance, event }])
      else listening.push({ instance, event })
    }
    for (const permission of instance.permissions) permissions.set(permission.name, permission)
  }
  const inPhase = (phase: Phase): MiddlewareRoute[] =>
    byName.flatMap((instance) =>
      (held.includes(instance) ? [] : instance.middleware)
        .filter((middleware) => middleware.phase === phase)
        .map((middleware) => ({ instance, middleware })),
    )
  return {
    commands,
    actions,
    dialogs,
    events,
    middleware: {
      observe: inPhase('observe'),
      entry: [...inPhase('authenticate'), ...inPhase('throttle'), ...inPhase('context')],
      authorize: inPhase('authorize'),
    },
    composers: byName.filter((instance) => instance.telegraf !== undefined),
    permissions,
  }
}
