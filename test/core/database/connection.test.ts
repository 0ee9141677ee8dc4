import { expect } from 'chai'
import type { Database } from '../../../core/database/connection.ts'
import { isBadRow, isCommitUnknown, isDatabaseAway } from '../../../core/database/failure.ts'
import { freshDatabase, testKind } from '../../support/database.ts'
import { until } from '../../support/wait.ts'

describe('database connection', () => {
  let database: Database

  before(async () => {
    database = await freshDatabase()
    await database.query(
      'create table notes (id int primary key, at timestamptz, data jsonb, big bigint)',
    )
    await database.query(
      'create table pairs (a int references notes (id) deferrable initially deferred)',
    )
  })

  after(() => database.close())

  beforeEach(() => database.query('truncate notes cascade'))

  it('answers alike on both databases: bigints are numbers, json is parsed, times are text', async () => {
    await database.query('insert into notes values ($1, $2, $3, $4)', [
      1,
      '2026-01-02T03:04:05Z',
      JSON.stringify({ a: [1] }),
      8_000_000_000_000_000,
    ])
    const [row] = await database.query<Record<string, unknown>>(
      'select *, array[big] as bigs, (select count(*) from notes) as c, 9007199254740993 as huge from notes',
    )
    expect(row).to.include({ id: 1, big: 8_000_000_000_000_000, c: 1, huge: 9007199254740993n })
    expect(row?.data).to.deep.equal({ a: [1] })
    expect(row?.bigs).to.deep.equal([8_000_000_000_000_000])
    expect(row?.at).to.be.a('string')
    expect(new Date(String(row?.at)).toISOString()).to.equal('2026-01-02T03:04:05.000Z')
  })

  it('commits what a transaction did and rolls back when it throws', async () => {
    await database.transaction((tx) => tx.query('insert into notes (id) values (1)'))
    const failure = await database
      .transaction(async (tx) => {
        await tx.query('insert into notes (id) values (2)')
        throw new Error('no')
      })
      .catch((error: unknown) => error)
    expect(failure).to.be.an('error').with.property('message', 'no')
    expect(await database.query('select id from notes')).to.deep.equal([{ id: 1 }])
  })

  it('refuses a foreign query inside a transaction instead of hanging', async () => {
    const codes = await database.transaction(async () => [
      await codeOf(database.query('select 1')),
      await codeOf(database.inbox.query('select 1')),
      await codeOf(database.ping()),
      await codeOf(database.transaction(async () => undefined)),
    ])
    expect(codes).to.deep.equal(Array(4).fill('OPS_TRANSACTION_NESTED'))
  })

  it('lets others query while a transaction is open elsewhere', async () => {
    const begun = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    const long = database.transaction(async (tx) => {
      begun.resolve()
      await go.promise
      await tx.query('insert into notes (id) values (1)')
    })
    await begun.promise
    const others = Promise.all([
      database.query('select 1 as one'),
      database.transaction((tx) => tx.query('select 2 as two')),
      database.inbox.query('select 3 as three'),
    ])
    go.resolve()
    await long
    expect(await others).to.deep.equal([[{ one: 1 }], [{ two: 2 }], [{ three: 3 }]])
  })

  it('lets work begun inside a transaction query once that has ended', async () => {
    const ended = Promise.withResolvers<void>()
    const late = await database.transaction(async () => ({
      answer: ended.promise.then(() => database.query('select 1 as one')),
    }))
    ended.resolve()
    expect(await late.answer).to.deep.equal([{ one: 1 }])
  })

  it('says so when COMMIT silently rolled back because a statement had failed', async () => {
    const code = await codeOf(
      database.transaction(async (tx) => {
        await tx.query('insert into notes (id) values (1)')
        await tx.query('select 1/0').catch(() => undefined)
      }),
    )
    expect(code).to.equal('OPS_TRANSACTION_ABORTED')
    expect(await database.query('select id from notes')).to.deep.equal([])
  })

  it('stays usable after COMMIT itself failed', async () => {
    for (let round = 0; round < database.poolMax + 2; round++) {
      const failure = await database
        .transaction((tx) => tx.query('insert into pairs values (99)'))
        .catch((error: unknown) => error)
      expect(isBadRow(failure), String(failure)).to.equal(true)
      expect(isCommitUnknown(failure)).to.equal(false)
    }
    expect(await database.query('select * from pairs')).to.deep.equal([])
  })

  it('runs several statements in one text', async () => {
    await database.query('insert into notes (id) values (1); insert into notes (id) values (2)')
    expect(await database.query('select count(*) as c from notes')).to.deep.equal([{ c: 2 }])
  })

  describe('when the server drops connections', () => {
    before(function () {
      if (testKind === 'embedded') this.skip()
    })

    it('fails the query in flight as "away" and goes on with a new connection', async () => {
      const slow = database.query('select pg_sleep(20)').catch((error: unknown) => error)
      await until('the query is under way', async () => {
        const cut = await database.inbox.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(20)' and datname = current_database()",
        )
        return cut.length > 0
      })
      expect(isDatabaseAway(await slow)).to.equal(true)
      expect(await database.query('select 1 as one')).to.deep.equal([{ one: 1 }])
    })

    it('loses no pool slot to transactions that break', async () => {
      for (let round = 0; round < database.poolMax + 2; round++) {
        const failure = await database
          .transaction(async (tx) => {
            await tx.query('select pg_terminate_backend(pg_backend_pid())').catch(() => undefined)
            await tx.query('select 43')
          })
          .catch((error: unknown) => error)
        expect(isDatabaseAway(failure), String(failure)).to.equal(true)
      }
      expect(await database.query('select 1 as one')).to.deep.equal([{ one: 1 }])
    })

    it('tells a COMMIT without an answer from one that failed', async () => {
      await database.query(`
        create or replace function cut() returns trigger language plpgsql as $$
        begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$`)
      await database.query(`
        create constraint trigger cut after insert on notes deferrable initially deferred
          for each row when (new.id = 77) execute function cut()`)
      const failure = await database
        .transaction((tx) => tx.query('insert into notes (id) values (77)'))
        .catch((error: unknown) => error)
      expect(isCommitUnknown(failure), String(failure)).to.equal(true)
      expect(await database.query('select * from notes')).to.deep.equal([])
    })
  })
})

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: { code?: unknown }) => error.code,
  )
}
