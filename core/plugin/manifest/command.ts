import type { Update } from 'telegraf/types'
import type { Html } from '../../telegram/html.ts'
import type {
  Audience,
  ChatScope,
  ContextFor,
  NoSchema,
  Parsed,
  PermissionFor,
  PluginTypes,
  Schema,
} from './view.ts'

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
