import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import { until } from './support/wait.ts'

interface Parts {
  /** Body of the job `work`, over `ctx` and `data`. */
  work?: string
  /** Keys of the job `work` beside its run. */
  options?: string
  /** More jobs. */
  jobs?: string
  setup?: string
  version?: string
}

const worker = ({
  work = `await mark(ctx, 'worked ' + data.what)`,
  options = `data: z.object({ what: z.string() }),`,
  jobs = '',
  setup = '',
  version = '1.0.0',
}: Parts = {}) => ({
  'index.ts': `import { AuditEntry, definePlugin } from 'opsgram'
import { z } from 'zod'

/** An effect in the database, written with the job or not at all. */
function mark(ctx, action) {
  ctx.em.create(AuditEntry, { plugin: 'worker', action, outcome: 'done' })
}

export default definePlugin({
  name: 'worker',
  version: '${version}',
  permissions: { 'worker.use': { description: 'Use it', roles: ['operator'] } },
  setup(scope) {
    ${setup}
  },
  jobs: ({ job }) => ({
    work: job({
      ${options}
      async run(ctx, data) {
        ${work}
      },
    }),
    ${jobs}
  }),
  commands: ({ command }) => ({
    work: command({
      description: 'Has it done',
      args: z.object({ what: z.string() }),
      run(ctx, { what }) {
        ctx.enqueue('work', { what })
        return 'will be done: ' + what
      },
    }),
    fails: command({
      description: 'Has it done, and fails',
      run(ctx) {
        ctx.enqueue('work', { what: 'in vain' })
        throw new Error('after it was asked for')
      },
    }),
    wrong: command({
      description: 'Asks for what there is not',
      args: z.object({ job: z.string() }),
      run(ctx, { job }) {
        try {
          ctx.enqueue(job, { what: 5 })
        } catch (error) {
          return error.code
        }
      },
    }),
  }),
})
`,
})

