import { Migration } from '@mikro-orm/migrations'
import { expect } from 'chai'
import pg from 'pg'
import { type Database, openDatabase } from '../../../../core/database/connection.ts'
import { coreEntities } from '../../../../core/database/entities/index.ts'
import { coreMigrations, migrationHash } from '../../../../core/database/migration/core.ts'
import {
  migrate,
  pendingMigrations,
  redo,
  undo,
  undoable,
} from '../../../../core/database/migration/migrator.ts'
import { reviewMigrations } from '../../../../core/database/migration/review.ts'
import type { MigrationClass, MigrationSet } from '../../../../core/database/migration/set.ts'
import { missingFromSchema, schemaNeeds } from '../../../../core/database/schema-check.ts'
import { exitOfChild, messageOfChild, startChild } from '../../../support/child.ts'
import { freshDatabase, freshUrl, testKind } from '../../../support/database.ts'
import { silentLog } from '../../../support/log.ts'
import { rejected } from '../../../support/rejected.ts'

function migration(...statements: string[]): MigrationClass {
  return class extends Migration {
    override up(): void {
      for (const statement of statements) this.addSql(statement)
    }
  }
}

function reversible(up: string, down: string): MigrationClass {
  return class extends Migration {
    override up(): void {
      this.addSql(up)
    }
    override down(): void {
      this.addSql(down)
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
      expect(error.hint).to.contain('new migration').and.contain('redo --plugin trial')
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

  describe('that break the version before', () => {
    const marked = (up: string, down?: string): MigrationClass =>
      Object.assign(down === undefined ? migration(up) : reversible(up, down), { breaking: true })
    const gone = {
      name: '0002_gone',
      class: marked(
        'alter table trial_entries drop column note',
        'alter table trial_entries add note text',
      ),
      hash: 'h2',
    }
    const noted = { ...first, class: migration('create table trial_entries (id int, note text)') }
    const columns = async () =>
      (
        await database.query<{ name: string }>(
          "select attname::text as name from pg_attribute where attrelid = 'trial_entries'::regclass and attnum > 0 and not attisdropped",
        )
      ).map(({ name }) => name)

    beforeEach(() => migrate(database, set(noted)))

    it('are refused before anything runs unless they are marked, also when their own code hides it', async () => {
      class Hiding extends Migration {
        override async up(): Promise<void> {
          await this.execute('drop table trial_entries').catch(() => undefined)
        }
      }
      const unmarked = [
        migration('create table trial_extra (id int)', 'drop table trial_entries'),
        Hiding,
      ]
      for (const class_ of unmarked) {
        const error = await rejected(
          migrate(
            database,
            set(noted, { name: '0002_bad', class: class_, hash: 'h', file: '/x.ts' }),
          ),
        )
        expect(error.code).to.equal('OPS_MIGRATION_UNMARKED')
        expect(error.message).to.contain('0002_bad').and.contain('drop table trial_entries')
        expect(error.details).to.include({ file: '/x.ts' })
        expect(await tables()).to.deep.equal(['trial_entries'])
      }
    })

    it('are refused while code that knows the old schema serves here, or elsewhere', async () => {
      const here = await rejected(migrate(database, set(noted, gone), { during: 'serving' }))
      expect(here.code).to.equal('OPS_MIGRATION_NEEDS_MAINTENANCE')
      const others = async () => ['bot-2 (process 77)']
      for (const during of ['held', 'maintenance'] as const) {
        const error = await rejected(migrate(database, set(noted, gone), { during, others }))
        expect(error.code).to.equal('OPS_MIGRATION_NEEDS_MAINTENANCE')
        expect(error.message).to.contain('0002_gone').and.contain('bot-2 (process 77)')
        expect(error.hint).to.contain('opsgram migrate')
      }
      expect(await columns()).to.deep.equal(['id', 'note'])
    })

    it('run when nobody is in the way, and are undone by their down', async () => {
      const more = {
        name: '0003_more',
        class: reversible(
          'alter table trial_entries add more int',
          'alter table trial_entries drop column more',
        ),
        hash: 'h3',
      }
      const before = { name: '0001b_before', class: second.class, hash: 'hb' }
      const { applied } = await migrate(
        database,
        set(
          noted,
          { ...before, class: migration('alter table trial_entries add early int') },
          gone,
          more,
        ),
      )
      expect(await columns()).to.deep.equal(['id', 'early', 'more'])
      const all = set(noted, before, gone, more)
      const names = undoable(all, applied)
      expect(names).to.deep.equal(['0002_gone', '0003_more'])
      await undo(database, all, names)
      expect(await columns()).to.deep.equal(['id', 'early', 'note'])
      expect(await pendingMigrations(database, all)).to.deep.equal(names)
    })

    it('need a down, and so does what comes after them', async () => {
      const bare = { ...gone, class: marked('alter table trial_entries drop column note') }
      const after = { ...second, name: '0003_after' }
      for (const [migrations, name] of [
        [[noted, bare], '0002_gone'],
        [[noted, gone, after], '0003_after'],
      ] as const) {
        const error = await rejected(migrate(database, set(...migrations)))
        expect(error.code).to.equal('OPS_MIGRATION_NO_DOWN')
        expect(error.message).to.contain(name)
      }
    })

    it('undo nothing when a down fails', async () => {
      const odd = {
        ...gone,
        class: marked(
          'alter table trial_entries drop column note',
          'alter table nothing add x int',
        ),
      }
      await migrate(database, set(noted, odd))
      const error = await rejected(undo(database, set(noted, odd), ['0002_gone']))
      expect(error.code).to.equal('OPS_MIGRATION_DOWN_FAILED')
      expect(error.message).to.contain('0002_gone').and.contain('alter table nothing add x int')
      expect(await pendingMigrations(database, set(noted, odd))).to.deep.equal([])
    })

    it('let no older version serve any more', async () => {
      await migrate(database, set(noted, gone))
      const error = await rejected(migrate(database, set(noted)))
      expect(error.code).to.equal('OPS_MIGRATION_NEWER')
      expect(error.message).to.contain('0002_gone')
    })

    it('break nothing where no version has been', async () => {
      const fresh = { ...gone, class: marked('alter table trial_entries drop column note') }
      await database.query('drop table trial_entries, migrations_trial')
      const { applied } = await migrate(database, set(noted, fresh), { during: 'serving' })
      expect(applied).to.deep.equal(['0001_first', '0002_gone'])
      expect((await rejected(migrate(database, set(noted)))).code).to.equal('OPS_MIGRATION_NEWER')
    })

    it('may be unmarked where the person who runs them sees to it that nobody serves', async () => {
      const unmarked = { ...gone, class: migration('alter table trial_entries drop column note') }
      await migrate(database, set(noted, unmarked), { during: 'maintenance' })
      expect(await columns()).to.deep.equal(['id'])
      expect((await rejected(migrate(database, set(noted)))).code).to.equal('OPS_MIGRATION_NEWER')
    })

    it('are known in tables of records from before there were any', async () => {
      await database.query('alter table migrations_trial drop column breaking')
      expect(await pendingMigrations(database, set(noted, gone))).to.deep.equal(['0002_gone'])
      await migrate(database, set(noted, gone))
      expect((await rejected(migrate(database, set(noted)))).code).to.equal('OPS_MIGRATION_NEWER')
    })
  })

  it('is never asked to end its own transaction', async () => {
    for (const statement of ['commit', 'rollback; create table trial_extra (id int)']) {
      const error = await rejected(
        migrate(database, set(first, { name: '0002_end', class: migration(statement), hash: 'h' })),
      )
      expect(error.code).to.equal('OPS_MIGRATION_FAILED')
      expect(error.message).to.contain('one transaction')
      expect(await tables()).to.deep.equal([])
    }
  })

  describe('redone while it is being written', () => {
    const draft = (up: string, down: string, hash: string) => ({
      name: '0002_draft',
      class: reversible(up, down),
      hash,
    })

    it('is undone and runs as it is now', async () => {
      const drop = 'alter table trial_entries drop column a'
      await migrate(database, set(first, draft('alter table trial_entries add a int', drop, 'v1')))
      const edited = set(first, draft('alter table trial_entries add a text', drop, 'v2'))
      expect(await redo(database, edited)).to.equal('0002_draft')
      await database.query("insert into trial_entries values (1, 'text')")
      expect(await pendingMigrations(database, edited)).to.deep.equal([])
    })

    it('stays as it was when it fails', async () => {
      const drop = 'alter table trial_entries drop column a'
      const kept = set(first, draft('alter table trial_entries add a int', drop, 'v1'))
      await migrate(database, kept)
      const error = await rejected(redo(database, set(first, draft('select nonsense', drop, 'v2'))))
      expect(error.code).to.equal('OPS_MIGRATION_FAILED')
      await database.query('insert into trial_entries values (1, 2)')
      expect(await pendingMigrations(database, kept)).to.deep.equal([])
    })

    it('is refused without a down, when an earlier one was edited, and when nothing has run', async () => {
      expect((await rejected(redo(database, set(first)))).code).to.equal('OPS_MIGRATION_NOTHING')
      await migrate(database, set(first, second))
      expect((await rejected(redo(database, set(first, second)))).code).to.equal(
        'OPS_MIGRATION_NO_DOWN',
      )
      const odd = set({ ...first, hash: 'other' }, draft('select 1', 'select 1', 'h2'))
      await database.query(
        "update migrations_trial set name = '0002_draft' where name = '0002_second'",
      )
      expect((await rejected(redo(database, odd))).code).to.equal('OPS_MIGRATION_EDITED')
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

  it('knows the core’s migrations to be additive: instances of two versions live side by side', async () => {
    await database.query('drop schema public cascade; create schema public')
    const reviews = await reviewMigrations(database, await coreMigrations())
    // looked at by hand: what they change or refuse, no version before wrote
    const harmless = [
      '0010_auth_epoch: create trigger bot_users_auth_epoch ',
      '0014_access: create trigger bot_users_auth_epoch_up ',
      '0018_people_screens: create trigger audit_log_no_delete ',
      '0024_settings_of_people_and_chats: create trigger bot_users_auth_epoch_language ',
      '0042_inbox_by_update: alter table inbox drop constraint inbox_pkey, add primary key (',
      '0032_versions_of_chat_settings: create trigger chat_settings_version ',
    ]
    const breaking = reviews.flatMap(({ migration, breaking: marked, findings }) =>
      marked
        ? []
        : findings.flatMap(({ statement, verdict }) =>
            verdict.kind === 'breaking' ? [`${migration.name}: ${statement.text}`] : [],
          ),
    )
    const unknown = breaking.filter((text) => !harmless.some((known) => text.startsWith(known)))
    expect(unknown).to.deep.equal([])
    expect(reviews[0]?.tables).to.include('bot_users')
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
      const file = new URL('../fixtures/migrate.ts', import.meta.url)
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

    it('stops one that takes too long while handlers wait for its tables', async () => {
      const own = await openDatabase({ url, dir: '', log: silentLog })
      try {
        const slow = {
          name: '0009_slow',
          class: migration('create table trial_extra (id int)', 'select pg_sleep(20)'),
          hash: 'h',
        }
        const error = await rejected(
          migrate(own, set(slow), { during: 'serving', statementLimitMs: 200 }),
        )
        expect(error.code).to.equal('OPS_MIGRATION_SLOW')
        expect(error.message).to.contain('0009_slow').and.contain('0.2 s').and.contain('pg_sleep')
        expect(await own.query("select to_regclass('trial_extra') as found")).to.deep.equal([
          { found: null },
        ])
      } finally {
        await own.close()
      }
    })

    it('gives up soon when a table that it needs is kept locked', async () => {
      const own = await openDatabase({ url, dir: '', log: silentLog })
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
