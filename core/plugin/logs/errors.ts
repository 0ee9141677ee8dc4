import { createHash } from 'node:crypto'
import type { BulkTable, BulkTableSpec } from '../../database/bulk-writer.ts'
import type { Database } from '../../database/connection.ts'
import { codeOf, messageOf } from '../../errors.ts'
import type { LogFields, Logger } from '../../log/logger.ts'
import type { Redactor } from '../../log/redact.ts'

/** Every line of the log that names an error id. */
export const errorReports: BulkTableSpec = {
  name: 'error_reports',
  columns: {
    at: 'timestamptz',
    error_id: 'text',
    event: 'text',
    plugin: 'text',
    what: 'text',
    user_id: 'bigint',
    chat_id: 'bigint',
    update_id: 'bigint',
    job_id: 'text',
    code: 'text',
    message: 'text',
    stack: 'text',
    fingerprint: 'text',
    instance: 'text',
  },
}

/** An error as it was when it happened. Secrets are taken out. */
export interface ErrorReport {
  readonly errorId: string
  readonly at: Date
  /** The log line that tells of it: `update.failed`, `job.dead`. */
  readonly event: string
  readonly plugin?: string
  /** Command, action, event, job or route. */
  readonly what?: string
  /** Telegram ids. */
  readonly userId?: number
  readonly chatId?: number
  readonly updateId?: number
  readonly jobId?: string
  /** A code, else the class of the error. */
  readonly code: string
  readonly message: string
  /** Frames, the innermost first: `at run (plugins/worklog/sheets.ts:12:5)`; empty when there are none. */
  readonly stack: readonly string[]
  /** Of the process that it happened in. */
  readonly instance: string
}

/** An error, and how often the same one happened: of one plugin, with this code and message, at this place. */
export interface KnownError extends ErrorReport {
  readonly times: number
  readonly firstAt: Date
  readonly lastAt: Date
  /** The id of the newest of them. */
  readonly lastErrorId: string
}

export interface ErrorReportsOptions {
  readonly database: Pick<Database, 'query'>
  readonly table: BulkTable
  readonly redact: Redactor
  readonly instance: string
  readonly now: () => Date
  readonly log: Pick<Logger, 'warn'>
}

interface Row {
  at: string
  error_id: string
  event: string
  plugin: string | null
  what: string | null
  user_id: number | null
  chat_id: number | null
  update_id: number | null
  job_id: string | null
  code: string
  message: string
  stack: string
  fingerprint: string
  instance: string
}

const columns = Object.keys(errorReports.columns).join(', ')
const longestMessage = 2_000
const mostFrames = 12
/** An error is told of by several lines: of so many the first one counts. */
const remembered = 500
/** So many of one command, listener or job are kept an hour: whatever fails at each message of a group is known by then. */
const mostAnHour = 200
const hourMs = 3_600_000
const mostCounted = 1_000
/** Where no plugin decides how long reports are kept. */
const keepMs = 90 * 24 * hourMs
/** A plugin that decides does so at least so often. */
const decidedMs = 24 * hourMs

/** What is known of errors under the ids that people were told. */
export class ErrorReports {
  readonly #options: ErrorReportsOptions
  readonly #told = new Set<string>()
  /** How many of each sort were there in this hour. */
  readonly #counts = new Map<string, number>()
  #countedHour = 0
  #decidedAt = Number.NEGATIVE_INFINITY

  constructor(options: ErrorReportsOptions) {
    this.#options = options
  }

