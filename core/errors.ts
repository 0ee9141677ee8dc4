/** What a code means in general; one error's own message says what happened this time. */
interface ErrorEntry {
  /** What went wrong, as a heading. */
  readonly title: string
  /** What to do about it, unless the error at hand knows better. */
  readonly hint: string
}

/**
 * Every coded error of the project. Codes are stable: people search for them and tests rely on them.
 * `docs/errors.md` is generated from this table.
 */
export const errorCodes = {
  OPS_CONFIG: {
    title: 'A setting has a value that is not accepted',
    hint: 'Correct the variable in the environment or in .env and start again.',
  },
  OPS_INTERNAL: {
    title: 'Something happened that should not be possible',
    hint: 'Please report it with the log lines around it.',
  },
} as const satisfies Record<`OPS_${string}`, ErrorEntry>

export type ErrorCode = keyof typeof errorCodes

export interface OpsErrorOptions {
  /** What to do; replaces the code's general hint. */
  hint?: string
  cause?: unknown
  /** Facts for the log and for cards: plugin, file, line, both sides of a conflict. Never a secret. */
  details?: Readonly<Record<string, unknown>>
}

/** The one error class of the project: a stable code, what happened, and what to do. */
export class OpsError extends Error {
  readonly code: ErrorCode
  readonly hint: string
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: OpsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'OpsError'
    this.code = code
    this.hint = options.hint ?? errorCodes[code].hint
    this.details = options.details ?? {}
  }
}

/** The code of any error: ours, or what Node and PostgreSQL put on theirs. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** What anything thrown says of itself. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
