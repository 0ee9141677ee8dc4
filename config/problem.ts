import { maskSecrets } from './secret.ts'
import type { Variable } from './variable.ts'

/** One value that can't be used. Never holds a secret. */
export interface Problem {
  /** `owners`: nobody could use the bot. */
  readonly kind: 'value' | 'owners'
  readonly variable: string
  /** What was given, quoted; secrets as their length only. */
  readonly given: string
  readonly accepted: string
  readonly hint: string | undefined
}

/** @param given as set; undefined when it is not, and has to be */
export function problemOf(
  name: string,
  variable: Variable<unknown>,
  given: string | undefined,
): Problem {
  return {
    kind: 'value',
    variable: name,
    given: shown(variable, given),
    accepted: variable.accepted,
    hint: variable.hint,
  }
}

function shown(variable: Variable<unknown>, given: string | undefined): string {
  if (given === undefined) return 'nothing'
  if (variable.secret) {
    const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(given)?.[0]
    return `${scheme === undefined ? '' : `${scheme}… `}(${given.length} characters, not shown here)`
  }
  const masked = maskSecrets(given)
  return JSON.stringify(masked.length > 120 ? `${masked.slice(0, 120)}…` : masked)
}
