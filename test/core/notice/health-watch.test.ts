import { expect } from 'chai'
import type { Database } from '../../../core/database/connection.ts'
import type { HealthState, HealthStatus } from '../../../core/http/health.ts'
import { HealthWatch } from '../../../core/notice/health-watch.ts'
import { TestClock } from '../../../core/testing/test-bot/clock.ts'
import { freshDatabase } from '../../support/database.ts'
import { silentLog } from '../../support/log.ts'

const lookMs = 30_000

describe('the watch over health', function () {
  this.timeout(60_000)
  let database: Database
  let clock: TestClock
  let told: string[]
  let states: Record<string, HealthStatus>
  let leader: string
  let watches: HealthWatch[]

  before(async () => {
    database = await freshDatabase({ migrated: true })
  })
  after(() => database?.close())
  beforeEach(async () => {
    clock = new TestClock(Date.UTC(2026, 0, 1))
    told = []
    states = { disk: 'up' }
    leader = 'a'
    watches = []
    await database.query('delete from health_notices')
    await database.query('delete from instances')
  })
  afterEach(() => Promise.all(watches.map((watch) => watch.stop())))

  /** A process that looks as one of several does. */
  async function start(instance: string, seen: () => Record<string, HealthStatus> = () => states) {
    await database.query(
      `insert into instances (id, bot_id, state, host, pid, core_version)
       values ($1, 1, 'serving', $2, 1, '1.0.0') on conflict do nothing`,
      [instance, `host-${instance}`],
    )
    const t = Object.assign((key: string, values?: object) => {
      const { hosts, check } = { hosts: '', check: '', ...values }
      return [key.replace('notice.health.', ''), check || hosts].filter(Boolean).join(' ')
    }, {})
    const watch = new HealthWatch({
      health: {
        look: async () =>
          Object.entries(seen()).map(
            ([check, status]): HealthState => ({ check, status, latencyMs: 1, since: new Date(0) }),
          ),
      },
      database: {
        kind: 'postgres',
        query: (sql, parameters) => database.query(sql, parameters),
        transaction: (work) => database.transaction(work),
      },
      owners: {
        meet: async () => undefined,
        async write(_sql, _kind, words) {
          told.push(words({ t, language: 'en', timeZone: 'UTC' }))
          return true
        },
      },
      outbox: { wake: () => undefined },
      instance,
      leads: () => leader === instance,
      clock,
      log: silentLog,
    })
    watch.start()
    watches.push(watch)
  }

  const looks = (count: number) => clock.advance(count * lookMs)

  it('tells a change once, when a second look has found it too', async () => {
    await start('a')
    await looks(3)
    states = { disk: 'degraded' }
    await looks(1)
    expect(told, 'one look may be chance').to.deep.equal([])
    await looks(5)
    expect(told).to.deep.equal(['degraded notice.check.disk'])
    states = { disk: 'up' }
    await looks(5)
    expect(told).to.deep.equal(['degraded notice.check.disk', 'up notice.check.disk'])
    expect(await database.query('select 1 from health_notices')).to.deep.equal([])
  })

  it('does not tell it again after a restart, nor when another instance leads', async () => {
    states = { disk: 'down' }
    await start('a')
    await start('b')
    await looks(3)
    expect(told).to.have.length(1)
    leader = 'b'
    await looks(3)
    await Promise.all(watches.splice(0).map((watch) => watch.stop()))
    await database.query(`delete from instances where id = 'a'`)
    await start('b')
    await looks(3)
    expect(told).to.have.length(1)
    states = { disk: 'up' }
    await looks(3)
    expect(told).to.have.length(2)
  })

  it('tells once although two believe to lead', async () => {
    states = { disk: 'down' }
    leader = 'a'
    await start('a')
    await start('a')
    await looks(3)
    expect(told).to.have.length(1)
  })

  it('tells of what another instance alone has found, and where', async () => {
    await start('a')
    await start('b', () => ({ disk: 'degraded' }))
    await looks(4)
    expect(told).to.deep.equal(['degraded notice.check.disk\nhosts host-b'])
  })

  it('tells of what flaps that it does, and when it has calmed down', async () => {
    await start('a')
    await looks(2)
    for (let change = 0; change < 12; change++) {
      states = { disk: change % 2 === 0 ? 'down' : 'up' }
      await looks(1)
    }
    expect(told).to.deep.equal(['flapping notice.check.disk'])
    await looks(7)
    expect(told, 'it must have been the same for five minutes').to.have.length(1)
    await looks(3)
    expect(told.slice(1)).to.deep.equal(['steady notice.check.disk calmed'])
    await looks(20)
    expect(told).to.have.length(2)
  })

  it('forgets what is not looked at any more', async () => {
    states = { disk: 'up', 'shelf.sheets': 'down' }
    await start('a')
    await looks(2)
    expect(told).to.deep.equal(['down shelf.sheets'])
    states = { disk: 'up' }
    await looks(2)
    expect(told).to.have.length(1)
    expect(await database.query('select 1 from health_notices')).to.deep.equal([])
  })

  it('leaves to others what they tell: the database, a pause, plugins that failed', async () => {
    states = { database: 'down', updates: 'degraded', plugins: 'degraded' }
    await start('a')
    await looks(4)
    expect(told).to.deep.equal([])
    states = { plugins: 'down' }
    await looks(2)
    expect(told, 'nobody would get in').to.deep.equal(['down notice.check.plugins'])
  })

  it('tells of Telegram when it is back: nothing could be sent before', async () => {
    states = { telegram: 'degraded' }
    await start('a')
    await looks(4)
    expect(told).to.deep.equal([])
    states = { telegram: 'up' }
    await looks(2)
    expect(told).to.deep.equal(['up notice.check.telegram'])
  })
})
