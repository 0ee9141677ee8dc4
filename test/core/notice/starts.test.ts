import { expect } from 'chai'
import type { Database } from '../../../core/database/connection.ts'
import { Starts } from '../../../core/notice/starts.ts'
import { TestClock } from '../../../core/testing/test-bot/clock.ts'
import { freshDatabase } from '../../support/database.ts'
import { silentLog } from '../../support/log.ts'

describe('starts and stops of several instances', function () {
  this.timeout(60_000)
  let database: Database
  let told: string[]
  let clock: TestClock

  before(async () => {
    database = await freshDatabase({ migrated: true })
  })
  after(() => database?.close())
  beforeEach(async () => {
    told = []
    clock = new TestClock(Date.UTC(2026, 0, 1))
    await database.query('delete from starts')
    await database.query('delete from instances')
  })

  /** An instance that beats, as its row says. */
  async function join(instance: string, version = '1.0.0'): Promise<Starts> {
    await database.query(
      `insert into instances (id, bot_id, state, host, pid, core_version, heartbeat_at)
       values ($1, 1, 'serving', 'here', 1, $2, now() + interval '1 minute')`,
      [instance, version],
    )
    const t = Object.assign((key: string) => `${key} by ${instance}`, {})
    return new Starts({
      database,
      owners: {
        meet: async () => undefined,
        async write(_sql, _kind, words) {
          told.push(words({ t, language: 'en', timeZone: 'UTC' }))
          return true
        },
      },
      outbox: { wake: () => undefined },
      instance,
      version,
      plugins: () => ({ live: ['auth'], broken: [] }),
      clock,
      log: silentLog,
    })
  }
  const ids = ['a', 'b', 'c']

  it('are one message each, however many begin or end at once', async () => {
    const all = await Promise.all(ids.map((id) => join(id)))
    await Promise.all(all.map((one) => one.begin()))
    await clock.advance(5_000)
    expect(told).to.have.length(1)
    expect(told[0]).to.match(/^notice\.started by/)
    await Promise.all(all.map((one) => one.end()))
    expect(told).to.have.length(2)
    expect(told[1]).to.match(/^notice\.stopped by/)
  })

  it('of a rolling update are one message, when the first of the new version is there', async () => {
    const old = await Promise.all(ids.map((id) => join(id)))
    for (const one of old) await one.begin()
    await clock.advance(5_000)
    for (const [i, one] of old.entries()) {
      const next = await join(`new ${i}`, '1.1.0')
      await next.begin()
      await clock.advance(5_000)
      await one.end()
    }
    expect(told).to.deep.equal(['notice.started by a', 'notice.started by new 0'])
  })

  it('tell of one that was killed although it still looks alive at first', async () => {
    const [a, b] = [await join('a'), await join('b')]
    await a.begin()
    await b.begin()
    await database.query(`delete from instances where id = 'a'`)
    await clock.advance(5_000)
    expect(told[1]).to.match(/^notice\.started by b\nnotice\.crashed by b$/)
  })
})
