import type { Database } from '../../database/connection.ts'
import { migrateCore } from '../../database/migration/core.ts'
import { installedText } from '../../job/statements.ts'
import type { Logger } from '../../log/logger.ts'

/** What stands in the schema: names of all that can be made there, and the columns of tables. */
const schemaText = `
  select md5(string_agg(what, ',' order by what)) as hash from (
    select concat_ws(' ', relname, relkind, attname, atttypid::regtype, attnotnull) as what
      from pg_class left join pg_attribute on attrelid = pg_class.oid and attnum > 0
     where relnamespace = 'public'::regnamespace
    union all select proname from pg_proc where pronamespace = 'public'::regnamespace
    union all select typname from pg_type where typnamespace = 'public'::regnamespace
    union all select tgname from pg_trigger
    union all select conname from pg_constraint where connamespace = 'public'::regnamespace
  ) objects`

const tablesText = `select quote_ident(tablename) as name from pg_tables where schemaname = 'public' order by name`

/**
 * Empties a database that bots use in turn. The core's tables are kept and emptied, because making them
 * takes longer than all else at a bot's start; if anything but tables was added to the schema, or the
 * core's own were changed, everything is made anew.
 */
export class Emptying {
  readonly #database: Database
  readonly #log: Logger
  #core: { readonly tables: readonly string[]; readonly hash: string } | undefined

  constructor(database: Database, log: Logger) {
    this.#database = database
    this.#log = log
  }

  async run(): Promise<void> {
    await this.#clearJobs()
    if (this.#core !== undefined && (await this.#clear(this.#core))) return
    await this.#database.query('drop schema public cascade; create schema public')
    await migrateCore(this.#database, 'auto', this.#log)
    this.#core = { tables: await this.#tables(), hash: await this.#hash() }
  }

  /** @returns false when what is left is not the core's schema */
  async #clear({ tables, hash }: { tables: readonly string[]; hash: string }): Promise<boolean> {
    const others = (await this.#tables()).filter((name) => !tables.includes(name))
    if (others.length > 0) await this.#database.query(`drop table ${others.join(', ')} cascade`)
    if ((await this.#hash()) !== hash) return false
    // which migrations ran stays true
    const full = tables.filter((name) => name !== 'migrations_core')
    // one statement, so that foreign keys are checked when all are empty; TRUNCATE makes new files, which takes
    // PGlite ten times as long
    const deletions = full.map((name, index) => `d${index} as (delete from ${name})`)
    await this.#database.transaction(async (transaction) => {
      await transaction.query(`set local opsgram.audit_retention = 'on'`)
      await transaction.query(`with ${deletions.join(', ')} select`)
    })
    return true
  }

  /** The queue's tables stay, too: they are no bot's own. */
  async #clearJobs(): Promise<void> {
    const [row] = await this.#database.query<{ jobs: string | null }>(installedText)
    if (row?.jobs) await this.#database.query(`delete from ${row.jobs}`)
  }

  async #tables(): Promise<string[]> {
    return (await this.#database.query<{ name: string }>(tablesText)).map(({ name }) => name)
  }

  async #hash(): Promise<string> {
    return (await this.#database.query<{ hash: string }>(schemaText))[0]?.hash ?? ''
  }
}
