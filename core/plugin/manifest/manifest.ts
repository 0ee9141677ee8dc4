import type { Composer } from 'telegraf'
import type { Message, Update } from 'telegraf/types'
import type { z } from 'zod'
import type { Html } from '../../telegram/html.ts'
import type { ActiveUser, Actor } from '../access.ts'
import type { PageAt } from '../button/pager.ts'
import type { Button } from '../run/content.ts'
import type { OpsContext } from '../run/context.ts'
import type { Scope } from '../scope.ts'
import type { ServiceToken, Used } from '../service.ts'
import type { Begins, Dialog, DialogKit } from './dialog.ts'
import type { Hook, HookKit } from './hook.ts'
import type { Enqueues, Job, JobKit } from './job.ts'
import type { PersonalDataDefinition } from './personal-data.ts'
import type { RouteKit } from './route.ts'
import type { SessionDefinition, SessionOf } from './session.ts'

/** An object without keys: what a plugin without config, uses or arguments has. */
export type Nothing = Record<never, never>
type Schema = z.ZodObject
type NoSchema = z.ZodObject<Nothing>
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
type ContextFor<P extends PluginTypes, W extends Audience, U extends Update = Update> = [
  W,
] extends [never]
  ? HandlerContext<P, U>
  : EveryoneContext<P, U>

/** Whom nobody knows holds no permission, so what asks for one can't be open to everyone. */
type PermissionFor<P extends PluginTypes, W extends Audience> = [W] extends [never]
  ? NoInfer<P['permission']>
  : never

// ── commands ────────────────────────────────────────────────────────────────────────────────────

export interface CommandDefinition<
  P extends PluginTypes,
  A extends Schema,
  W extends Audience = never,
> {
  /** One line for menu and help; fallback of the locale key `commands.<name>.description`. */
  description: string
  /** Who may use it; absent: every active user. */
  permission?: PermissionFor<P, W>
  /** `everyone`: strangers too. Subcommands don't inherit it. */
  audience?: W
  /** Where it answers; default `any`, of a subcommand what its command says. */
  chats?: ChatScope
  /** Other names of the command, without the slash. */
  aliases?: readonly string[]
  /** How often it may be given, beside the bot's own limits. Owners have none; subcommands don't inherit it. */
  rateLimit?: RateLimit
  /** Positional in key order; `key=value`; a last string takes the rest. */
  args?: A
  /** It is dangerous: what would be done is shown, and done after a yes. Subcommands don't inherit it. */
  confirm?: ConfirmDefinition<ContextFor<P, W, Update.MessageUpdate>, Parsed<A>>
  /** `/worklog sync`: the first word chooses; one without a permission of its own has the command's. */
  subcommands?: Readonly<Record<string, Command>>
  run?(ctx: ContextFor<P, W, Update.MessageUpdate>, args: Parsed<A>): unknown
}

/** So many times in so many seconds: so many at once, which come back evenly over the time. */
export interface RateLimit {
  readonly count: number
  readonly perS: number
  /** Who shares them: each person has their own (default), each chat, or everybody together. */
  readonly by?: 'person' | 'chat' | 'everybody'
}

/** How a dangerous command asks. */
export interface ConfirmDefinition<Ctx, Args> {
  /** What would be done: text, or `html`. Looks only, and changes nothing. */
  preview(ctx: Ctx, args: Args): string | Html | Promise<string | Html>
  /** Who says yes: whoever gave the command (default), or another one who may give it too. */
  by?: 'self' | 'another'
  /** For how long the question stands, s; default 120. */
  withinS?: number
  /** How long after it was carried out the same person may not give it again, s; default 0. */
  coolDownS?: number
}

/** The same as the core knows it. */
export type Confirm = ConfirmDefinition<never, never>

/**
 * What has to hold, beside what is declared, as long as no owner approved what a reload opened: the rule
 * before it. Set by the core, on copies that everybody but owners is matched against.
 */
export interface Former {
  /** Nothing could be held to: it was not there before. */
  readonly closed: boolean
  /** Null: none beside the declared one. */
  readonly permission: string | null
  readonly chats: ChatScope
  /** Whether strangers come in, where that is declared. */
  readonly strangers: boolean
}

/** A command as the router knows it; made by the kit's `command`. */
export interface Command {
  readonly kind: 'command'
  readonly description: string
  readonly permission?: string
  readonly audience?: Audience
  readonly chats?: ChatScope
  readonly aliases: readonly string[]
  readonly rateLimit?: RateLimit
  readonly args?: Schema
  readonly confirm?: Confirm
  readonly subcommands: Readonly<Record<string, Command>>
  readonly former?: Former
  readonly run?: (ctx: never, args: never) => unknown
}