  /** Takes a line of the log that names an error id. Never throws. */
  take(event: string, fields: LogFields): void {
    const { errorId, error } = fields
    if (typeof errorId !== 'string' || this.#told.has(errorId)) return
    if (error === undefined && fields.reason === undefined) return
    this.#told.add(errorId)
    for (const oldest of this.#told) {
      if (this.#told.size <= remembered) break
      this.#told.delete(oldest)
    }
    if (!this.#hasRoom(event, fields)) return
    try {
      this.#options.table.push(this.#rowOf(event, errorId, fields))
    } catch {
      // an error with a message of its own that throws: the log has what can be had of it
    }
  }

  async find(errorId: string): Promise<KnownError | undefined> {
    await this.#options.table.flush()
    const [row] = await this.#options.database.query<
      Row & { times: number; first_at: string; last_at: string; last_error_id: string }
    >(
      `select found.*, same.*, newest.last_error_id from
         (select ${columns} from error_reports where error_id = $1 order by at limit 1) found,
         lateral (select count(*)::int as times, min(at) as first_at, max(at) as last_at
           from error_reports where fingerprint = found.fingerprint) same,
         lateral (select error_id as last_error_id
           from error_reports where fingerprint = found.fingerprint order by at desc limit 1) newest`,
      [errorId],
    )
    if (row === undefined) return undefined
    return {
      ...reportOf(row),
      times: row.times,
      firstAt: new Date(row.first_at),
      lastAt: new Date(row.last_at),
      lastErrorId: row.last_error_id,
    }
  }

  /** The newest first. */
  async newest(limit: number): Promise<readonly ErrorReport[]> {
    await this.#options.table.flush()
    const rows = await this.#options.database.query<Row>(
      `select ${columns} from error_reports order by at desc limit $1`,
      [limit],
    )
    return rows.map(reportOf)
  }

  prune(before: Date, signal?: AbortSignal): Promise<number> {
    this.#decidedAt = this.#options.now().getTime()
    return this.#options.table.prune({ column: 'at', before, signal })
  }

  /** Deletes what is older than 90 days if nobody decides what is old: without that the table would grow for ever. */
  async pruneUndecided(signal: AbortSignal): Promise<void> {
    const { table, now } = this.#options
    const nowMs = now().getTime()
    if (nowMs - this.#decidedAt < decidedMs) return
    await table.prune({ column: 'at', before: new Date(nowMs - keepMs), signal })
  }

  #hasRoom(event: string, fields: LogFields): boolean {
    const { now, log } = this.#options
    const hour = Math.floor(now().getTime() / hourMs)
    if (hour !== this.#countedHour || this.#counts.size > mostCounted) this.#counts.clear()
    this.#countedHour = hour
    const { plugin } = fields
    const what = whatOf(fields)
    const sort = JSON.stringify([event, plugin, what])
    const count = (this.#counts.get(sort) ?? 0) + 1
    this.#counts.set(sort, count)
    if (count === mostAnHour + 1) log.warn('errors.not-kept', { plugin, what, most: mostAnHour })
    return count <= mostAnHour
  }

  #rowOf(event: string, errorId: string, fields: LogFields): Record<string, unknown> {
    const { redact, instance, now } = this.#options
    const { error, reason, plugin } = fields
    const code = codeOf(error) ?? (error instanceof Error ? error.name : 'Error')
    const message = redact(error === undefined ? String(reason) : messageOf(error))
    const stack = framesOf(error).map(redact)
    const what = whatOf(fields)
    const own = typeof plugin === 'string' ? plugin : undefined
    return {
      at: now(),
      error_id: errorId,
      event,
      plugin: own,
      what,
      user_id: integer(fields.userId),
      chat_id: integer(fields.chatId),
      update_id: integer(fields.updateId),
      job_id: typeof fields.jobId === 'string' ? fields.jobId : undefined,
      code,
      message: message.slice(0, longestMessage),
      stack: stack.join('\n'),
      fingerprint: fingerprintOf([own ?? '', code, stack[0] ?? '', message]),
      instance,
    }
  }
}

function whatOf({ route, job, path }: LogFields): unknown {
  return [route, job, path].find((name) => typeof name === 'string')
}

/** Where it was thrown, then where what caused it was; without the paths that lead to this folder. */
function framesOf(error: unknown): string[] {
  const frames: string[] = []
  for (
    let each = error, depth = 0;
    each instanceof Error && depth < 3;
    each = each.cause, depth++
  ) {
    const own = String(each.stack ?? '')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.startsWith('at ') && !line.includes('node:internal'))
    if (depth > 0 && own.length > 0) frames.push(`caused by ${codeOf(each) ?? each.name}`)
    frames.push(...own.slice(0, mostFrames / 2))
  }
  const here = `${process.cwd()}/`
  return frames
    .slice(0, mostFrames)
    .map((frame) => frame.replaceAll('file://', '').replaceAll(here, '').slice(0, 300))
}

/** Numbers and ids differ from one time to the next. */
function fingerprintOf([plugin, code, place, message]: readonly [string, string, string, string]) {
  const kind = message.replace(/[0-9a-f]{8,}|\d+/gi, '#').slice(0, 200)
  return createHash('sha256')
    .update(JSON.stringify([plugin, code, place, kind]))
    .digest('base64url')
    .slice(0, 22)
}

function integer(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined
}

function reportOf(row: Row): ErrorReport {
  return {
    errorId: row.error_id,
    at: new Date(row.at),
    event: row.event,
    ...(row.plugin !== null && { plugin: row.plugin }),
    ...(row.what !== null && { what: row.what }),
    ...(row.user_id !== null && { userId: row.user_id }),
    ...(row.chat_id !== null && { chatId: row.chat_id }),
    ...(row.update_id !== null && { updateId: row.update_id }),
    ...(row.job_id !== null && { jobId: row.job_id }),
    code: row.code,
    message: row.message,
    stack: row.stack === '' ? [] : row.stack.split('\n'),
    instance: row.instance,
  }
}
