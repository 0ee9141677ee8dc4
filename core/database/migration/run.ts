import type { Transaction } from '@mikro-orm/core'
import { codeOf, OpsError } from '../../errors.ts'
import { type Database, type Queries, queriesOf } from '../connection.ts'
import { isDatabaseAway } from '../failure.ts'
import { createOrm, type Orm } from '../orm.ts'
import { SchemaReview } from '../sql/review.ts'
import { type Statement, statementsOf } from '../sql/statement.ts'
import type { Verdict } from '../sql/verdict.ts'
import { migrationFailed, shownStatement } from './error.ts'
import { isBreaking, type SourceMigration } from './set.ts'
import { trackingTable } from './tracking.ts'

/** Another process that migrates is worth waiting for. */
const waitForOther = '15s'
/** A table that stays locked is not: a running bot waits behind us. */
const waitForTable = '2s'

/** What tables of earlier versions lack. */
const laterColumns = [
  ['breaking', 'boolean not null default false'],
  ['tables', "jsonb not null default '[]'"],
] as const

interface RunOptions {
  readonly owner: string
  /** How long each statement may take; without it as long as it needs. */
  readonly statementLimitMs?: number
}

/** A statement of which there is more to say than that it is additive. */
export interface Finding {
  readonly statement: Statement
  readonly verdict: Verdict
}

/** One transaction in which migrations of one owner run, up or down. */
export class MigrationRun implements Queries {
  readonly #options: RunOptions
  readonly #orm: Orm
  readonly #transaction: Transaction
  readonly #server: boolean
  /** Told each statement of the migration that runs now, before it is sent. */
  #inspect: ((sql: string) => void) | undefined
  readonly #review = new SchemaReview()
  readonly #findings: Finding[] = []
  /** Whether what runs now is more than code from before can live with. */
  #broke = false

  private constructor(options: RunOptions, orm: Orm, transaction: Transaction, server: boolean) {
    this.#options = options
    this.#orm = orm
    this.#transaction = transaction
    this.#server = server
  }

  /** @throws OpsError OPS_MIGRATION_LOCKED, and what `work` throws; it is rolled back then */
  static async inTransaction<T>(
    database: Database,
    options: RunOptions,
    work: (run: MigrationRun) => Promise<T>,
  ): Promise<T> {
    const orm = await createOrm(database, [])
    const connection = orm.driver.getConnection()
    let run: MigrationRun | undefined
    try {
      return await connection.transactional((transaction) => {
        const begun = new MigrationRun(options, orm, transaction, database.kind === 'postgres')
        run = begun
        return connection.guarded(
          async () => {
            await begun.#begin()
            return work(begun)
          },
          // Building an index may take its time; the guard lifts the limit of the statements inside.
          { unlimited: true, inspect: (sql) => run?.inspect(sql) },
        )
      })
    } catch (error) {
      if (codeOf(error) !== '55P03') throw error
      throw new OpsError(
        'OPS_MIGRATION_LOCKED',
        `Another process has been migrating ${options.owner} for ${waitForOther}`,
        { cause: error, details: { owner: options.owner } },
      )
    }
  }

  query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    return queriesOf(this.#transaction).query(sql, parameters)
  }

  /** What was found in the statements so far. */
  get findings(): readonly Finding[] {
    return this.#findings
  }

  /** Tables that the statements so far have made. */
  get tables(): readonly string[] {
    return this.#review.tables
  }

  /** Shows the migration that runs now one of its statements. */
  private inspect(sql: string): void {
    this.#inspect?.(sql)
  }