export interface CommandKit<P extends PluginTypes> {
  command<A extends Schema = NoSchema, const W extends Audience = never>(
    definition: CommandDefinition<P, A, W>,
  ): Command
}

// ── actions (buttons) ───────────────────────────────────────────────────────────────────────────

export interface ActionDefinition<
  P extends PluginTypes,
  D extends Schema,
  W extends Audience = never,
> {
  /** Text on the button; fallback of the locale key `actions.<name>.label`. */
  label: string
  /** What a button of this action carries. */
  data?: D
  /** Checked when it is pressed; absent: every active user. */
  permission?: PermissionFor<P, W>
  /** `everyone`: strangers may press it too. */
  audience?: W
  /** How often it may be pressed, beside the bot's own limits. Owners have none. */
  rateLimit?: RateLimit
  /**
   * What the button is about, as it is now: a version, say. Its buttons are made with one, and pressing one
   * whose thing has changed since does nothing but say so.
   */
  fingerprint?(
    ctx: ContextFor<P, W, Update.CallbackQueryUpdate>,
    data: Parsed<D>,
  ): string | number | undefined | Promise<string | number | undefined>
  run(ctx: ContextFor<P, W, Update.CallbackQueryUpdate>, data: Parsed<D>): unknown
}

/** A button's action as the router knows it; made by the kit's `action`. `D` is what a button of it carries. */
export interface Action<D = unknown> {
  readonly kind: 'action'
  readonly label: string
  readonly data?: Schema
  readonly permission?: string
  readonly audience?: Audience
  readonly rateLimit?: RateLimit
  readonly former?: Former
  readonly fingerprint?: (ctx: never, data: never) => unknown
  readonly run: (ctx: never, data: never) => unknown
  /** Carries the type of the data that a button needs; never set. */
  readonly input?: D
}

export type ActionData<A> = A extends Action<infer D> ? D : never

export interface ActionKit<P extends PluginTypes> {
  action<D extends Schema = NoSchema, const W extends Audience = never>(
    definition: ActionDefinition<P, D, W>,
  ): Action<z.input<D>>
}

// ── events ──────────────────────────────────────────────────────────────────────────────────────

/** Kinds of update that Telegraf's types know; newer ones are routed too, with a plain context. */
export type UpdateKind =
  | 'message'
  | 'edited_message'
  | 'channel_post'
  | 'edited_channel_post'
  | 'message_reaction'
  | 'message_reaction_count'
  | 'inline_query'
  | 'chosen_inline_result'
  | 'callback_query'
  | 'shipping_query'
  | 'pre_checkout_query'
  | 'poll'
  | 'poll_answer'
  | 'my_chat_member'
  | 'chat_member'
  | 'chat_join_request'
  | 'chat_boost'
  | 'removed_chat_boost'

type MessageKind = 'message' | 'edited_message' | 'channel_post' | 'edited_channel_post'
type KeysOf<T> = T extends unknown ? keyof T : never
type MessageContent = Exclude<KeysOf<Message>, number | symbol>

/** `my_chat_member`, or a kind of message and what it must hold: `message:photo`. */
export type EventQuery = UpdateKind | `${MessageKind}:${MessageContent}`

type UpdateOf<Q extends EventQuery> = Q extends `${infer K extends MessageKind}:${infer F}`
  ? Update & Record<K, Extract<Message, Record<F, unknown>>>
  : Extract<Update, Record<Q, unknown>>

export interface EventDefinition<
  P extends PluginTypes,
  Q extends EventQuery,
  W extends Audience = never,
> {
  /** Who triggers it; absent: every active user. Others are passed over in silence. */
  permission?: PermissionFor<P, W>
  /** `everyone`: strangers, chats and updates of nobody trigger it too. */
  audience?: W
  run(ctx: ContextFor<P, W, UpdateOf<Q>>): unknown
}

export interface EventListener {
  readonly kind: 'event'
  readonly query: EventQuery
  readonly permission?: string
  readonly audience?: Audience
  readonly former?: Former
  readonly run: (ctx: never) => unknown
}

export interface EventKit<P extends PluginTypes> {
  /** All listeners of one update share its unit of work: a throw of one ends it for all. Commands are no events. */
  event<Q extends EventQuery, const W extends Audience = never>(
    query: Q,
    definition: EventDefinition<P, Q>['run'] | EventDefinition<P, Q, W>,
  ): EventListener
}

// ── middleware ──────────────────────────────────────────────────────────────────────────────────

/**
 * In this order; inside a phase by plugin name. `observe` sees all updates; the others see those of active
 * users, for `authenticate` comes after the authenticator, and with `audience: 'everyone'` also those that reach
 * a route for everyone. `ctx.can` says no to everything before `authorize`.
 */
