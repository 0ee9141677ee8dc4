import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'
import { writeSnapshot } from './heap.ts'
import { quantile } from './quantile.ts'

const minute = 60_000

const worker = {
  'index.ts': `import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'worker',
  version: '1.0.0',
  commands: ({ command }) => ({
    work: command({
      description: 'Works',
      run: async (ctx) => {
        await ctx.em.execute("select pg_sleep(0.03), 'not to be kept'")
        return 'worked'
      },
    }),
    fail: command({ description: 'Fails', run: () => { throw new Error('on purpose') } }),
  }),
})
`,
}

describe('performance', function () {
  this.timeout(90_000)
  let bot: TestBot
  let admin: TestPerson

  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname] })
    await bot.dropPlugin('worker', worker)
    admin = bot.user({ role: 'admin' })
  })
  after(() => bot?.stop())

  /** The minute goes by, and its rows are written. */
  async function written(rows: number): Promise<void> {
    await bot.clock.advance(minute)
    for (const end = performance.now() + 20_000; ; ) {
      const found = await bot.database.query('select 1 from performance_minutes')
      if (found.length >= rows) return
      if (performance.now() > end) throw new Error(`${found.length} rows instead of ${rows}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const sums = async () => {
    const [row] = await bot.database.query<{ updates: number; failed: number }>(
      'select sum(updates)::int as updates, sum(failed)::int as failed from performance_minutes',
    )
    return row
  }

  it('keeps one row a minute, whatever happens in it, and what took longest', async () => {
    for (let i = 0; i < 3; i++) {
      await bot.owner.sends('/work')
      await bot.owner.sees('worked')
    }
    await bot.owner.sends('/fail')
    await bot.owner.sees(/E-/)
    await bot.settled()
    await written(1)
    const minutes = await bot.database.query<{ updates: number; failed: number; rss_mib: number }>(
      'select * from performance_minutes',
    )
    expect(minutes).to.have.length(1)
    expect(minutes[0]).to.include({ updates: 4, failed: 1 })
    expect(minutes[0]?.rss_mib).to.be.above(20)
    const timings = await bot.database.query<{
      plugin: string
      name: string
      count: number
      failed: number
      total_ms: number
    }>(`select * from performance_timings where plugin = 'worker'`)
    const of = (name: string) => timings.find((timing) => timing.name === name)
    expect(of('work')).to.include({ count: 3, failed: 0 })
    expect(of('work')?.total_ms).to.be.at.least(90)
    expect(of('fail')).to.include({ count: 1, failed: 1 })
    expect(of('select pg_sleep(?), ?'), 'without its values').to.include({ count: 3 })
  })

  it('shows a picture and how the bot is, for other hours and in the dark', async () => {
    await admin.sends('/status')
    const { text, buttons, file } = await admin.sees('Opsgram', { within: 20_000 })
    expect(file?.data.subarray(1, 4).toString()).to.equal('PNG')
    expect(text).to.match(/🟢 Database {2}🟢 Store {2}🟢 Telegram/)
    expect(text).to.contain('Waiting: updates')
    expect(text).to.match(/In 6 h: \d+ updates, \d+(\.\d)?% failed/)
    expect(text).to.match(/Handlers: half within .+, 95 % within .+/)
    expect(text.length).to.be.below(1_024)
    expect(buttons).to.deep.equal(['1 h', '· 6 h ·', '24 h', '🔄', '🌙 Dark', '🐢 Slowest'])

    await admin.presses('24 h')
    const day = await admin.sees('In 24 h', { within: 20_000 })
    expect(day).to.include({ edited: true })
    expect(day.buttons).to.include('· 24 h ·')
    await admin.presses('Dark')
    const dark = await admin.sees('Opsgram', { within: 20_000 })
    expect(dark.buttons).to.include('☀️ Light')
    await bot.settled()
    // it is remembered
    await admin.sends('/status')
    expect((await admin.sees('Opsgram', { within: 20_000 })).buttons).to.include('☀️ Light')
    await admin.presses('Slowest')
    await admin.sees('What took longest in the last 6 h')
  })

  it('lists the slowest handlers and queries, with whose they are', async () => {
    await admin.sends('/slow')
    const { text } = await admin.sees('What took longest')
    expect(text).to.match(/worker work: p95 [\d.]+ ms, p50 [\d.]+ ms, 3×/)
    expect(text).to.match(/worker fail: .+ · 1 failed/)
    expect(text).to.match(/worker p95 [\d.]+ ms, p50 [\d.]+ ms, 3×\nselect pg_sleep\(\?\), \?/)
    const russian = bot.user({ role: 'admin', languageCode: 'ru' })
    await russian.sends('/slow 1')
    await russian.sees('Самое медленное за 1 ч')
    await russian.sends('/status')
    await russian.sees('База данных')
  })

  it('is for admins: others and strangers get nothing of it', async () => {
    const operator = bot.user({ role: 'operator' })
    const stranger = bot.user()
    for (const command of ['/status', '/slow', '/heap']) {
      await operator.sends(command)
      await operator.sees('not allowed')
    }
    await stranger.sends('/status')
    await stranger.sees(String(stranger.id))
    await stranger.sends('/slow')
    await stranger.doesNotSee()
    await admin.sends('/heap')
    await admin.sees('not allowed')
  })

  it('loses and doubles nothing when it is reloaded in the middle of a minute', async () => {
    const rowsNow = async () =>
      (await bot.database.query('select 1 from performance_minutes')).length
    await bot.settled()
    await written((await rowsNow()) + 1)
    const before = await sums()
    const rows = await rowsNow()
    await bot.owner.sends('/work')
    await bot.owner.sees('worked')
    await bot.settled()
    await bot.reload('performance')
    await bot.owner.sends('/work')
    await bot.owner.sees('worked')
    await bot.settled()
    await written(rows + 2)
    const after = await sums()
    expect((after?.updates ?? 0) - (before?.updates ?? 0)).to.equal(2)
    await bot.expectNoLeftovers()
  })

  it('writes the heap for an owner alone, who has to mean it', async () => {
    await bot.owner.sends('/heap')
    await bot.owner.sees('holds its secrets')
    await bot.owner.presses('No')
    await bot.owner.doesNotSee('Written in')
  })

  it('forgets what is older than it is told to keep', async () => {
    await bot.database.query(
      `insert into performance_minutes (at, instance, updates, failed, handlers, lag_ms, rss_mib, heap_mib)
       values (now() - interval '8 days', 'old', 1, 0, '{}', 1, 1, 1)`,
    )
    await bot.clock.advance(6 * 60 * minute)
    await bot.logged('performance.cleaned')
    expect(
      await bot.database.query(`select 1 from performance_minutes where instance = 'old'`),
    ).to.deep.equal([])
  })
})

describe('the memory watch of performance', () => {
  it('makes its check degraded above the threshold, so that owners are told', async () => {
    await using bot = await createTestBot({
      plugins: [import.meta.dirname],
      env: { PERFORMANCE_MEMORY_MIB: '10', NOTICES: 'true' },
    })
    await bot.owner.sends('hello')
    await bot.settled()
    for (let look = 0; look < 4; look++) await bot.clock.advance(30_000)
    const { text } = await bot.owner.sees('performance.memory')
    expect(text).to.match(/It says: process \d+ of 10 MiB/)
  })
})

describe('snapshots of the heap', () => {
  let folder: string
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'opsgram-performance-')), 'performance')
  })
  afterEach(() => rmSync(dirname(folder), { recursive: true, force: true }))
  const write = (file: string) => {
    writeFileSync(file, 'the heap')
    return file
  }

  it('are for the user of the bot alone', async () => {
    mkdirSync(folder, { mode: 0o755 })
    const { file } = await writeSnapshot(folder, new Date(), write)
    expect(dirname(file)).to.equal(folder)
    expect(statSync(file).mode & 0o777).to.equal(0o600)
    expect(statSync(folder).mode & 0o777).to.equal(0o700)
  })

  it('are kept three at a time', async () => {
    const names: string[] = []
    for (let day = 1; day <= 4; day++) {
      const { file } = await writeSnapshot(folder, new Date(Date.UTC(2026, 0, day)), write)
      names.push(basename(file))
    }
    writeFileSync(join(folder, 'mine.txt'), '')
    expect(readdirSync(folder).sort()).to.deep.equal([...names.slice(1), 'mine.txt'])
  })
})

describe('a quantile of buckets', () => {
  const bounds = [1, 2, 4, 8]

  it('lies within its bucket, as if they were even', () => {
    expect(quantile(0.5, new Map([[2, 10]]), bounds)).to.equal(3)
    const two = new Map([
      [0, 90],
      [3, 10],
    ])
    expect(quantile(0.5, two, bounds)).to.be.closeTo(0.56, 0.01)
    expect(quantile(0.95, two, bounds)).to.equal(6)
    expect(quantile(1, two, bounds)).to.equal(8)
  })

  it('of none is none, and beyond the last bound is that bound', () => {
    expect(quantile(0.5, new Map(), bounds)).to.equal(undefined)
    expect(quantile(0.5, new Map([[4, 1]]), bounds)).to.equal(8)
  })
})