describe('jobs', () => {
  let bot: TestBot

  before(async () => {
    bot = await createTestBot({
      plugins: ['plugins/plugins', 'plugins/jobs'],
      now: '2026-03-02T08:00:00Z',
    })
  })
  after(() => bot?.stop())

  const marks = async () =>
    (
      await bot.database.query<{ action: string }>(
        `select action from audit_log where plugin = 'worker' and action like '%worked%' order by id`,
      )
    ).map(({ action }) => action)

  let from = 0
  beforeEach(() => {
    from = bot.log.length
  })
  /** The first job of this test that died, as the log tells. */
  const dead = () =>
    until('a job is dead', () => bot.log.slice(from).find(({ event }) => event === 'job.dead'))

  afterEach(async () => {
    await bot.removePlugin('worker')
    await bot.database.query('truncate audit_log')
    await bot.database.query('delete from pgboss.job')
  })

  it('run in the background, with what a handler asked for', async () => {
    await bot.dropPlugin('worker', worker())
    await bot.owner.sends('/work hard2')
    await bot.owner.sees('will be done: hard2')
    await bot.settled()
    expect(await marks()).to.deep.equal(['worked hard2'])
  })

  it('are not asked for by a handler that fails', async () => {
    await bot.dropPlugin('worker', worker())
    await bot.owner.sends('/fails')
    await bot.owner.sees(/E-[A-Z0-9]+/)
    await bot.owner.sends('/work hard')
    await bot.settled()
    expect(await marks()).to.deep.equal(['worked hard'])
  })

  it('are refused when there is none of the name, or the data don’t fit', async () => {
    await bot.dropPlugin('worker', worker())
    await bot.owner.sends('/wrong play')
    await bot.owner.sees('OPS_JOB_UNKNOWN')
    await bot.owner.sends('/wrong work')
    await bot.owner.sees('OPS_JOB_DATA')
  })

  it('are run again when they fail, at growing distances, and write nothing meanwhile', async () => {
    const work = `
      await mark(ctx, 'worked ' + ctx.job.attempt)
      if (ctx.job.attempt < 3) throw new Error('not yet')`
    await bot.dropPlugin('worker', worker({ work }))
    await bot.owner.sends('/work hard')
    await bot.settled()
    expect(await marks()).to.deep.equal([])
    await bot.clock.advance(2_000)
    await bot.settled()
    expect(await marks()).to.deep.equal([])
    await bot.clock.advance(4_000)
    await bot.settled()
    expect(await marks()).to.deep.equal(['worked 3'])
  })

  it('are dead when their attempts are used up', async () => {
    const options = `data: z.object({ what: z.string() }), retry: { limit: 1 },`
    await bot.dropPlugin('worker', worker({ work: `throw new Error('never')`, options }))
    await bot.owner.sends('/work hard')
    await bot.settled()
    await bot.clock.advance(2_000)
    const { fields } = await dead()
    expect(fields).to.have.property('attempt', 2)
    expect(fields.errorId).to.match(/^E-[A-Z0-9]{5}$/)
    await bot.clock.advance(600_000)
    await bot.settled()
    const rows = await bot.database.query<{ state: string; output: { message: string } }>(
      'select state::text, output from pgboss.job',
    )
    expect(rows).to.have.length(1)
    expect(rows[0]).to.have.property('state', 'failed')
    expect(rows[0]?.output).to.include({ message: 'never', errorId: fields.errorId })
  })

  it('are deleted a day after they were done, and 90 days after they died', async () => {
    const options = `data: z.object({ what: z.string() }), retry: { limit: 0 },`
    const work = `if (data.what === 'vain') throw new Error('never')`
    await bot.dropPlugin('worker', worker({ work, options }))
    for (const what of ['hard', 'vain']) await bot.owner.sends(`/work ${what}`)
    await bot.settled()
    const states = async () =>
      (await bot.database.query<{ state: string }>('select state::text from pgboss.job')).map(
        ({ state }) => state,
      )
    await bot.clock.advance(23 * 3_600_000)
    expect(await states()).to.have.members(['completed', 'failed'])
    await bot.clock.advance(2 * 3_600_000)
    expect(await states()).to.deep.equal(['failed'])
    await bot.database.query(
      `update pgboss.job set completed_on = completed_on - interval '89 days'`,
    )
    await bot.clock.advance(3_600_000)
    expect(await states()).to.deep.equal([])
  })

  it('are held when one after another fails: they keep their attempts, and go on when one succeeds or the plugin is saved', async () => {
    const service = { isAway: true }
    Object.assign(globalThis, { jobService: service })
    const options = `data: z.object({ what: z.string() }), retry: { limit: 0 }, concurrency: 1,`
    const work = `
      if (globalThis.jobService.isAway) throw new Error('away')
      mark(ctx, 'worked ' + data.what)`
    const states = async () =>
      (
        await bot.database.query<{ state: string; jobs: number }>(
          `select state::text, count(*)::int as jobs from pgboss.job group by 1 order by 1`,
        )
      ).map(({ state, jobs }) => `${jobs} ${state}`)
    const ask = async (...whats: number[]) => {
      for (const what of whats) await bot.owner.sends(`/work ${what}`)
      await bot.settled()
    }
    await bot.dropPlugin('worker', worker({ work, options }))
    await ask(1, 2, 3, 4, 5, 6, 7, 8)
    expect(await states()).to.deep.equal(['3 created', '5 failed'])
    // answers are kept for a second
    const readiness = await until('readyz says so', async () => {
      const found = Object(await (await fetch(`${bot.url}/readyz`)).json())
      return found.checks.jobs.status === 'degraded' && found
    })
    expect(readiness.status).to.equal('ready')
    expect(readiness.checks.jobs.detail).to.equal('OPS_JOBS_HELD: 1 kind of jobs')
    await bot.owner.sends('/jobs')
    await bot.owner.sees('held')
    await bot.clock.advance(15_000)
    await bot.settled()
    expect(await states(), 'one was tried').to.deep.equal(['2 created', '6 failed'])
    await bot.clock.advance(15_000)
    await bot.settled()
    expect(await states(), 'the next trial is later').to.deep.equal(['2 created', '6 failed'])
    service.isAway = false
    await bot.clock.advance(15_000)
    await bot.settled()
    // in which order those of one moment are taken is nobody's promise
    expect(await marks()).to.have.length(2)
    expect(await states()).to.deep.equal(['2 completed', '6 failed'])
    service.isAway = true
    await ask(11, 12, 13, 14, 15, 16)
    expect(await states()).to.include('1 created')
    service.isAway = false
    await bot.dropPlugin('worker', worker({ work, options, version: '1.0.1' }))
    await bot.settled()
    expect(await marks()).to.have.length(3)
  })

  it('wait while their plugin is away, and run when it is back', async () => {
    const slow = `await new Promise((resolve) => globalThis.releaseWork = resolve)`
    const options = `data: z.object({ what: z.string() }), concurrency: 1,`
    await bot.dropPlugin('worker', worker({ work: slow, options }))
    await bot.owner.sends('/work first')
    await bot.owner.sends('/work second')
    const globals = globalThis as { releaseWork?: () => void }
    await until('the job runs', () => globals.releaseWork !== undefined)
    await bot.removePlugin('worker')
    globals.releaseWork?.()
    await bot.settled()
    await bot.clock.advance(600_000)
    await bot.settled()
    await bot.dropPlugin('worker', worker())
    await bot.settled()
    expect(await marks()).to.deep.equal(['worked second'])
  })

  it('keep data that a new version doesn’t understand', async () => {
    const options = `data: z.object({ what: z.string() }), concurrency: 1,`
    const later = `at: new Date(ctx.now().getTime() + 60_000)`
    const files = worker({ options })
    const index = files['index.ts'].replace(
      `ctx.enqueue('work', { what })`,
      `ctx.enqueue('work', { what }, { ${later} })`,
    )
    await bot.dropPlugin('worker', { 'index.ts': index })
    await bot.owner.sends('/work hard8')
    await bot.owner.sees('will be done: hard8')
    await bot.dropPlugin('worker', worker({ options: `data: z.object({ whom: z.string() }),` }))
    await bot.clock.advance(61_000)
    const { fields } = await dead()
    expect(fields.error).to.have.property('code', 'OPS_JOB_DATA')
    const [row] = await bot.database.query<{ data: object }>('select data from pgboss.job')
    expect(row?.data).to.have.deep.property('data', { what: 'hard8' })
  })

  it('are cut off at their deadline', async () => {
    const options = `data: z.object({ what: z.string() }), deadlineMs: 5_000, retry: { limit: 0 },`
    const work = `
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
      await mark(ctx, 'worked late')`
    await bot.dropPlugin('worker', worker({ work, options }))
    await bot.owner.sends('/work hard9')
    await bot.owner.sees('will be done: hard9')
    await bot.clock.advance(5_000)
    const { fields } = await dead()
    expect(fields.error).to.have.property('code', 'OPS_DEADLINE')
    expect(await marks()).to.deep.equal([])
  })

  it('run on the version that is live when they start, which is drained after them', async () => {
    const options = `data: z.object({ what: z.string() }), concurrency: 1,`
    const work = `
      if (data.what === 'old') await new Promise((resolve) => { globalThis.releaseOld = resolve })
      await mark(ctx, 'worked ' + data.what + ' by 1')`
    await bot.dropPlugin('worker', worker({ work, options }))
    await bot.owner.sends('/work old')
    const globals = globalThis as { releaseOld?: () => void }
    await until('the job runs', () => globals.releaseOld !== undefined)
    await bot.dropPlugin(
      'worker',
      worker({
        options,
        version: '2.0.0',
        work: `await mark(ctx, 'worked ' + data.what + ' by 2')`,
      }),
    )
    expect(bot.plugin('worker')).to.have.property('draining', 1)
    await bot.owner.sends('/work new')
    await bot.owner.sees('will be done: new')
    globals.releaseOld?.()
    await bot.logged('plugin.drained', { plugin: 'worker' })
    await bot.settled()
    expect(await marks()).to.deep.equal(['worked old by 1', 'worked new by 2'])
  })

  it('run no more at once than they say', async () => {
    const gate = Promise.withResolvers<void>()
    const counts = { now: 0, most: 0 }
    Object.assign(globalThis, { jobGate: gate.promise, jobCounts: counts })
    const options = `data: z.object({ what: z.string() }), concurrency: 2,`
    const work = `
      const counts = globalThis.jobCounts
      counts.most = Math.max(counts.most, ++counts.now)
      await globalThis.jobGate
      counts.now--
      await mark(ctx, 'worked')`
    await bot.dropPlugin('worker', worker({ work, options }))
    for (let count = 0; count < 7; count++) await bot.owner.sends(`/work ${count}`)
    await until('all are asked for', async () => {
      const rows = await bot.database.query('select 1 from pgboss.job')
      return rows.length === 7 && counts.now === 2
    })
    gate.resolve()
    await bot.settled()
    expect(await marks()).to.have.length(7)
    expect(counts).to.deep.equal({ now: 0, most: 2 })
  })

  it('are done only if whoever asked for them may still have it done', async () => {
    const options = `data: z.object({ what: z.string() }), permission: 'worker.use', concurrency: 1,`
    const files = worker({ options, work: `await mark(ctx, 'worked for ' + ctx.actor?.name)` })
    const index = files['index.ts'].replace(
      `ctx.enqueue('work', { what })`,
      `ctx.enqueue('work', { what }, { afterMs: 10_000 })`,
    )
    await bot.dropPlugin('worker', { 'index.ts': index })
    const operator = bot.user({ role: 'operator', firstName: 'Pavel' })
    const other = bot.user({ role: 'operator', firstName: 'Petra' })
    const guest = bot.user({ role: 'guest', firstName: 'Gina' })
    for (const person of [operator, other, guest]) {
      await person.sends('/work hard')
      await person.sees('will be done')
    }
    await bot.database.query(`update bot_users set status = 'blocked' where telegram_id = $1`, [
      other.id,
    ])
    await bot.clock.advance(10_000)
    await bot.settled()
    expect(await marks()).to.deep.equal(['worked for Pavel'])
    const codes = await bot.database.query<{ code: string }>(
      `select output->>'code' as code from pgboss.job where state = 'failed'`,
    )
    expect(codes.map(({ code }) => code)).to.deep.equal(['OPS_JOB_FORBIDDEN', 'OPS_JOB_FORBIDDEN'])
  })

  it('are asked for by timers too', async () => {
    const setup = `scope.interval(60_000, () => scope.enqueue('work', { what: 'by timer' }))`
    await bot.dropPlugin('worker', worker({ setup }))
    await bot.clock.advance(60_000)
    await bot.settled()
    expect(await marks()).to.deep.equal(['worked by timer'])
  })

  it('wait while the bot is paused', async () => {
    const setup = `scope.interval(60_000, () => scope.enqueue('work', { what: 'by timer' }))`
    await bot.dropPlugin('worker', worker({ setup }))
    await bot.owner.sends('/pause')
    await bot.settled()
    await bot.clock.advance(60_000)
    await until('it waits', async () => {
      const rows = await bot.database.query(`select 1 from pgboss.job where state = 'created'`)
      return rows.length === 1
    })
    expect(await marks()).to.deep.equal([])
    await bot.owner.sends('/resume')
    await until('it is done', async () => (await marks()).length === 1)
  })

  it('are given back at a stop and go on after it', async () => {
    const work = `
      if (ctx.job.attempt === 1) {
        await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
      }
      await mark(ctx, 'worked ' + ctx.job.attempt)`
    await bot.stop()
    bot = await createTestBot({ now: '2026-03-02T08:00:00Z', env: { SHUTDOWN_TIMEOUT_MS: '100' } })
    await bot.dropPlugin(
      'worker',
      worker({ work, options: `data: z.object({ what: z.string() }), retry: { limit: 0 },` }),
    )
    await bot.owner.sends('/work hard14')
    await bot.owner.sees('will be done: hard14')
    await bot.restart()
    await bot.logged('job.given-back')
    await bot.settled()
    expect(await marks()).to.deep.equal(['worked 2'])
  })
})

