import { CompiledQuery } from 'kysely'
import { type Database, type Queries, queriesOf } from '../database/connection.ts'
import { OpsError } from '../errors.ts'
import type { Logger } from '../log/logger.ts'

/** Schema of pg-boss's own tables. */
export const schema = 'pgboss'
/** All jobs of all plugins: a queue each would be a poller each. */
export const queueName = 'opsgram'

export interface BossOptions {
  database: Database
  log: Logger
  /** `manual`: its tables are not made nor changed here. */
  migrations: 'auto' | 'manual'
  /** Whose time statements name as now, ms since 1970; undefined: the database's own. */
  now: (() => number) | undefined
}

interface OverDatabase {
  readonly db: BossDatabase
}

/** One attempt of a job. */
interface Attempt {
  readonly id: string
  readonly retryCount: number
}

/**
 * What the queue asks of pg-boss. Its own types are not named outside of functions: the declarations of 12.38 don't
 * compile, and a plugin's types lead here.
 */
export interface Boss {
  insert(queue: string, jobs: { id: string }[], over: OverDatabase): Promise<unknown>
  complete(
    queue: string,
    attempts: Attempt[],
    output: undefined,
    over: OverDatabase,
  ): Promise<object>
  fail(queue: string, attempt: Attempt, output: object, over: OverDatabase): Promise<object>
  retry(queue: string, id: string): Promise<object>
  deleteJob(queue: string, id: string): Promise<object>
  stop(how: { graceful: boolean; close: boolean }): Promise<void>
}

/** pg-boss's statements over what runs our own. */
export class BossDatabase {
  readonly #queries: Queries
  readonly #now: (() => number) | undefined

  constructor(queries: Queries, now: (() => number) | undefined) {
    this.#queries = queries
    this.#now = now
  }

  // biome-ignore lint/suspicious/noExplicitAny: the interface is pg-boss's
  async executeSql(text: string, values: unknown[] = []): Promise<{ rows: any[] }> {
    return { rows: await this.#queries.query(this.timed(text), values) }
  }

  /** A statement at the time of the given clock: every one of pg-boss's asks this function for it. */
  timed(text: string): string {
    if (this.#now === undefined) return text
    const now = `timestamptz '${new Date(this.#now()).toISOString()}'`
    return text.replaceAll(`${schema}.job_now()`, now)
  }
}

/** Timers of pg-boss's own that nothing here needs: it starts none. */
const noTimers = {
  now: () => Date.now(),
  setTimeout: () => undefined,
  clearTimeout: () => undefined,
  setInterval: () => undefined,
  clearInterval: () => undefined,
}

/**
 * Opens pg-boss over the bot's own connections, and makes its tables and the queue if they are not there.
 * What it does on its own (polling, maintenance, schedules) stays off.
 *
 * @throws OPS_JOB_TABLES when they are not there or old, and migrations are run by hand
 */
export async function openBoss(options: BossOptions): Promise<Boss> {
  const { database, log, migrations } = options
  // a tenth of a second, which a bot without jobs doesn't spend
  const { PgBoss } = await import('pg-boss')
  const boss = new PgBoss({
    db: new InstallingDatabase(database, options.now),
    schema,
    backend: database.kind === 'embedded' ? 'pglite' : 'postgres',
    migrate: migrations === 'auto',
    supervise: false,
    schedule: false,
    registerInstance: false,
    openTelemetry: { enabled: false },
    clock: noTimers,
  })
  // without a listener an error would end the process
  boss.on('error', (error) => log.warn('job.queue-failed', { error }))
  try {
    await boss.start()
  } catch (error) {
    await boss.stop({ graceful: false, close: false })
    if (migrations === 'auto') throw error
    throw new OpsError('OPS_JOB_TABLES', 'The tables of the job queue are missing or old', {
      cause: error,
    })
  }
  if ((await boss.getQueue(queueName)) === null) await boss.createQueue(queueName)
  return boss
}

/** Several statements in one text hold a transaction of their own, which must not outlive a failure. */
class InstallingDatabase extends BossDatabase {
  readonly #database: Database

  constructor(database: Database, now: (() => number) | undefined) {
    super(database, now)
    this.#database = database
  }

  // biome-ignore lint/suspicious/noExplicitAny: the interface is pg-boss's
  override async executeSql(text: string, values: unknown[] = []): Promise<{ rows: any[] }> {
    if (values.length > 0 || !/^\s*begin\b/i.test(text)) return super.executeSql(text, values)
    return this.#database.kysely.connection().execute(async (connection) => {
      try {
        return { rows: await queriesOf(connection).query(text) }
      } catch (error) {
        await connection.executeQuery(CompiledQuery.raw('rollback')).catch(() => undefined)
        throw error
      }
    })
  }
}