export const phases = ['observe', 'authenticate', 'throttle', 'context', 'authorize'] as const
/** One of the five places in an update's way where middleware stands. */
export type Phase = (typeof phases)[number]

/** Goes on to what stands further in; resolves when that has ended. To be called once, and awaited. */
export type Next = () => Promise<void>

export interface MiddlewareDefinition<
  P extends PluginTypes,
  F extends Phase,
  W extends Audience = never,
> {
  phase: F
  /** `everyone`: it also stands before routes for everyone when it is no active user who reaches them. */
  audience?: W
  /** Not calling `next` refuses the update; say why with `ctx.refuse(code)`. `observe` can't refuse. */
  run(ctx: F extends 'observe' ? ObserverContext<P> : ContextFor<P, W>, next: Next): unknown
}

export interface Middleware {
  readonly kind: 'middleware'
  readonly phase: Phase
  readonly audience?: Audience
  readonly run: (ctx: never, next: Next) => unknown
}

export interface MiddlewareKit<P extends PluginTypes> {
  middleware<F extends Phase, const W extends Audience = never>(
    definition: MiddlewareDefinition<P, F, W>,
  ): Middleware
}

// ── health ──────────────────────────────────────────────────────────────────────────────────────

/** What a health check found; nothing means that all is well, a throw that it is down. */
export interface HealthReport {
  status: 'up' | 'degraded' | 'down'
  /** One line for operators, also in `/readyz`: no names, no secrets. */
  detail?: string
}

/**
 * Looks at what the plugin depends on.
 *
 * @param plugin what `setup` returned
 * @param signal aborted after 5 s, and when the plugin is disposed
 */
export type HealthProbe<Result> = (
  plugin: Result,
  signal: AbortSignal,
  // biome-ignore lint/suspicious/noConfusingVoidType: TypeScript 5 takes an async function without a return for nothing else
) => HealthReport | undefined | void | Promise<HealthReport | undefined | void>

export interface HealthDefinition<Result> {
  /** While it is down `/readyz` answers 503; else a check that is down shows there as `degraded`. */
  critical?: boolean
  run: HealthProbe<Result>
}

/** A health check as the core runs it; made by the kit's `check`. */
export interface HealthCheck {
  readonly kind: 'check'
  readonly critical: boolean
  readonly run: (plugin: never, signal: AbortSignal) => unknown
}

export interface HealthKit<Result> {
  /** Runs when the plugin goes live and every 30 s, for at most 5 s. */
  check(definition: HealthProbe<Result> | HealthDefinition<Result>): HealthCheck
}

// ── the manifest ────────────────────────────────────────────────────────────────────────────────

type TokenMap = Readonly<Record<string, ServiceToken<never>>>

/** Each key is one of setup's results and satisfies the token's type. */
type Provided<Result> = {
  // `& string`: over the bare keys the mapped type would take part in inferring the result, and spoil it
  readonly [K in keyof Result & string]?: ServiceToken<Result[K]>
}

interface TypesOf<
  Config extends Schema,
  Uses,
  Permissions,
  Session extends Schema,
  Result,
  Actions,
  Jobs,
  Dialogs,
> extends PluginTypes {
  config: z.output<Config>
  plugin: Result
  uses: Uses & object
  permission: keyof Permissions & string
  session: Session
  actions: Actions & object
  jobs: Jobs & object
  dialogs: Dialogs & object
}

/** Actions, jobs and dialogs may name each other; only names and data of what stands before are known to the types. */
type AnyJobs = Record<string, Job>
type AnyDialogs = Record<string, Dialog>
type BeforeActions<C extends Schema, U, R, Perm, S extends Schema> = TypesOf<
  C,
  U,
  Perm,
  S,
  R,
  Record<string, Action>,
  AnyJobs,
  AnyDialogs
>

/**
 * The typed description of one plugin. Write the keys in this order: inference runs from top to
 * bottom, so `config` and `uses` reach `setup`, its result reaches `actions`, `jobs` and `dialogs`, and those `commands`.
 * `hooks` and `routes` begin no dialogs, and may stand before them.
 */
export interface PluginDefinition<
  Config extends Schema,
  Uses extends TokenMap,
  Permissions extends Readonly<Record<string, PermissionSpec>>,
  Session extends Schema,
  Result,
  Actions extends Readonly<Record<string, Action>>,
  Jobs extends Readonly<Record<string, Job>>,
  Dialogs extends Readonly<Record<string, Dialog>>,