describe('jobs by the clock', () => {
  let bot: TestBot

  afterEach(() => bot?.stop())

  const marks = async () =>
    (
      await bot.database.query<{ action: string }>(
        `select action from audit_log where action like '%worked%' order by id`,
      )
    ).map(({ action }) => action)

  const timed = (keys: string) =>
    worker({
      options: keys,
      work: `await mark(ctx, 'worked ' + ctx.job.dueAt?.toISOString())`,
    })

  it('run at their times, in their zone, also when that zone changes its clocks', async () => {
    bot = await createTestBot({ now: '2026-03-29T00:20:00Z' })
    // at 01:00 UTC it becomes 03:00 in Berlin
    await bot.dropPlugin('worker', timed(`cron: '30 1-3 * * *', timeZone: 'Europe/Berlin',`))
    await bot.clock.advanceTo('2026-03-29T00:29:59Z')
    await bot.settled()
    expect(await marks()).to.deep.equal([])
    await bot.clock.advance(1_000)
    await until('the first has run', async () => (await marks()).length === 1)
    await bot.clock.advanceTo('2026-03-29T01:40:00Z')
    // on a busy machine a process may doubt for a moment that it leads
    await until('both have run', async () => (await marks()).length === 2)
    expect(await marks()).to.deep.equal([
      'worked 2026-03-29T00:30:00.000Z',
      'worked 2026-03-29T01:30:00.000Z',
    ])
  })

  for (const [missed, expected] of [
    ['once', ['worked 2026-03-02T08:40:00.000Z']],
    ['skip', []],
  ] as const) {
    it(`that were missed are run by their policy: ${missed}`, async () => {
      bot = await createTestBot({ now: '2026-03-02T08:05:00Z' })
      const files = timed(`cron: '*/10 * * * *', missed: '${missed}',`)
      await bot.dropPlugin('worker', files)
      await bot.settled()
      await bot.removePlugin('worker')
      await bot.clock.advanceTo('2026-03-02T08:42:00Z')
      await bot.dropPlugin('worker', files)
      await until('it is seen', () => bot.log.some(({ event }) => event === 'job.missed'))
      await until('it is done', async () => (await marks()).length === expected.length)
      await bot.restart()
      await bot.settled()
      expect(await marks()).to.deep.equal(expected)
    })
  }

  it('go by a clock that jumps ahead and is put right: once for what it passed over, and none waits until it has caught up', async () => {
    bot = await createTestBot({ now: '2026-03-02T08:05:00Z' })
    await bot.dropPlugin('worker', timed(`cron: '0 * * * *',`))
    await bot.settled()
    const right = bot.clock.now.bind(bot.clock)
    const goes = (byMs: number) => {
      bot.clock.now = () => right() + byMs
    }
    const hour = 3_600_000
    goes(30 * 24 * hour)
    await bot.clock.advance(60_000)
    await until('the first has run', async () => (await marks()).length === 1)
    goes(0)
    await bot.clock.advance(60_000)
    await bot.logged('job.clock-set-back', { job: 'work', ahead: '2026-04-01T08:00:00.000Z' })
    await bot.clock.advanceTo('2026-03-02T09:00:00Z')
    await until('the second has run', async () => (await marks()).length === 2)
    // a moment back is no day to be lived again
    goes(-30_000)
    await bot.clock.advance(0.9 * hour)
    await bot.settled()
    expect(await marks()).to.deep.equal([
      'worked 2026-04-01T08:00:00.000Z',
      'worked 2026-03-02T09:00:00.000Z',
    ])
  })

  it('are refused when their time can’t be understood', async () => {
    bot = await createTestBot()
    for (const [keys, text] of [
      [`cron: '0 25 * * *',`, /cron "0 25 \* \* \*"/],
      [`cron: 'daily',`, /has 1 fields/],
      [`cron: '0 * * * *', timeZone: 'Europe/Belrin',`, /time zone/],
      [`cron: '0 * * * *', data: z.object({ what: z.string() }),`, /may not be \{\}/],
    ] as const) {
      const failure = await bot.dropPlugin('worker', timed(keys)).catch((error: Error) => error)
      expect(failure).to.have.property('code', 'OPS_PLUGIN_MANIFEST')
      expect(failure).to.have.property('message').that.matches(text)
    }
  })
})
