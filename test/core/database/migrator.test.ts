import { Migration } from '@mikro-orm/migrations'
import { expect } from 'chai'
import pg from 'pg'
import { type Database, openDatabase } from '../../../core/database/connection.ts'
import { coreMigrations, migrationHash } from '../../../core/database/core-migrations.ts'
import { coreEntities } from '../../../core/database/entities/index.ts'
import {
  type MigrationClass,
  type MigrationSet,
  migrate,
  pendingMigrations,
} from '../../../core/database/migrator.ts'
import { missingFromSchema, schemaNeeds } from '../../../core/database/schema-check.ts'
import { exitOfChild, messageOfChild, startChild } from '../../support/child.ts'
import { freshDatabase, freshUrl, testKind } from '../../support/database.ts'
import { silentLog } from '../../support/log.ts'
import { rejected } from '../../support/rejected.ts'

function migration(...statements: string[]): MigrationClass {
  return class extends Migration {
    override up(): void {
      for (const statement of statements) this.addSql(statement)
    }
  }
}

const first = {
  name: '0001_first',
  class: migration('create table trial_entries (id int primary key)'),
  hash: 'h1',
}
const second = {
  name: '0002_second',
  class: migration(
    "alter table trial_entries add note text; comment on table trial_entries is 'x'",
  ),
  hash: 'h2',
}
const set = (...migrations: MigrationSet['migrations']): MigrationSet => ({
  owner: 'trial',
  migrations,
})

