import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  type TransactionSettings,
} from 'kysely'
import { OpsError } from '../errors.ts'
import { isDatabaseAway } from './failure.ts'
import { TransactionGuard } from './guard.ts'

/** One connection while somebody holds it. */
export interface Session {
  query(sql: string, parameters: readonly unknown[]): Promise<QueryResult<unknown>>
  begin(settings: TransactionSettings): Promise<void>
  /** @throws OpsError OPS_TRANSACTION_ABORTED when the server answered COMMIT with a rollback. */
  commit(): Promise<void>
  rollback(): Promise<void>
  /** Gives the connection back; `broken` throws it away. */
  release(broken: boolean): void
}

/** Where connections come from: a pool, or the only one there is. */
export interface SessionSource {
  acquire(): Promise<Session>
  close(): Promise<void>
}

/** Told of each statement that has ended: without its values, and without the wait for a connection. */
export type QueryListener = (sql: string, ms: number, ok: boolean) => void

/** Tells how long statements take, once somebody listens. */
export class QueryTimes {
  listener: QueryListener | undefined

  async of<T>(sql: string, work: () => Promise<T>): Promise<T> {
    const { listener } = this
    if (listener === undefined) return work()
    const began = performance.now()
    let ok = false
    try {
      const result = await work()
      ok = true
      return result
    } finally {
      listener(sql, performance.now() - began, ok)
    }
  }
}

/** The one Kysely of the process; each generation's ORM borrows it, and nobody but `Database.close` destroys it. */
export class SharedKysely extends Kysely<unknown> {
  readonly guard: TransactionGuard
  readonly times: QueryTimes

  constructor(source: SessionSource, guard = new TransactionGuard(), times = new QueryTimes()) {
    super({ dialect: new SharedDialect(source, guard, times) })
    this.guard = guard
    this.times = times
  }
}

class SharedDialect implements Dialect {
  readonly #source: SessionSource
  readonly #guard: TransactionGuard
  readonly #times: QueryTimes

  constructor(source: SessionSource, guard: TransactionGuard, times: QueryTimes) {
    this.#source = source
    this.#guard = guard
    this.#times = times
  }

  createDriver(): Driver {
    return new SharedDriver(this.#source, this.#guard, this.#times)
  }

  createQueryCompiler(): PostgresQueryCompiler {
    return new PostgresQueryCompiler()
  }

  createAdapter(): PostgresAdapter {
    return new PostgresAdapter()
  }

  createIntrospector(kysely: Kysely<unknown>): DatabaseIntrospector {
    return new PostgresIntrospector(kysely)
  }
}

/**
 * Kysely's side of both databases. Its own drivers lose the connection for good when BEGIN fails, and when
 * COMMIT or ROLLBACK fail (`startTransaction` in kysely 0.29.6 releases only after success): one outage would
 * cost a pool its connections one by one. Here each acquisition is an object of its own that is released once.
 */
class SharedDriver implements Driver {
  readonly #source: SessionSource
  readonly #guard: TransactionGuard
  readonly #times: QueryTimes
  readonly #leases = new WeakMap<DatabaseConnection, Lease>()

  constructor(source: SessionSource, guard: TransactionGuard, times: QueryTimes) {
    this.#source = source
    this.#guard = guard
    this.#times = times
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    this.#guard.check()
    const lease = new Lease(await this.#source.acquire(), this.#guard, this.#times)
    this.#leases.set(lease, lease)
    return lease
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    this.#lease(connection).release()
  }

  async beginTransaction(
    connection: DatabaseConnection,
    settings: TransactionSettings,
  ): Promise<void> {
    const lease = this.#lease(connection)
    try {
      await lease.session.begin(settings)
    } catch (error) {
      lease.noteFailure(error)
      lease.release()
      throw error
    }
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    const lease = this.#lease(connection)
    try {
      await lease.session.commit()
    } catch (error) {
      lease.noteFailure(error)
      if (!isDatabaseAway(error)) throw error
      throw new OpsError(
        'OPS_COMMIT_UNKNOWN',
        'The connection was lost before COMMIT was answered',
        {
          cause: error,
        },
      )
    }
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    const lease = this.#lease(connection)
    if (lease.broken) return
    try {
      await lease.session.rollback()
    } catch {
      // Thrown away, the server rolls back by itself; the error that led here is the one worth telling.
      lease.broken = true
    }
  }

  async savepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await this.#lease(connection).run(`savepoint "${name}"`)
  }

  async rollbackToSavepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await this.#lease(connection).run(`rollback to savepoint "${name}"`)
  }

  async releaseSavepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await this.#lease(connection).run(`release savepoint "${name}"`)
  }

  async destroy(): Promise<void> {
    await this.#source.close()
  }

  #lease(connection: DatabaseConnection): Lease {
    const lease = this.#leases.get(connection)
    if (lease === undefined) throw new OpsError('OPS_INTERNAL', 'A connection of another driver')
    return lease
  }
}

class Lease implements DatabaseConnection {
  readonly session: Session
  broken = false
  readonly #guard: TransactionGuard
  readonly #times: QueryTimes
  #released = false

  constructor(session: Session, guard: TransactionGuard, times: QueryTimes) {
    this.session = session
    this.#guard = guard
    this.#times = times
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    // Kysely's own interface: the rows' type is the caller's promise.
    return (await this.run(query.sql, query.parameters)) as QueryResult<R>
  }

  // biome-ignore lint/correctness/useYield: Kysely asks for the method; neither database streams here
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new OpsError('OPS_INTERNAL', 'Queries are not streamed: read in pages')
  }

  async run(sql: string, parameters: readonly unknown[] = []): Promise<QueryResult<unknown>> {
    this.#guard.inspect(sql)
    try {
      return await this.#times.of(sql, () => this.session.query(sql, parameters))
    } catch (error) {
      this.noteFailure(error)
      throw error
    }
  }

  noteFailure(error: unknown): void {
    if (isDatabaseAway(error)) this.broken = true
  }

  release(): void {
    if (this.#released) return
    this.#released = true
    this.session.release(this.broken)
  }
}
