import type { TransactionSettings } from 'kysely'
import pg from 'pg'
import { codeOf, messageOf, OpsError } from '../errors.ts'
import type { Logger } from '../log/logger.ts'
import type { Session, SessionSource } from './driver.ts'
import { isDatabaseAway } from './failure.ts'
import type { TransactionGuard } from './guard.ts'
import { typeParsers } from './types.ts'

const oldestVersion = 150_000
/** Waiting for a connection: longer means that the pool is too small or that the server is gone. */
const acquireMs = 10_000
const statementMs = 30_000
/** Above the server's own limit: it speaks first unless the network swallows its answer. */
const silenceMs = statementMs + 5_000
const idleInTransactionMs = 60_000
/** Statements of the inbox that are kept prepared: more than there are. */
const mostNamed = 50

/** Who and where, for messages; the password stays out. */
export interface PostgresAddress {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
}

/** What `url` names. @throws OpsError OPS_DATABASE_UNREACHABLE if it is no address at all. */
export function addressOf(url: string): PostgresAddress {
  try {
    const { host, port, user, database } = new pg.Client({ connectionString: url })
    return { host, port, user: user ?? '', database: database ?? '' }
  } catch (error) {
    // The parser's own message would repeat the text, password and all.
    throw new OpsError('OPS_DATABASE_UNREACHABLE', 'DATABASE_URL is not a PostgreSQL address', {
      hint: 'Write it as postgres://user:password@host:5432/database.',
      details: { reason: codeOf(error) },
    })
  }
}

/** Settings of every connection of ours; `name` shows in `pg_stat_activity`. */
export function clientOptions(url: string, name: string): pg.ClientConfig {
  const types = new pg.TypeOverrides()
  for (const [oid, parse] of Object.entries(typeParsers)) {
    types.setTypeParser(Number(oid), (text: string) => parse(text))
  }
  return {
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: acquireMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    statement_timeout: statementMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    types,
  }
}

/** A pool whose connections may break without ending the process. */
export function createPool(options: {
  url: string
  name: string
  max: number
  log: Logger
  /** The server's settings for these connections, as its command line has them. */
  settings?: string
}): pg.Pool {
  const { url, name, settings } = options
  const pool = new pg.Pool({
    ...clientOptions(url, name),
    ...(settings === undefined ? {} : { options: settings }),
    max: options.max,
    idleTimeoutMillis: 30_000,
    // The bot's own lifetime is not the pool's business: an idle client must not keep a stopped process.
    allowExitOnIdle: true,
  })
  // `pg` emits 'error' on idle clients through the pool and on held ones directly; either without a listener is fatal.
  pool.on('error', (error) => options.log.warn('database.connection-lost', { error }))
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
  })
  return pool
}

/** Opens one connection to see whether everything is there. @throws OpsError OPS_DATABASE_… saying what is not. */
export async function checkServer(pool: pg.Pool, address: PostgresAddress): Promise<void> {
  let version: number
  try {
    const { rows } = await pool.query<{ version: number }>(
      "select current_setting('server_version_num')::int as version",
    )
    version = rows[0]?.version ?? 0
  } catch (error) {
    throw openingError(error, address)
  }
  if (version >= oldestVersion) return
  const major = Math.floor(version / 10_000)
  throw new OpsError(
    'OPS_DATABASE_VERSION',
    `PostgreSQL at ${address.host}:${address.port} is version ${major}; 15 or later is needed`,
    { details: { ...address, version } },
  )
}

/** Says what kept us from connecting: address named, password never. */
export function openingError(error: unknown, address: PostgresAddress): OpsError {
  const { host, port, user, database } = address
  const code = codeOf(error)
  const details = { ...address, reason: code ?? messageOf(error) }
  // 'SASL: … client password must be a string' is how pg says that none was given.
  if (code === '28P01' || code === '28000' || messageOf(error).startsWith('SASL')) {
    return new OpsError(
      'OPS_DATABASE_AUTH',
      `PostgreSQL at ${host}:${port} refused the user "${user}"`,
      { details },
    )
  }
  if (code === '3D000') {
    return new OpsError(
      'OPS_DATABASE_MISSING',
      `PostgreSQL at ${host}:${port} has no database "${database}"`,
      {
        hint: `Correct the name in DATABASE_URL, or create it: createdb -h ${host} -p ${port} -U ${user} ${database}`,
        details,
      },
    )
  }
  return new OpsError(
    'OPS_DATABASE_UNREACHABLE',
    `PostgreSQL at ${host}:${port} can't be reached (${code ?? messageOf(error)})`,
    { details },
  )
}

