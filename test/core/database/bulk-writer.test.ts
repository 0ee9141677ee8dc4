import { expect } from 'chai'
import {
  type BulkTable,
  type BulkWriter,
  createBulkWriter,
} from '../../../core/database/bulk-writer.ts'
import type { Database } from '../../../core/database/connection.ts'
import { prune } from '../../../core/database/prune.ts'
import { freshDatabase } from '../../support/database.ts'
import { recordingLog } from '../../support/log.ts'
import { until } from '../../support/wait.ts'

describe('bulk writer', () => {
  let database: Database
  let writer: BulkWriter
  let table: BulkTable
  let recorded: ReturnType<typeof recordingLog>
  /** Thrown by every query while set. */
  let trouble: Error | undefined
  let queries: number

  before(async () => {
    database = await freshDatabase()
    await database.query(`
      create table lines (id int generated always as identity, at timestamptz, chat_id bigint, n int,
        "order" text, ok boolean, metadata jsonb, share double precision)`)
    await database.query('create index on lines (at)')
  })

  after(() => database.close())

  beforeEach(async () => {
    await database.query('truncate lines')
    trouble = undefined
    queries = 0
    recorded = recordingLog()
    const flaky: Database = {
      ...database,
      async query(sql, parameters) {
        queries++
        if (trouble !== undefined) throw trouble
        return database.query(sql, parameters)
      },
    }
    writer = createBulkWriter({ database: flaky, log: recorded.log })
    table = writer.table({
      name: 'lines',
      columns: {
        at: 'timestamptz',
        chat_id: 'bigint',
        n: 'integer',
        order: 'text',
        ok: 'boolean',
        metadata: 'jsonb',
        share: 'double precision',
      },
    })
  })

  afterEach(() => writer.close(2_000))

  const away = () => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  const count = async () =>
    (await database.query<{ c: number }>('select count(*) as c from lines'))[0]?.c
  const events = () => recorded.lines.map(({ event }) => event)

  it('writes rows with all their kinds of values', async () => {
    const at = new Date('2026-01-02T03:04:05.678Z')
    const metadata = { a: [1, 'x', { b: null }], q: `it's "quoted" \\ {,}` }
    table.push({ at, chat_id: -1_001_234_567_890, n: 7, order: `a,"b"\\{}`, ok: false, metadata })
    table.push({ chat_id: 5n, share: 0.5, ok: true, metadata: 'text' })
    await table.flush()
    const [first, second] = await database.query<Record<string, unknown>>(
      'select * from lines order by id',
    )
    expect(new Date(String(first?.at))).to.deep.equal(at)
    expect(first).to.include({ chat_id: -1_001_234_567_890, n: 7, order: `a,"b"\\{}`, ok: false })
    expect(first?.metadata).to.deep.equal(metadata)
    expect(second).to.include({ at: null, chat_id: 5, share: 0.5, ok: true, metadata: 'text' })
  })

  it('takes out what PostgreSQL refuses in texts, and nothing else', async () => {
    table.push({
      order: 'a\0b\ud83d',
      metadata: { 'k\0': 'v\0w', half: '\ud83d', whole: '👍', literal: '\\u0000 \\\\u0000' },
    })
    await table.flush()
    const [row] = await database.query<Record<string, unknown>>('select * from lines')
    expect(row?.order).to.equal('ab\ufffd')
    expect(row?.metadata).to.deep.equal({
      k: 'vw',
      half: '\ufffd',
      whole: '👍',
      literal: '\\u0000 \\\\u0000',
    })
  })

  it('writes what has gathered by itself, in few statements', async () => {
    for (let n = 0; n < 1_200; n++) table.push({ n })
    await until('all rows are there', async () => (await count()) === 1_200)
    expect(queries).to.be.at.most(4)
    expect(writer.stats).to.deep.equal({ waiting: 0, written: 1_200, dropped: 0, refused: 0 })
    table.push({ n: 1 })
    await until('all rows are there', async () => (await count()) === 1_201)
  })

  it('keeps the row as it was when it was pushed', async () => {
    const metadata = { text: 'then' }
    table.push({ metadata })
    metadata.text = 'now'
    await table.flush()
    expect(await database.query('select metadata from lines')).to.deep.equal([
      { metadata: { text: 'then' } },
    ])
  })

  it('loses only the bad row of a batch', async () => {
    for (let n = 0; n < 300; n++) table.push({ n: n === 117 ? 2 ** 40 : n })
    await table.flush()
    expect(await count()).to.equal(299)
    expect(writer.stats).to.include({ written: 299, refused: 1, waiting: 0 })
    expect(events()).to.deep.equal(['bulk.refused'])
  })

  it('never throws into the caller', async () => {
    const circle: Record<string, unknown> = {}
    circle.self = circle
    table.push({ metadata: circle })
    table.push({ at: new Date(Number.NaN) })
    table.push({ order: Object.create(null) })
    await table.flush()
    expect(writer.stats).to.include({ refused: 3, waiting: 0 })
  })

  it('keeps rows while the database is away and writes them in order when it is back', async () => {
    trouble = away()
    for (let n = 0; n < 20; n++) table.push({ n })
    const flushed = table.flush()
    await until('a second attempt', () => queries >= 2)
    expect(writer.stats).to.include({ waiting: 20, dropped: 0, refused: 0 })
    trouble = undefined
    await flushed
    const rows = await database.query<{ n: number }>('select n from lines order by id')
    expect(rows.map(({ n }) => n)).to.deep.equal(Array.from({ length: 20 }, (_, n) => n))
    expect(events(), 'one line a minute').to.deep.equal(['bulk.waiting'])
  })

  it('drops the newest above 20,000 rows, counts them, and says so once', async () => {
    trouble = away()
    for (let n = 0; n < 20_100; n++) table.push({ n })
    expect(writer.stats).to.include({ waiting: 20_000, dropped: 100 })
    trouble = undefined
    await writer.close(5_000)
    expect(await database.query('select max(n) as newest from lines')).to.deep.equal([
      { newest: 19_999 },
    ])
    expect(events().filter((event) => event === 'bulk.dropped')).to.have.length(1)
  })

  it('gives up a batch when the table is not as it should be, and goes on', async () => {
    const gone = writer.table({ name: 'no_such_table', columns: { n: 'integer' } })
    gone.push({ n: 1 })
    await gone.flush()
    table.push({ n: 1 })
    await table.flush()
    expect(writer.stats).to.include({ refused: 1, written: 1, waiting: 0 })
    expect(recorded.lines[0]).to.have.property('event', 'bulk.refused')
    expect(recorded.lines[0]?.fields).to.include({ table: 'no_such_table', code: '42P01' })
  })

  it('writes from inside a transaction without being part of it', async () => {
    await database
      .transaction(async () => {
        for (let n = 0; n < 500; n++) table.push({ n })
        throw new Error('rolled back')
      })
      .catch(() => undefined)
    await table.flush()
    expect(await count()).to.equal(500)
    expect(events()).to.deep.equal([])
  })

  it('takes no rows after release, but writes those it has', async () => {
    table.push({ n: 1 })
    table.release()
    table.push({ n: 2 })
    await until('all rows are there', async () => (await count()) === 1)
    expect(writer.stats).to.include({ written: 1, dropped: 1 })
  })

  it('stops within its time while the database is away, and says how much is lost', async () => {
    trouble = away()
    for (let n = 0; n < 10; n++) table.push({ n })
    const begun = performance.now()
    await writer.close(100)
    expect(performance.now() - begun, 'it would wait for ever').to.be.below(15_000)
    expect(recorded.lines.at(-1)).to.deep.include({ event: 'bulk.lost', fields: { rows: 10 } })
    expect(writer.stats).to.include({ waiting: 0, dropped: 10 })
  })

  it('writes everything when it is closed in time', async () => {
    for (let n = 0; n < 1_300; n++) table.push({ n })
    await writer.close(5_000)
    expect(await count()).to.equal(1_300)
  })

  describe('prune', () => {
    const fill = () =>
      database.query(
        "insert into lines (at, n) select now() - n * interval '1 minute', n from generate_series(1, 5000) n",
      )

    it('deletes what is older, in batches', async () => {
      await fill()
      const before = new Date(Date.now() - 1_000.5 * 60_000)
      expect(await table.prune({ column: 'at', before })).to.equal(4_000)
      // of 500 where the database is quick, of 100 where it is not
      expect(queries).to.be.within(9, 41)
      expect(await database.query('select max(n) as oldest from lines')).to.deep.equal([
        { oldest: 1_000 },
      ])
    })

    it('takes rows of one moment too, however many', async () => {
      await database.query(
        "insert into lines (at, n) select '2020-01-01', n from generate_series(1, 1700) n",
      )
      expect(await table.prune({ column: 'at', before: new Date() })).to.equal(1_700)
      expect(await count()).to.equal(0)
    })

    it('ends after the current batch when it is aborted', async () => {
      await fill()
      const stop = new AbortController()
      const aborting: Database = {
        ...database,
        query(sql, parameters) {
          stop.abort()
          return database.query(sql, parameters)
        },
      }
      const options = { table: 'lines', column: 'at', before: new Date(), signal: stop.signal }
      expect(await prune(aborting, options)).to.equal(500)
      expect(await count()).to.equal(4_500)
    })
  })
})