  async #begin(): Promise<void> {
    const table = trackingTable(this.#options.owner)
    // The embedded database has one session: nobody to wait for, and its session timeouts can hang it.
    if (this.#server) {
      const limit = Math.ceil(this.#options.statementLimitMs ?? 0)
      await this.query(
        `set local lock_timeout = '${waitForOther}'; set local statement_timeout = 0`,
      )
      await this.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
        `opsgram ${table}`,
      ])
      await this.query(
        `set local lock_timeout = '${waitForTable}'; set local statement_timeout = ${limit}`,
      )
    }
    await this.query(
      `create table if not exists ${table} (
         name text primary key, hash text not null, breaking boolean not null default false,
         tables jsonb not null default '[]', executed_at timestamptz not null default now())`,
    )
    const present = await this.query<{ name: string }>(
      `select attname::text as name from pg_attribute where attrelid = '${table}'::regclass`,
    )
    for (const [name, definition] of laterColumns) {
      if (present.some((column) => column.name === name)) continue
      await this.query(`alter table ${table} add column ${name} ${definition}`)
    }
  }

  /**
   * Whoever wants to know which migrations have run waits until this ends: so an instance that starts meanwhile,
   * unseen when we looked for others, doesn't serve a version that this breaks.
   */
  async keepReadersOut(): Promise<void> {
    if (!this.#server) return
    await this.query(`lock table ${trackingTable(this.#options.owner)} in access exclusive mode`)
  }

  /** @param options judged: whether it is refused what isn't additive */
  async up(migration: SourceMigration, { judged }: { judged: boolean }): Promise<void> {
    this.#broke = isBreaking(migration)
    const before = new Set(this.tables)
    await this.#execute(migration, 'up', judged)
    const made = this.tables.filter((table) => !before.has(table))
    const { name, hash } = migration
    await this.query(
      `insert into ${trackingTable(this.#options.owner)} (name, hash, breaking, tables) values ($1, $2, $3, $4)`,
      [name, hash, this.#broke, JSON.stringify(made)],
    )
  }

  async down(migration: SourceMigration): Promise<void> {
    await this.#execute(migration, 'down', false)
    await this.query(`delete from ${trackingTable(this.#options.owner)} where name = $1`, [
      migration.name,
    ])
  }

  async #execute(source: SourceMigration, way: 'up' | 'down', judged: boolean): Promise<void> {
    const { class: MigrationOf } = source
    let statement: string | undefined
    /** Kept: code of a migration may catch what its statements throw. */
    let refusal: OpsError | undefined
    const inspect = (sql: string) => {
      refusal ??= this.#refusalOf(source, sql, judged)
      if (refusal !== undefined) throw refusal
    }
    this.#inspect = inspect
    try {
      const migration = new MigrationOf(this.#orm.driver, this.#orm.config)
      if (!migration.isTransactional()) {
        throw new Error('isTransactional() is false, but migrations always run in a transaction')
      }
      migration.setTransactionContext(this.#transaction)
      await migration[way]()
      const queries = migration.getQueries()
      // texts all together, before the first runs; what is only now made into one when it is sent
      for (const query of queries) if (typeof query === 'string') inspect(query)
      for (const query of queries) {
        statement = typeof query === 'string' ? query : undefined
        this.#inspect = statement === undefined ? inspect : undefined
        await this.#orm.driver.execute(query, undefined, 'all', this.#transaction)
      }
      if (refusal !== undefined) throw refusal
    } catch (error) {
      if (refusal !== undefined) throw refusal
      if (isDatabaseAway(error)) throw error
      throw this.#failure(source, way, statement, error)
    } finally {
      this.#inspect = undefined
    }
  }

  #refusalOf(source: SourceMigration, sql: string, judged: boolean): OpsError | undefined {
    const { owner } = this.#options
    for (const statement of statementsOf(sql)) {
      const verdict = this.#review.judge(statement)
      if (verdict.kind === 'refused') {
        return migrationFailed(
          'OPS_MIGRATION_FAILED',
          { owner, migration: source },
          statement.text,
          new Error(verdict.why),
        )
      }
      if (verdict.kind === 'additive') {
        if (verdict.note !== undefined) this.#findings.push({ statement, verdict })
        continue
      }
      this.#findings.push({ statement, verdict })
      this.#broke = true
      if (!judged) continue
      const shown = shownStatement(statement.text)
      return new OpsError(
        'OPS_MIGRATION_UNMARKED',
        `Migration ${source.name} of ${owner} is not additive: ${verdict.why}, in: ${shown}`,
        {
          ...(verdict.instead === undefined
            ? {}
            : {
                hint: `${verdict.instead} Or mark it: static readonly breaking = true, with a down.`,
              }),
          details: { owner, migration: source.name, file: source.file, statement: shown },
        },
      )
    }
    return undefined
  }

  #failure(
    migration: SourceMigration,
    way: 'up' | 'down',
    statement: string | undefined,
    error: unknown,
  ): OpsError {
    const { owner } = this.#options
    if (codeOf(error) === '55P03') {
      const { name, file } = migration
      return new OpsError(
        'OPS_MIGRATION_LOCKED',
        `Migration ${name} of ${owner} needs a table that others kept locked for ${waitForTable}`,
        { cause: error, details: { owner, migration: name, file } },
      )
    }
    const code = way === 'up' ? 'OPS_MIGRATION_FAILED' : 'OPS_MIGRATION_DOWN_FAILED'
    return migrationFailed(code, { owner, migration }, statement, error)
  }
}
