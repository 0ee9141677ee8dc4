import { OptimisticLockError } from '@mikro-orm/core'
import { codeOf, messageOf, OpsError } from '../errors.ts'

/** Socket and resolver errors of Node that mean: nobody answers. */
const socketCodes = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
])

/**
 * SQLSTATEs of a server that can't work now, by class or in full
 * (https://www.postgresql.org/docs/15/errcodes-appendix.html): 08 connection, 28 and 3D000 refused at connecting (a
 * password is being changed, a database restored), 53 resources (also disk full and too many connections), 57P0x
 * shutdown and start-up, 58 system errors, 25006 a primary that became a standby.
 */
const awayStates = /^(?:08...|28000|28P01|3D000|53...|57P0[1-5]|58...|25006)$/

/** What `pg`, `pg-pool` and PGlite say without any code when the connection is gone or can't be had. */
const awayMessages =
  /^(?:Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout|timeout exceeded when trying to connect|timeout expired|database ".*" is not currently accepting connections|Cannot use a pool after calling end|PGlite is closed|PGlite instance is already closed|driver has already been destroyed)/

/** The error and its causes, outermost first; never endless. */
function* chain(error: unknown): Generator<unknown> {
  let current = error
  for (let depth = 0; depth < 8 && current !== undefined && current !== null; depth++) {
    yield current
    current = current instanceof Error ? current.cause : undefined
  }
}

/** What the embedded database says to a text with NUL in it, in the class of broken connections; a server says 22021. */
function isRefusedText(error: unknown): boolean {
  return codeOf(error) === '08P01' && messageOf(error).endsWith('invalid message format')
}

/** Whether the database can't be reached or can't work now: the same call may succeed later as it is. */
export function isDatabaseAway(error: unknown): boolean {
  for (const link of chain(error)) {
    if (isRefusedText(link)) return false
    const code = codeOf(link)
    if (code === 'OPS_DATABASE_UNREACHABLE' || code === 'OPS_DATABASE_BUSY') return true
    if (code !== undefined && (socketCodes.has(code) || awayStates.test(code))) return true
    if (awayMessages.test(messageOf(link))) return true
  }
  return false
}

/** Whether an entity with a `version` column had been changed by somebody else since it was read. */
export function isVersionConflict(error: unknown): boolean {
  for (const link of chain(error)) if (link instanceof OptimisticLockError) return true
  return false
}

/**
 * Whether two transactions got into each other's way, so that the whole work is worth repeating from its reads:
 * serialization failure 40001, deadlock 40P01, lock timeout 55P03, or a version conflict.
 */
export function isConflict(error: unknown): boolean {
  for (const link of chain(error)) {
    const code = codeOf(link)
    if (code === '40001' || code === '40P01' || code === '55P03') return true
  }
  return isVersionConflict(error)
}

/**
 * Whether somebody else was quicker: a conflict, or a row that was not there when it was looked for and now is (unique
 * violation 23505). Repeated from its reads the work finds it.
 */
export function isOvertaken(error: unknown): boolean {
  for (const link of chain(error)) if (codeOf(link) === '23505') return true
  return isConflict(error)
}

/** Whether the row itself was refused: SQLSTATE class 22 (data) or 23 (constraint). Repeating can't help. */
export function isBadRow(error: unknown): boolean {
  for (const link of chain(error)) {
    if (/^2[23]...$/.test(codeOf(link) ?? '') || isRefusedText(link)) return true
  }
  return false
}

/** What is told of a page or an index that can't be read (XX001, XX002); undefined of all else. */
export function damageIn(error: unknown): OpsError | undefined {
  for (const link of chain(error)) {
    if (!/^XX00[12]$/.test(codeOf(link) ?? '')) continue
    const text = `The database found its own files damaged: ${messageOf(link)}`
    return new OpsError('OPS_DATABASE_DAMAGED', text, { cause: error })
  }
  return undefined
}

/**
 * Whether COMMIT was sent and its answer never came: the transaction may stand or not. Read something that it wrote
 * (the inbox row's state) before deciding.
 */
export function isCommitUnknown(error: unknown): boolean {
  for (const link of chain(error)) if (codeOf(link) === 'OPS_COMMIT_UNKNOWN') return true
  return false
}
