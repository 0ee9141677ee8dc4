import { codeOf, type ErrorCode, errorCodes, OpsError } from '../../errors.ts'
import { HttpError } from '../../http/http-error.ts'
import { refusal } from '../../http/refusal.ts'

/** What a refused request is answered with; a code that isn't here is a failure of the route. */
const statuses = {
  OPS_ROUTE_REQUEST: 400,
  OPS_BEARER_REFUSED: 401,
  OPS_ROUTE_FORBIDDEN: 403,
  OPS_ROUTE_UNKNOWN: 404,
  OPS_ROUTE_AWAY: 404,
  OPS_ROUTE_CONFLICT: 409,
  OPS_BEARER_FAILURES: 429,
  OPS_ROUTE_NO_GATE: 503,
  OPS_ROUTE_BUSY: 503,
  OPS_RELOADED: 503,
  OPS_SHUTDOWN: 503,
  OPS_DEADLINE: 504,
} as const satisfies Partial<Record<ErrorCode, number>>

export type RefusalCode = keyof typeof statuses

/** An answer other than the route's own. */
export interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: object
}

/** Refuses a request. @param waitMs after which it may be sent again */
export function refused(code: RefusalCode, message: string, waitMs?: number): OpsError {
  return new OpsError(code, message, { details: { ...(waitMs !== undefined && { waitMs }) } })
}

/** What a thrown error is answered with. @returns undefined: the route failed, and nothing of the error is told */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof HttpError) {
    const { status, code, message } = error
    return { status, headers: {}, body: { error: { code, message } } }
  }
  const code = codeOf(error)
  if (!(error instanceof OpsError) || code === undefined || !isRefusal(code)) return undefined
  const status = statuses[code]
  const waitMs = error.details?.waitMs ?? (status === 503 ? 1_000 : undefined)
  // who can't prove who they are learns nothing
  const detail = status === 401 || status === 429 ? {} : { detail: error.message }
  return {
    status,
    headers: {
      ...(status === 401 && { 'www-authenticate': 'Bearer realm="opsgram"' }),
      ...(typeof waitMs === 'number' && {
        'retry-after': String(Math.max(1, Math.ceil(waitMs / 1_000))),
      }),
    },
    body: refusal(code, detail),
  }
}

function isRefusal(code: string): code is RefusalCode {
  return Object.hasOwn(errorCodes, code) && Object.hasOwn(statuses, code)
}
