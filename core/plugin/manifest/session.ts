import { z } from 'zod'
import { failOn } from './keys.ts'
import { type Fail, objectSchema } from './shape.ts'

type Schema = z.ZodObject

/** What a plugin remembers of a person in a chat, from one update to the next. */
export interface SessionDefinition<S extends Schema> {
  /** Raised when `state` changes so that what is kept doesn't fit any more. */
  version: number
  /** Has to take `{}`: that is what it begins with. Defaults say the rest. */
  state: S
  /** How long after its last change it is remembered, s; default 30 days. */
  withinS?: number
  /** What an older version kept, as this one would have. Undefined, or without it: it begins anew. */
  migrate?(
    state: Readonly<Record<string, unknown>>,
    version: number,
  ): Record<string, unknown> | undefined
}

/** `ctx.session`: the plugin's own state of the actor in this chat. */
export interface SessionView<S extends Schema> {
  /** As it is now, with what this handler has changed. @throws OPS_SESSION when no person is behind the update */
  get(): Promise<z.output<S>>
  /**
   * Changes these keys. Written in the transaction that completes the update, if nobody else has changed it since it was
   * read: else the update runs again.
   *
   * @throws OPS_SESSION when that doesn't fit `state`, or no person is behind the update; OPS_COMMITTED
   */
  set(changes: Partial<z.input<S>>): Promise<void>
  /** Forgets it. @throws OPS_SESSION, OPS_COMMITTED */
  clear(): Promise<void>
}

/** A plugin without `session` in its manifest has none. */
export type SessionOf<S extends Schema> = [keyof S['shape']] extends [never]
  ? undefined
  : SessionView<S>

/** A session as the core knows it. */
export interface SessionDeclaration {
  readonly version: number
  readonly state: Schema
  readonly withinS: number
  readonly migrate?:
    | ((
        state: Readonly<Record<string, unknown>>,
        version: number,
      ) => Record<string, unknown> | undefined)
    | undefined
}

const sessionSchema = z.strictObject({
  version: z.int().min(1),
  state: objectSchema,
  withinS: z
    .int()
    .min(1)
    .max(366 * 24 * 3600)
    .default(30 * 24 * 3600),
  migrate: z
    .custom<NonNullable<SessionDeclaration['migrate']>>((value) => typeof value === 'function', {
      error: 'a function is expected',
    })
    .optional(),
})

/** What `session` says. */
export function readSession(given: unknown, fail: Fail): SessionDeclaration | undefined {
  if (given === undefined) return undefined
  const parsed = sessionSchema.safeParse(given)
  if (!parsed.success) {
    return failOn('session', parsed.error, sessionSchema, fail)
  }
  if (!parsed.data.state.safeParse({}).success) {
    fail('session: its state has to take {}, with which it begins: give its keys defaults')
  }
  return parsed.data
}
