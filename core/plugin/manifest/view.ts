import type { Update } from 'telegraf/types'
import type { z } from 'zod'
import type { ActiveUser, Actor } from '../access.ts'
import type { PageAt } from '../button/pager.ts'
import type { Button } from '../run/content.ts'
import type { OpsContext } from '../run/context.ts'
import type { Used } from '../service.ts'
import type { ActionData } from './action.ts'
import type { Begins } from './dialog.ts'
import type { Enqueues } from './job.ts'
import type { SessionOf } from './session.ts'

/** An object without keys: what a plugin without config, uses or arguments has. */
export type Nothing = Record<never, never>
/** What zod makes of an object. */
export type Schema = z.ZodObject
export type NoSchema = z.ZodObject<Nothing>
/** zod gives the empty object any key, as undefined; a handler that asks for one has forgotten its schema. */
export type Parsed<S extends Schema> = [keyof S['shape']] extends [never] ? Nothing : z.output<S>

/** The parts of one plugin's types that reach its handlers. */
export interface PluginTypes {
  config: unknown
  plugin: unknown
  uses: object
  permission: string
  session: Schema
  actions: object
  jobs: object
  dialogs: object
}

/** Roles that a permission may be given to from the start; owners hold every permission. */
export type DefaultRole = 'admin' | 'operator' | 'guest'

export interface PermissionSpec {
  /** What it allows, for the people who grant it. */
  description: string
  roles: readonly DefaultRole[]
}

/** Where a command answers. `group` covers groups and supergroups. */
export type ChatScope = 'private' | 'group' | 'any'

/** For whom a route is besides active users: strangers, chats and updates of nobody, but never blocked people. */
export type Audience = 'everyone'

/** What every handler of a plugin sees, on top of Telegraf's Context. */
export interface PluginView<P extends PluginTypes> extends Enqueues<P>, Begins<P> {
  /** The parsed configuration of this plugin. */
  readonly config: P['config']
  /** What this plugin's `setup` returned. */
  readonly plugin: P['plugin']
  /** The services named in `uses`, of the update's own generation. */
  readonly use: Used<P['uses']>
  /** What this plugin remembers of the actor in this chat, by the manifest's `session`. */
  readonly session: SessionOf<P['session']>
  /** May the actor do this, here? Unknown permissions: no. */
  can(permission: P['permission']): boolean
  /**
   * A button of one of this plugin's actions. Data that fits travels in the button, signed; more is
   * kept in the database, written before the message is sent.
   */
  button<A extends keyof P['actions'] & string>(
    action: A,
    ...given: ButtonInput<ActionData<P['actions'][A]>>
  ): Button
  /**
   * A row of buttons that turn the pages of a list: none for one page, numbers for up to eight, then first, before, next
   * and last. The action's data hold a `page`; `data` is the rest of them.
   */
  pager<A extends keyof P['actions'] & string>(
    action: A,
    at: PageAt,
    data?: Omit<ActionData<P['actions'][A]>, 'page'>,
    options?: Omit<ButtonOptions, 'label'>,
  ): readonly Button[]
}

/** The data may be left out where the action's schema asks for nothing. */
type ButtonInput<D> = Nothing extends D
  ? [data?: D, options?: ButtonOptions]
  : [data: D, options?: ButtonOptions]

export interface ButtonOptions {
  /** Text on the button; default: the action's label in the actor's language. */
  label?: string
  /**
   * Everybody who holds the action's permission may press; default: only the actor. Needed where the actor
   * is no person.
   */
  anyone?: boolean
  /** How long it may be pressed, s; default 30 days where its data are kept, and without end where they travel in it. */
  withinS?: number
  /** What the action's `fingerprint` tells of the thing as it is now. */
  fingerprint?: string | number
}

/** Handlers run for an active user. */
export type HandlerContext<P extends PluginTypes, U extends Update = Update> = OpsContext<U> &
  PluginView<P> & { readonly actor: ActiveUser }

/** `observe` middleware sees every update, also those of strangers and of nobody. */
export type ObserverContext<P extends PluginTypes> = OpsContext &
  PluginView<P> & { readonly actor: Actor }

/** What declares `audience: 'everyone'` runs for active users, strangers, chats and nobody: see `ctx.actor.kind`. */
export type EveryoneContext<P extends PluginTypes, U extends Update = Update> = OpsContext<U> &
  PluginView<P> & { readonly actor: Actor }

/** `W` is the audience that was declared; without one, `never`. */
export type ContextFor<P extends PluginTypes, W extends Audience, U extends Update = Update> = [
  W,
] extends [never]
  ? HandlerContext<P, U>
  : EveryoneContext<P, U>

/** Whom nobody knows holds no permission, so what asks for one can't be open to everyone. */
export type PermissionFor<P extends PluginTypes, W extends Audience> = [W] extends [never]
  ? NoInfer<P['permission']>
  : never
