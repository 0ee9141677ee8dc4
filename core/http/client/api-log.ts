import type { BulkTable, BulkTableSpec } from '../../database/bulk-writer.ts'
import type { Database } from '../../database/connection.ts'
import type { ApiLogRow } from './call.ts'

/** What each attempt of a call is kept with. */
export const apiLogs: BulkTableSpec = {
  name: 'api_logs',
  columns: {
    created_at: 'timestamptz',
    plugin: 'text',
    service: 'text',
    method: 'text',
    url: 'text',
    status: 'integer',
    ms: 'integer',
    attempt: 'integer',
    sent_bytes: 'bigint',
    received_bytes: 'bigint',
    error_code: 'text',
  },
}

/** What calls to one service came to. */
export interface ServiceStatistics {
  readonly service: string
  /** Attempts. */
  readonly calls: number
  /** Those that failed, or were answered with 400 and up. */
  readonly errors: number
  /** Half of them took no longer, ms. */
  readonly p50: number
  readonly p95: number
  readonly lastAt: Date
  /** The newest error: a code, or a status. */
  readonly lastError?: string
}

/** Calls of plugins to other services, as they are on record. */
export interface ApiCallsApi {
  /** By service, those with most calls first. @param since only what is younger */
  statistics(since: Date): Promise<readonly ServiceStatistics[]>
  /** Deletes what is older, in batches. @returns how much */
  prune(before: Date, signal?: AbortSignal): Promise<number>
}

const failed = `(error_code is not null or status >= 400)`

/** Takes rows for `api_logs`, and reads them again. */
export class ApiLog implements ApiCallsApi {
  readonly #database: Pick<Database, 'query'>
  readonly #table: BulkTable

  constructor(database: Pick<Database, 'query'>, table: BulkTable) {
    this.#database = database
    this.#table = table
  }

  take({ at, ...row }: ApiLogRow): void {
    this.#table.push({
      created_at: at,
      plugin: row.plugin,
      service: row.service.slice(0, 200),
      method: row.method.slice(0, 20),
      url: row.url,
      status: row.status,
      ms: Math.round(row.ms),
      attempt: row.attempt,
      sent_bytes: row.sentBytes,
      received_bytes: row.receivedBytes,
      error_code: row.errorCode?.slice(0, 100),
    })
  }

  async statistics(since: Date): Promise<readonly ServiceStatistics[]> {
    // what was just called counts too
    await this.#table.flush()
    const rows = await this.#database.query<{
      service: string
      calls: number
      errors: number
      p50: number
      p95: number
      last_at: string
      last_error: string | null
    }>(
      `select service, count(*)::int as calls, count(*) filter (where ${failed})::int as errors,
         percentile_disc(0.5) within group (order by ms) as p50,
         percentile_disc(0.95) within group (order by ms) as p95, max(created_at) as last_at,
         (array_agg(coalesce(error_code, status::text) order by created_at desc) filter (where ${failed}))[1]
           as last_error
       from api_logs where created_at >= $1 group by service order by calls desc limit 100`,
      [since.toISOString()],
    )
    return rows.map((row) => ({
      service: row.service,
      calls: row.calls,
      errors: row.errors,
      p50: row.p50,
      p95: row.p95,
      lastAt: new Date(row.last_at),
      ...(row.last_error !== null && { lastError: row.last_error }),
    }))
  }

  prune(before: Date, signal?: AbortSignal): Promise<number> {
    return this.#table.prune({ column: 'created_at', before, signal })
  }
}
