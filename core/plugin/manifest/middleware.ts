import type { Audience, ContextFor, ObserverContext, PluginTypes } from './view.ts'

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
