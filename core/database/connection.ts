import { resolve } from 'node:path'
import { CompiledQuery, type Kysely } from 'kysely'
import { OpsError } from '../errors.ts'
import type { Logger } from '../log/logger.ts'
import { SharedKysely } from './driver.ts'
import { EmbeddedSource, openEmbedded, stillFiles } from './embedded.ts'
import { lockFolder } from './folder-lock.ts'
import { TransactionGuard } from './guard.ts'
import {
  addressOf,
  checkServer,
  createPool,
  openingError,
  PoolSource,
  poolQuery,
} from './postgres.ts'
import { ServerSession } from './session.ts'
import type { StillFiles } from './still-files.ts'

/** Something that runs SQL. Times come back as PostgreSQL's text, bigints as numbers, json parsed. */
export interface Queries {
  query<Row>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>
}

/** The one database of the process: PostgreSQL, or the embedded one. Reloads come and go, this stays. */
export interface Database extends Queries {
  readonly kind: 'postgres' | 'embedded'
  readonly kysely: SharedKysely
  /** Connections of their own for the inbox on PostgreSQL; the same one session when embedded. */
  readonly inbox: Queries
  /** The connection on which instances tell each other that they live; undefined when embedded, where no other can be. */
  readonly session: ServerSession | undefined
  /** Of the embedded one: its files at one moment; undefined on PostgreSQL, which has tools for that. */
  readonly still: StillFiles | undefined
  /** Most connections that handlers can have at once. */
  readonly poolMax: number
  /**
   * Runs `work` in one transaction; a throw rolls back.
   *
   * @throws OpsError OPS_COMMIT_UNKNOWN, OPS_TRANSACTION_ABORTED; OPS_TRANSACTION_NESTED for queries inside `work`
   * that don't go through `transaction`.
   */
  transaction<T>(work: (transaction: Queries) => Promise<T>): Promise<T>
  /** Resolves when the database answers. */
  ping(): Promise<void>
  close(): Promise<void>
}

export interface DatabaseOptions {
  /** PostgreSQL's address; without it the embedded database in `dir` is used. */
  url?: string | undefined
  /** Folder of the embedded database. */
  dir: string
  log: Logger
  /** Most connections of handlers on PostgreSQL; default 10. The inbox has 2 and the instance 1 beside them. */
  poolMax?: number
}

/**
 * Opens the database. Embedded it makes sure that no other process uses it; PostgreSQL is for as many as like.
 *
 * @throws OpsError OPS_DATABASE_UNREACHABLE, OPS_DATABASE_AUTH, OPS_DATABASE_MISSING, OPS_DATABASE_VERSION,
 * OPS_DATABASE_DAMAGED, OPS_DATABASE_IN_USE
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  return options.url === undefined
    ? openFolder(resolve(options.dir))
    : openServer({ ...options, url: options.url })
}

async function openFolder(folder: string): Promise<Database> {
  const lock = await lockFolder(folder)
  try {
    const pglite = await openEmbedded(folder)
    const kysely = new SharedKysely(new EmbeddedSource(pglite))
    const queries = over(kysely)
    return {
      kind: 'embedded',
      kysely,
      ...queries,
      inbox: queries,
      session: undefined,
      still: stillFiles(pglite),
      poolMax: 1,
      async close() {
        await kysely.destroy()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

async function openServer(options: DatabaseOptions & { url: string }): Promise<Database> {
  const { url, log, poolMax = 10 } = options
  const address = addressOf(url)
  const guard = new TransactionGuard()
  const pool = createPool({ url, name: 'opsgram', max: poolMax, log })
  // their plans are made once, perhaps of a table that is still empty: all of them have an index
  const settings = '-c enable_seqscan=off -c jit=off'
  const inboxPool = createPool({ url, name: 'opsgram inbox', max: 2, log, settings })
  try {
    await checkServer(pool, address)
  } catch (error) {
    await Promise.all([pool.end(), inboxPool.end()])
    throw error instanceof OpsError ? error : openingError(error, address)
  }
  const kysely = new SharedKysely(new PoolSource(pool, guard), guard)
  const session = new ServerSession({ url, log })
  const inboxQuery = poolQuery(inboxPool, guard)
  return {
    kind: 'postgres',
    kysely,
    ...over(kysely),
    inbox: {
      query: (sql, parameters) => kysely.times.of(sql, () => inboxQuery(sql, parameters)),
    },
    session,
    still: undefined,
    poolMax,
    async close() {
      await Promise.all([kysely.destroy(), inboxPool.end(), session.close()])
    },
  }
}

function over(kysely: SharedKysely): Pick<Database, 'query' | 'transaction' | 'ping'> {
  const { query } = queriesOf(kysely)
  return {
    query,
    transaction: (work) =>
      kysely
        .transaction()
        .execute((transaction) => kysely.guard.run(() => work(queriesOf(transaction)))),
    async ping() {
      await query('select 1')
    },
  }
}

/** Plain SQL over Kysely, or over one of its transactions. */
export function queriesOf(kysely: Kysely<unknown>): Queries {
  return {
    async query<Row>(sql: string, parameters: readonly unknown[] = []) {
      // The caller's promise about its own SQL.
      return (await kysely.executeQuery(CompiledQuery.raw(sql, [...parameters]))).rows as Row[]
    },
  }
}