> {
  /** The folder's name: 2–16 of a–z and 0–9, beginning with a letter. */
  name: string
  version: string
  description?: string
  /** Range of the core's version, as npm writes them: `^1.0.0`. */
  engine?: string
  /** Plugins that must be live; without them this one waits. `uses` implies its provider. */
  requires?: readonly string[]
  /**
   * `swap` (default): the new version is set up beside the old one. `exclusive`: for what can't exist
   * twice, a port or a serial line: updates wait while the old version ends and the new one is set up.
   */
  reload?: 'swap' | 'exclusive'
  /** Read from the environment: `WORKLOG_SPREADSHEET_ID` is `spreadsheetId` of worklog. */
  config?: Config
  /** Services that it consumes, by the name they get in `ctx.use` and `scope.use`. */
  uses?: Uses
  /** Named `<plugin>.<what>`; who holds them by role from the start. */
  permissions?: Permissions
  /** MikroORM entities (`defineEntity`); their tables are named `<plugin>_…`. */
  entities?: readonly object[]
  /** Tables without the plugin's prefix that it owns all the same. */
  tables?: readonly string[]
  /** What it remembers of a person in a chat: `ctx.session`. */
  session?: SessionDefinition<Session>
  /** Runs before anything is visible; timers and listeners start at the commit. A throw aborts the reload. */
  setup?(scope: Scope<z.output<Config>, Used<Uses>>): Result | Promise<Result>
  /** Results of `setup` that others use, by token. */
  provides?: Provided<NoInfer<Result>>
  actions?(kit: ActionKit<BeforeActions<Config, Uses, Result, Permissions, Session>>): Actions
  /** Work in the background: durable, repeated when it fails, by the clock if they say so. */
  jobs?(
    kit: JobKit<TypesOf<Config, Uses, Permissions, Session, Result, Actions, AnyJobs, AnyDialogs>>,
  ): Jobs
  /** Operations of several steps: one question after the other, kept until they are answered. */
  dialogs?(
    kit: DialogKit<TypesOf<Config, Uses, Permissions, Session, Result, Actions, Jobs, AnyDialogs>>,
  ): Dialogs
  middleware?(
    kit: MiddlewareKit<TypesOf<Config, Uses, Permissions, Session, Result, Actions, Jobs, Dialogs>>,
  ): readonly Middleware[]
  commands?(
    kit: CommandKit<TypesOf<Config, Uses, Permissions, Session, Result, Actions, Jobs, Dialogs>>,
  ): Readonly<Record<string, Command>>
  events?(
    kit: EventKit<TypesOf<Config, Uses, Permissions, Session, Result, Actions, Jobs, Dialogs>>,
  ): readonly EventListener[]
  /** What other programs may send: `POST /hooks/<plugin>/<hook>`. */
  hooks?(
    kit: HookKit<TypesOf<Config, Uses, Permissions, Session, Result, Actions, Jobs, AnyDialogs>>,
  ): Readonly<Record<string, Hook>>
  /** What other programs may ask for, in the name of a person: under `/api/v1/<plugin>`. */
  routes?(
    http: RouteKit<TypesOf<Config, Uses, Permissions, Session, Result, Actions, Jobs, AnyDialogs>>,
  ): void
  /** How what it depends on is: shown in `/plugins` and `/readyz`. */
  health?(kit: HealthKit<NoInfer<Result>>): Readonly<Record<string, HealthCheck>>
  /** What it keeps about people: how that is seen and erased. */
  personalData?: PersonalDataDefinition<NoInfer<Result>>
  /** The escape hatch: any Telegraf middleware, for what no route took. */
  telegraf?(
    composer: Composer<
      HandlerContext<TypesOf<Config, Uses, Permissions, Session, Result, Actions, Jobs, Dialogs>>
    >,
  ): void
}

/** What `definePlugin` returns: plain data and functions, not yet checked. */
export interface Manifest {
  readonly kind: 'manifest'
  readonly definition: Readonly<Record<string, unknown>>
}

/**
 * Describes a plugin. The folder's `index.ts` default-exports the result; nothing of it runs when
 * the module is evaluated.
 */
export function definePlugin<
  Config extends Schema = NoSchema,
  const Uses extends TokenMap = Nothing,
  const Permissions extends Readonly<Record<string, PermissionSpec>> = Nothing,
  Session extends Schema = NoSchema,
  Result = undefined,
  Actions extends Readonly<Record<string, Action>> = Nothing,
  Jobs extends Readonly<Record<string, Job>> = Nothing,
  Dialogs extends Readonly<Record<string, Dialog>> = Nothing,
>(
  definition: PluginDefinition<Config, Uses, Permissions, Session, Result, Actions, Jobs, Dialogs>,
): Manifest {
  // the edge where types end: from here on a manifest is outside input, parsed by readManifest
  return { kind: 'manifest', definition: definition as unknown as Record<string, unknown> }
}