/** Connections for Kysely out of a pool. */
export class PoolSource implements SessionSource {
  readonly #pool: pg.Pool
  readonly #guard: TransactionGuard

  constructor(pool: pg.Pool, guard: TransactionGuard) {
    this.#pool = pool
    this.#guard = guard
  }

  async acquire(): Promise<Session> {
    try {
      return new PostgresSession(await this.#pool.connect(), this.#guard)
    } catch (error) {
      const { totalCount, options } = this.#pool
      const usedUp = totalCount >= options.max && messageOf(error).startsWith('timeout exceeded')
      if (!usedUp) throw error
      throw new OpsError(
        'OPS_DATABASE_BUSY',
        `All ${options.max} connections were in use for ${acquireMs / 1000} s`,
        { cause: error },
      )
    }
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }
}

class PostgresSession implements Session {
  readonly #client: pg.PoolClient
  readonly #guard: TransactionGuard

  constructor(client: pg.PoolClient, guard: TransactionGuard) {
    this.#client = client
    this.#guard = guard
  }

  async query(sql: string, parameters: readonly unknown[]) {
    const result = await this.#send(sql, parameters)
    return { rows: result.rows, numAffectedRows: BigInt(result.rowCount ?? 0) }
  }

  async begin({ isolationLevel, accessMode }: TransactionSettings): Promise<void> {
    const level = isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`
    await this.#send(`begin${level}${accessMode === undefined ? '' : ` ${accessMode}`}`)
  }

  async commit(): Promise<void> {
    const { command } = await this.#send('commit')
    // After a failed statement whose error was swallowed COMMIT "succeeds" by rolling back.
    if (command !== 'ROLLBACK') return
    throw new OpsError(
      'OPS_TRANSACTION_ABORTED',
      'PostgreSQL rolled the transaction back at COMMIT',
    )
  }

  async rollback(): Promise<void> {
    await this.#send('rollback')
  }

  release(broken: boolean): void {
    this.#client.release(broken)
  }

  async #send(text: string, parameters: readonly unknown[] = []): Promise<pg.QueryResult> {
    return send(this.#client, text, parameters, this.#guard.unlimited ? undefined : silenceMs)
  }
}

/** One statement; several in one text without parameters answer with the rows of all. */
async function send(
  client: pg.PoolClient,
  text: string,
  parameters: readonly unknown[],
  silence: number | undefined,
  name?: string,
): Promise<pg.QueryResult> {
  // pg's own limit notices a network that swallows the answer, where the server's can't; its types lack it.
  const query: pg.QueryConfig & { query_timeout?: number | undefined } = {
    text,
    values: [...parameters],
    query_timeout: silence,
    ...(name === undefined ? {} : { name }),
  }
  const result: pg.QueryResult | pg.QueryResult[] = await client.query(query)
  if (!Array.isArray(result)) return result
  const last = result.at(-1)
  if (last === undefined) throw new OpsError('OPS_INTERNAL', 'A query without any statement')
  return { ...last, rows: result.flatMap(({ rows }) => rows) }
}

/** A statement that was prepared is gone, or its tables have changed: another connection prepares it anew. */
function isOutdated(error: unknown): boolean {
  const code = codeOf(error)
  return code === '26000' || code === '0A000'
}

/**
 * A few connections of their own, so that accepts never queue behind handlers' transactions. The statements are few and
 * always the same: each connection has them parsed and planned once.
 */
export function poolQuery(
  pool: pg.Pool,
  guard: TransactionGuard,
): <Row>(sql: string, parameters?: readonly unknown[]) => Promise<Row[]> {
  const names = new Map<string, string>()
  const nameOf = (sql: string) => {
    const name = names.get(sql) ?? `inbox ${names.size}`
    if (names.size < mostNamed) names.set(sql, name)
    return names.has(sql) ? name : undefined
  }
  return async <Row>(sql: string, parameters: readonly unknown[] = []) => {
    guard.check()
    const client = await pool.connect()
    let broken = false
    try {
      const { rows } = await send(client, sql, parameters, silenceMs, nameOf(sql))
      // The caller's promise about its own SQL.
      return rows as Row[]
    } catch (error) {
      broken = isDatabaseAway(error) || isOutdated(error)
      throw error
    } finally {
      client.release(broken)
    }
  }
}
