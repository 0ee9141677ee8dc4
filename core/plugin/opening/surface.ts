import { z } from 'zod'
import { hookProofs } from '../../http/hooks/verify.ts'
import type { PluginDeclaration } from '../generation/instance.ts'
import type { Action } from '../manifest/action.ts'
import type { Command } from '../manifest/command.ts'
import type { EventListener } from '../manifest/event.ts'
import type { Hook } from '../manifest/hook.ts'
import type { HttpRoute } from '../manifest/route.ts'
import { Authenticator, Authorizer, sameToken } from '../service.ts'

const ruleShape = z.object({
  /** Who may come this way; null: whoever is let in. */
  permission: z.string().nullable(),
  chats: z.enum(['private', 'group', 'any']).default('any'),
  /** Open to strangers too. */
  everyone: z.boolean().default(false),
  /** It asks before it acts. */
  confirm: z.boolean().default(false),
  /** Of a hook: what the sender has to prove; `own`: its verifier is the plugin's own. Null: it is none. */
  proof: z
    .enum([...hookProofs, 'own'])
    .nullable()
    .default(null),
})

/** What stands between a person and one way into a plugin. */
export type Rule = Readonly<z.output<typeof ruleShape>>

/** A plugin's access as it is kept in the database. */
export const acceptedShape = z.object({
  ways: z.record(z.string(), ruleShape),
  roles: z.record(z.string(), z.array(z.string())),
  refused: z.array(z.string()).default([]),
})

/** Everything by which people get into a plugin, and who that is by default. */
export interface Surface {
  /** By key: `command:/worklog sync`, `action:undo`, `event:message:photo`, `route:GET /entries`, `hook:github`, `guard:…`, `telegraf`. */
  readonly ways: Readonly<Record<string, Rule>>
  /** Roles that hold each permission from the start. */
  readonly roles: Readonly<Record<string, readonly string[]>>
}

/** One way in, with what the manifest made for it. */
export interface Way {
  readonly key: string
  readonly rule: Rule
  /** Undefined for what is no definition of its own: a guard, the composer. */
  readonly target: Command | Action | EventListener | HttpRoute | Hook | undefined
}

type Declared = Pick<
  PluginDeclaration,
  'permissions' | 'commands' | 'actions' | 'events' | 'routes' | 'hooks' | 'telegraf' | 'provides'
>

/** Reads what a manifest opens, and to whom. */
export function surfaceOf(plugin: Declared): Surface {
  return {
    ways: Object.fromEntries(waysOf(plugin).map(({ key, rule }) => [key, rule])),
    roles: Object.fromEntries(plugin.permissions.map(({ name, roles }) => [name, roles])),
  }
}

/** Every way into a plugin. */
export function waysOf(plugin: Declared): readonly Way[] {
  const { commands, actions, events, routes, hooks, telegraf, provides } = plugin
  const guards = [...provides.values()].filter((token) =>
    [Authenticator, Authorizer].some((guard) => sameToken(guard, token)),
  )
  return [
    ...[...commands].flatMap(([name, command]) => waysOfCommand(`/${name}`, command)),
    ...[...actions].map(([name, action]) => wayOf(`action:${name}`, action)),
    ...waysOfEvents(events),
    ...routes.map((route) => wayOf(`route:${route.method} ${route.path}`, route)),
    ...[...hooks].map(([name, hook]) => wayOfHook(name, hook)),
    ...(telegraf === undefined ? [] : [open('telegraf')]),
    ...guards.map(({ name }) => open(`guard:${name}`)),
  ]
}

/** A command that only leads to its subcommands opens nothing by itself. */
function waysOfCommand(path: string, command: Command): Way[] {
  const subs = Object.entries(command.subcommands)
  return [
    ...(command.run === undefined ? [] : [wayOf(`command:${path}`, command)]),
    ...subs.flatMap(([word, sub]) => waysOfCommand(`${path} ${word}`, sub)),
  ]
}

/** Listeners have no names: those of one query are told apart by who may trigger them, guarded ones first. */
function waysOfEvents(events: readonly EventListener[]): Way[] {
  const seen = new Map<string, number>()
  const rank = ({ permission }: EventListener) => permission ?? '\uffff'
  return [...events]
    .sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
    .map((event) => {
      const count = (seen.get(event.query) ?? 0) + 1
      seen.set(event.query, count)
      return wayOf(`event:${event.query}${count === 1 ? '' : `#${count}`}`, event)
    })
}

function wayOf(key: string, target: Command | Action | EventListener | HttpRoute): Way {
  return {
    key,
    target,
    rule: {
      permission: target.permission ?? null,
      chats: ('chats' in target ? target.chats : undefined) ?? 'any',
      everyone: 'audience' in target && target.audience === 'everyone',
      confirm: 'confirm' in target && target.confirm !== undefined,
      proof: null,
    },
  }
}

function wayOfHook(name: string, hook: Hook): Way {
  const proof = hookProofs.find((known) => known === hook.verify.proof) ?? 'own'
  return { key: `hook:${name}`, rule: { ...openRule, proof }, target: hook }
}

const openRule = {
  permission: null,
  chats: 'any',
  everyone: false,
  confirm: false,
  proof: null,
} as const

function open(key: string): Way {
  return { key, rule: openRule, target: undefined }
}
