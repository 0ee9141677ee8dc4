import type { z } from 'zod'
import type { Html } from '../../telegram/html.ts'
import type { HandlerContext, Parsed, PluginTypes } from './view.ts'

type Schema = z.ZodObject
type KeyOf<S extends Schema> = keyof S['shape'] & string

/** One answer that is offered on a button. */
export interface Choice<V = unknown> {
  /** Text on the button; who types it means it too. */
  label: string
  value: V
}

/** Days as `2026-11-24`, both included; one that is left out is no border. */
export interface DateRange {
  readonly from?: string | undefined
  readonly to?: string | undefined
}

export interface StepDefinition<P extends PluginTypes, S extends Schema, K extends KeyOf<S>> {
  /** The question: text, or `html`. Looks only, and changes nothing. @param state what was answered so far */
  ask(ctx: HandlerContext<P>, state: Partial<z.output<S>>): string | Html | Promise<string | Html>
  /** Buttons under it. Enums and booleans have theirs without. */
  choices?(
    ctx: HandlerContext<P>,
    state: Partial<z.output<S>>,
  ): readonly Choice<z.input<S['shape'][K]>>[] | Promise<readonly Choice<z.input<S['shape'][K]>>[]>
  /** Which days may be taken, where the key is a `z.iso.date()`: such a step has a calendar. */
  range?(ctx: HandlerContext<P>, state: Partial<z.output<S>>): DateRange | Promise<DateRange>
  /** The step after it; `end`: there is none. Default: in the order of `steps`. */
  next?(ctx: HandlerContext<P>, state: Partial<z.output<S>>): NoInfer<KeyOf<S>> | 'end'
}

export interface DialogDefinition<P extends PluginTypes, S extends Schema> {
  /** Raised when `state` changes so that what is kept doesn't fit any more. */
  version: number
  /** What the dialog collects: a step asks for the key that it is named like, and its schema checks the answer. */
  state: S
  /** Checked at every step; absent: every active user. */
  permission?: NoInfer<P['permission']>
  /** How long a question stands, s; default 900. */
  withinS?: number
  /** The first step; default: the first of `steps`. */
  start?: NoInfer<KeyOf<S>>
  /** Keys without a step are given to `ctx.begin`. A key that may be undefined can be skipped. */
  steps: { readonly [K in KeyOf<S>]?: StepDefinition<P, S, K> }
  /** Everything was answered, and fits `state`. It is written together with the end of the dialog, or not at all. */
  finish(ctx: HandlerContext<P>, state: Parsed<S>): unknown
  /**
   * What an older version had collected, as this one would have. Undefined: it can't go on, and the person is told.
   * Without it that is so for every older version.
   */
  migrate?(
    answers: Readonly<Record<string, unknown>>,
    version: number,
  ): Record<string, unknown> | undefined
}

/** A step as the core knows it. */
export interface Step {
  readonly ask: (ctx: never, state: never) => unknown
  readonly choices?: (ctx: never, state: never) => unknown
  readonly range?: (ctx: never, state: never) => unknown
  readonly next?: (ctx: never, state: never) => unknown
}

/** A dialog as the dispatcher knows it; made by the kit's `dialog`. `D` is what `ctx.begin` may give it. */
export interface Dialog<D = unknown> {
  readonly kind: 'dialog'
  readonly version: number
  readonly state: Schema
  readonly permission?: string
  readonly withinS: number
  readonly start: string
  readonly steps: ReadonlyMap<string, Step>
  readonly finish: (ctx: never, state: never) => unknown
  readonly migrate?: (
    answers: Readonly<Record<string, unknown>>,
    version: number,
  ) => Record<string, unknown> | undefined
  /** Carries the type of what it begins with; never set. */
  readonly input?: D
}

export interface DialogKit<P extends PluginTypes> {
  dialog<S extends Schema>(definition: DialogDefinition<P, S>): Dialog<Partial<z.input<S>>>
}

type DialogInput<D> = D extends Dialog<infer I> ? I : never

/** How a handler begins a dialog. */
export interface Begins<P extends PluginTypes> {
  /**
   * Begins a dialog of this plugin with the actor, in this chat: its first question comes after what the handler
   * returns, and it is written in the same transaction. One that was open there ends.
   *
   * @param given answers that are known already, and keys that have no step
   * @throws OPS_DIALOG, OPS_COMMITTED
   */
  begin<D extends keyof P['dialogs'] & string>(
    dialog: D,
    given?: DialogInput<P['dialogs'][D]>,
  ): void
}