describe('migrator', () => {
  let database: Database

  before(async () => {
    database = await freshDatabase()
  })

  after(() => database.close())

  beforeEach(() =>
    database.query(
      'drop table if exists trial_entries, trial_extra, migrations_trial, migrations_race cascade',
    ),
  )

  const tables = async () =>
    (
      await database.query<{ name: string }>(
        "select relname::text as name from pg_class where relkind = 'r' and relname like 'trial%' order by 1",
      )
    ).map(({ name }) => name)

  it('runs what is pending in the order of names, once', async () => {
    expect(await pendingMigrations(database, set(second, first))).to.deep.equal([
      '0001_first',
      '0002_second',
    ])
    expect((await migrate(database, set(second, first))).applied).to.deep.equal([
      '0001_first',
      '0002_second',
    ])
    expect(await pendingMigrations(database, set(first, second))).to.deep.equal([])
    expect((await migrate(database, set(first, second))).applied).to.deep.equal([])
    await database.query("insert into trial_entries values (1, 'a')")
  })

  it('runs code of a migration inside the same transaction', async () => {
    class Filling extends Migration {
      override async up(): Promise<void> {
        await this.execute('create table trial_extra (id int)')
        await this.getEntityManager().execute('insert into trial_extra values (1)')
        this.addSql('insert into trial_extra values (2)')
      }
    }
    await migrate(database, set({ name: '0001_filling', class: Filling, hash: 'h' }))
    expect(await database.query('select id from trial_extra order by 1')).to.deep.equal([
      { id: 1 },
      { id: 2 },
    ])
  })

  it('keeps the records of each owner apart', async () => {
    await migrate(database, set(first))
    const other = { ...first, class: migration('create table trial_extra (id int)') }
    const { applied } = await migrate(database, { owner: 'race', migrations: [other] })
    expect(applied).to.deep.equal(['0001_first'])
    expect(await tables()).to.deep.equal(['trial_entries', 'trial_extra'])
  })

  it('leaves the schema as it was when one of several fails, and says which statement', async () => {
    const bad = {
      name: '0003_bad',
      class: migration('create table trial_extra (id int)', 'select 1 / 0 as boom'),
      hash: 'h3',
    }
    const error = await rejected(migrate(database, set(first, second, bad)))
    expect(error.code).to.equal('OPS_MIGRATION_FAILED')
    expect(error.message).to.contain('0003_bad').and.contain('trial')
    expect(error.message).to.contain('division by zero').and.contain('select 1 / 0 as boom')
    expect(error.message.match(/boom/g), 'the statement once').to.have.length(1)
    expect(error.details).to.include({ owner: 'trial', migration: '0003_bad', sqlState: '22012' })
    expect(await tables()).to.deep.equal([])
    expect(await pendingMigrations(database, set(first, second, bad))).to.have.length(3)
    expect((await migrate(database, set(first, second))).applied).to.have.length(2)
  })

  it('names the migration whose own code throws', async () => {
    class Throwing extends Migration {
      override up(): void {
        throw new Error('no such thing')
      }
    }
    const error = await rejected(
      migrate(database, set({ name: '0001_throwing', class: Throwing, hash: 'h' })),
    )
    expect(error.code).to.equal('OPS_MIGRATION_FAILED')
    expect(error.message).to.contain('0001_throwing').and.contain('no such thing')
  })

  it('refuses one that wants no transaction', async () => {
    class Outside extends Migration {
      override isTransactional(): boolean {
        return false
      }
      override up(): void {}
    }
    const error = await rejected(
      migrate(database, set({ name: '0001_outside', class: Outside, hash: 'h' })),
    )
    expect(error.code).to.equal('OPS_MIGRATION_FAILED')
    expect(error.message).to.contain('transaction')
  })

  it('refuses one that was edited after it had run, with the way out', async () => {
    await migrate(database, set(first))
    const edited = { ...first, hash: 'other' }
    for (const work of [
      migrate(database, set(edited, second)),
      pendingMigrations(database, set(edited)),
    ]) {
      const error = await rejected(work)
      expect(error.code).to.equal('OPS_MIGRATION_EDITED')
      expect(error.message).to.contain('0001_first').and.contain('trial')
      expect(error.hint).to.contain('new migration').and.contain('migrations_trial')
    }
    expect(await pendingMigrations(database, set(first, second))).to.deep.equal(['0002_second'])
  })

  it('lets an older version run on a newer schema, and says what is newer', async () => {
    await migrate(database, set(first, second))
    expect(await migrate(database, set(first))).to.deep.equal({
      applied: [],
      missing: ['0002_second'],
    })
  })

  it('refuses queries from elsewhere while it runs', async () => {
    class Foreign extends Migration {
      override async up(): Promise<void> {
        await database.query('select 1')
      }
    }
    const error = await rejected(
      migrate(database, set({ name: '0001_foreign', class: Foreign, hash: 'h' })),
    )
    expect(error.code).to.equal('OPS_MIGRATION_FAILED')
    expect(error.cause).to.have.property('code', 'OPS_TRANSACTION_NESTED')
  })

  it('makes a schema that the core entities have all they need of', async () => {
    const set = await coreMigrations()
    await migrate(database, set)
    expect(await missingFromSchema(database, schemaNeeds(coreEntities))).to.deep.equal([])
    expect(await pendingMigrations(database, await coreMigrations())).to.deep.equal([])
  })

  it('indexes every foreign key of the core', async () => {
    await migrate(database, await coreMigrations())
    const bare = await database.query(`
      select conrelid::regclass::text as table, conname as key from pg_constraint c
       where contype = 'f' and not exists (
         select 1 from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1])`)
    expect(bare).to.deep.equal([])
  })

  it('takes line endings for no edit', () => {
    expect(migrationHash('a\r\nb\r\n')).to.equal(migrationHash('a\nb\n'))
    expect(migrationHash('a\nb\n')).to.not.equal(migrationHash('a\nc\n'))
  })

  describe('beside others', () => {
    let url: string

    before(async function () {
      if (testKind === 'embedded') this.skip()
      url = await freshUrl()
    })

    it('runs once when two processes begin at the same moment', async () => {
      const file = new URL('./fixtures/migrate.ts', import.meta.url)
      const children = [startChild(file, [url]), startChild(file, [url])]
      await Promise.all(children.map((child) => messageOfChild(child)))
      const answers = Promise.all(children.map((child) => messageOfChild(child)))
      for (const child of children) child.send('go')
      const lists = (await answers).map((answer) => JSON.stringify(answer)).sort()
      expect(lists).to.deep.equal([
        '{"applied":["0001_slow"],"missing":[]}',
        '{"applied":[],"missing":[]}',
      ])
      await Promise.all(children.map(exitOfChild))
    })

    it('gives up soon when a table that it needs is kept locked', async () => {
      const own = await openDatabase({ url, dir: '', log: silentLog, beside: true })
      const other = new pg.Client({ connectionString: url })
      await other.connect()
      try {
        await migrate(own, set(first))
        await other.query('begin; lock table trial_entries')
        const begun = performance.now()
        const error = await rejected(migrate(own, set(first, second)))
        expect(error.code).to.equal('OPS_MIGRATION_LOCKED')
        expect(error.message).to.contain('0002_second')
        expect(performance.now() - begun, 'it would wait for ever').to.be.below(30_000)
        await other.query('rollback')
        expect((await migrate(own, set(first, second))).applied).to.deep.equal(['0002_second'])
      } finally {
        await other.end()
        await own.close()
      }
    })
  })
})
