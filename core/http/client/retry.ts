import { OpsError } from '../../errors.ts'
import { neverArrived } from './exchange.ts'

/** Methods that may simply be made again (RFC 9110, 9.2.2). */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])
/** Answers by which a service says that later may be better. */
const passing = new Set([408, 425, 429, 500, 502, 503, 504])
/** Of these it also says that it did nothing. */
const notDone = new Set([425, 429])

export function isIdempotent(method: string): boolean {
  return idempotent.has(method)
}

/** Whether an attempt that failed so is worth another one, and can't do harm twice. */
export function mayRepeat(
  repeatable: boolean,
  outcome: { readonly status: number } | { readonly error: unknown },
): boolean {
  if ('status' in outcome) {
    return passing.has(outcome.status) && (repeatable || notDone.has(outcome.status))
  }
  const { error } = outcome
  if (!(error instanceof OpsError)) return false
  const isPassing = error.code === 'OPS_API_UNREACHABLE' || error.code === 'OPS_API_TIMEOUT'
  return isPassing && (repeatable || neverArrived(error))
}

/** Whether the service itself is to be blamed. */
export function isBroken(status: number): boolean {
  return status >= 500
}

/**
 * How long a service asks to be left alone, ms: seconds, or a date (RFC 9110, 10.2.3).
 *
 * @param now ms since 1970
 */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1_000
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
