import type { Update } from 'telegraf/types'
import type { z } from 'zod'
import type { Former, RateLimit } from './command.ts'
import type {
  Audience,
  ContextFor,
  NoSchema,
  Parsed,
  PermissionFor,
  PluginTypes,
  Schema,
} from './view.ts'

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
