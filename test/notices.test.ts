import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'
import { Outage } from '../core/notice/outage.ts'
import { TestClock } from '../core/testing/test-bot/clock.ts'
import { silentLog } from './support/log.ts'

describe('owners are told', function () {
  this.timeout(60_000)
  let bot: TestBot
  let owner: TestPerson

  before(async () => {
    bot = await createTestBot({ env: { NOTICES: 'true' }, owners: [{}, {}] })
    owner = bot.owner
    // to whom never wrote nothing can be sent
    await owner.sends('hello')
    await bot.settled()
    await bot.database.query('update bot_users set last_seen_at = now() where telegram_id = $1', [
      owner.id,
    ])
  })
  after(() => bot.stop())
  afterEach(async () => {
    await bot.database.query('delete from starts where instance like $1', ['ghost%'])
    await bot.database.query('delete from instances where id like $1', ['ghost%'])
  })

  /** Another process that was started, and no end of it is known. */
  async function ghost(id: string, { alive = false, version = '' } = {}): Promise<void> {
    await bot.database.query(
      `insert into starts (instance, version, host, pid)
       select $1, case $2 when '' then max(version) else $2 end, 'elsewhere', 1 from starts`,
      [id, version],
    )
    if (!alive) return
    await bot.database.query(
      `insert into instances (id, bot_id, state, host, pid, core_version, heartbeat_at)
       values ($1, $2, 'serving', 'elsewhere', 1, '1', now() + interval '1 minute')`,
      [id, Number(bot.telegram.api.token.split(':')[0])],
    )
  }

  it('when the bot stops and starts, with its plugins', async () => {
    await bot.restart()
    await owner.sees(/^⏹ Opsgram \S+ has stopped\.$/)
    await owner.sees(/^▶️ Opsgram \S+ runs\. Plugins: auth\.$/)
    expect(await bot.database.query(`select 1 from outbox where kind = 'notice'`)).to.have.length(2)
  })

  it('when it had crashed, and of a crash loop once', async () => {
    await ghost('ghost 1')
    await bot.restart()
    await owner.sees('has stopped')
    await owner.sees('The last run ended without a stop')
    await ghost('ghost 2')
    await bot.restart()
    await owner.sees('has stopped')
    await owner.doesNotSee()
    await bot.logged('app.crashed-before', { loop: true })
    // the next proper one is news again
    await bot.restart()
    await owner.sees('has stopped')
    const { text } = await owner.sees('runs')
    expect(text).not.to.include('without a stop')
  })

  it('not when others go on, or were there before, unless they are of another version', async () => {
    await ghost('ghost 3', { alive: true })
    await bot.restart()
    await bot.clock.advance(4_100)
    await owner.doesNotSee()
    await ghost('ghost 4', { alive: true, version: '0.9.0' })
    await bot.restart()
    await owner.doesNotSee()
    await bot.clock.advance(4_100)
    await owner.sees('runs')
  })

  it('when something is not well any more, and when it is again', async () => {
    await bot.dropPlugin('shelf', {
      'index.ts': `import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'shelf',
  version: '1.0.0',
  setup: () => ({ status: 'up' }),
  commands: ({ command }) => ({
    break: command({ description: 'x', run: (ctx) => { ctx.plugin.status = 'degraded'; return 'broken' } }),
    mend: command({ description: 'x', run: (ctx) => { ctx.plugin.status = 'up'; return 'mended' } }),
  }),
  health: ({ check }) => ({ lamp: check(({ status }) => ({ status, detail: 'of the lamp' })) }),
})`,
    })
    await owner.sends('/break')
    await owner.sees('broken')
    for (let look = 0; look < 4; look++) await bot.clock.advance(30_000)
    const { text } = await owner.sees('shelf.lamp')
    expect(text).to.match(/^🟠 shelf\.lamp: not as it should be since .+\.\nIt says: of the lamp$/)
    await owner.sends('/mend')
    await owner.sees('mended')
    for (let look = 0; look < 4; look++) await bot.clock.advance(30_000)
    await owner.sees(/^🟢 shelf\.lamp: well again\. It was not from .+ to .+\.$/)
    await bot.logged('health.settled', { check: 'shelf.lamp', status: 'up' })
    const metrics = await (await fetch(`${bot.url}/metrics`)).text()
    expect(metrics).to.match(/^opsgram_notices_total\{kind="health"\} 2$/m)
    await bot.removePlugin('shelf')
  })

  it('when the database is away for long, and when it is back', async () => {
    const clock = new TestClock(Date.UTC(2026, 0, 1))
    const told: string[] = []
    let isAway = false
    const outage = new Outage({
      database: { query: async () => [] },
      look: async () => {
        if (isAway) throw new Error('nobody answers')
      },
      owners: {
        meet: async () => undefined,
        sendDirectly: async () => void told.push('away'),
        write: async () => {
          told.push('back')
          return true
        },
      },
      outbox: { wake: () => undefined },
      leads: () => !isAway,
      clock,
      log: silentLog,
    })
    outage.start()
    await clock.advance(5_000)
    isAway = true
    await clock.advance(10_000)
    isAway = false
    await clock.advance(10_000)
    expect(told, 'a short one is no news').to.deep.equal([])
    isAway = true
    await clock.advance(60_000)
    expect(told).to.deep.equal(['away'])
    isAway = false
    await clock.advance(60_000)
    expect(told).to.deep.equal(['away', 'back'])
    await outage.stop()
  })
})
