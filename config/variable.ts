import type { z } from 'zod'

/** One variable of the environment: how it is read, and all that its documentation says. */
export interface Variable<T> {
  /** Parses the trimmed text; blank text never gets here, it counts as not set. */
  readonly schema: z.ZodType<T, string>
  /** The value when nothing is set, as one would write it in `.env`; none = optional. */
  readonly fallback?: string
  /** What the documentation says in place of `fallback`, where that depends on other things. */
  readonly fallbackText?: string
  /** Completes the sentence "Accepted: …". */
  readonly accepted: string
  /** What it is for, in one or two sentences. */
  readonly description: string
  /** Shown in `.env.example` when there is no default. */
  readonly example?: string
  /** What to do about a value that isn't accepted, beyond writing an accepted one. */
  readonly hint?: string
  /** Never shown, not even when it is wrong, and taken out of every log line. */
  readonly secret?: boolean
}

/** Variables of one concern, with the heading they have in the documentation. */
export interface Section<V extends Variables = Variables> {
  readonly title: string
  readonly variables: V
}

/** Variables by name. */
export type Variables = Readonly<Record<string, Variable<unknown>>>

/** What a section's variables parse to: certainly there only where the variable has a fallback. */
export type Values<V extends Variables> = {
  readonly [K in keyof V]: V[K] extends Variable<infer T>
    ? V[K] extends { readonly fallback: string }
      ? T
      : T | undefined
    : never
}
