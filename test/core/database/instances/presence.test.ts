import { expect } from 'chai'
import { type Database, openDatabase } from '../../../../core/database/connection.ts'
import { livingInstances } from '../../../../core/database/instances/living.ts'
import { Presence } from '../../../../core/database/instances/presence.ts'
import { coreMigrations } from '../../../../core/database/migration/core.ts'
import { migrate } from '../../../../core/database/migration/migrator.ts'
import { ServerSession } from '../../../../core/database/session.ts'
import { freshDatabase, freshUrl, testKind } from '../../../support/database.ts'
import { silentLog } from '../../../support/log.ts'
import { rejected } from '../../../support/rejected.ts'
import { until } from '../../../support/wait.ts'

describe('the table of living instances', function () {
  this.timeout(30_000)

  it('names nobody on an embedded database, nor before there is such a table', async () => {
    const database = await freshDatabase()
    expect(await livingInstances(database)).to.deep.equal([])
    await migrate(database, await coreMigrations())
    expect(await livingInstances(database)).to.deep.equal([])
    await database.close()
  })

  describe('on PostgreSQL', () => {
    let database: Database
    let url: string
    const left: (() => Promise<unknown>)[] = []

    before(async function () {
      // nobody else can be there when embedded
      if (testKind === 'embedded') return this.skip()
      url = await freshUrl()
      database = await openDatabase({ url, dir: '', log: silentLog })
      await migrate(database, await coreMigrations())
    })
    after(() => database?.close())
    afterEach(async () => {
      for (const end of left.splice(0).reverse()) await end()
    })

    async function join(
      id: string,
      botId = 1,
    ): Promise<{ presence: Presence; cut: () => unknown }> {
      const session = new ServerSession({ url, log: silentLog })
      left.push(() => session.close())
      const presence = await Presence.join({
        session,
        id,
        botId,
        coreVersion: '1.2.3',
        log: silentLog,
      })
      presence.start()
      left.push(() => presence.leave())
      return { presence, cut: () => session.close() }
    }

    it('tells who else lives: where, since when, with which core and plugins', async () => {
      const { presence: a } = await join('a')
      const { presence: b } = await join('b')
      await b.publish({ worklog: 'hash' })
      await b.become('serving')
      const [other, ...more] = await a.others()
      expect(more).to.deep.equal([])
      expect(other).to.include({ id: 'b', botId: 1, state: 'serving', pid: process.pid })
      expect(other).to.deep.include({ coreVersion: '1.2.3', plugins: { worklog: 'hash' } })
      expect(Date.now() - Number(other?.startedAt)).to.be.below(20_000)
      await b.leave()
      expect(await a.others()).to.deep.equal([])
    })

    it('forgets one that is not heard of for a lease, which finds that out when it comes back', async () => {
      const { presence: a } = await join('a')
      const { cut } = await join('b')
      // asleep: no beat of it arrives any more
      await cut()
      await database.query(
        `update instances set heartbeat_at = now() - interval '1 minute' where id = 'b'`,
      )
      expect(await livingInstances(database, 'a')).to.deep.equal([])
      const lost: boolean[] = []
      a.onBeat(async ({ kept }) => void lost.push(!kept))
      await database.query(`delete from instances where id = 'a'`)
      await until('a knows that it was taken for dead', () => lost.includes(true))
      expect((await livingInstances(database, 'b')).map(({ id }) => id)).to.deep.equal(['a'])
    })

    it('drops the row of a process of this machine that has ended, without waiting', async () => {
      const ended = 'insert into instances (id, bot_id, state, host, pid, process, core_version)'
      const { presence } = await join('self')
      const [own] = await database.query<{ process: string }>(
        `select process from instances where id = 'self'`,
      )
      await presence.leave()
      const [boot, namespace, pid] = (own?.process ?? '').split(' ')
      // this very pid, of a process that started at another time
      const gone = [boot, namespace, pid, 1].join(' ')
      await database.query(`${ended} values ('gone', 1, 'serving', 'here', 1, $1, '1')`, [gone])
      await database.query(
        `${ended} values ('elsewhere', 1, 'serving', 'there', 1, 'x y 1 1', '1')`,
      )
      const { presence: next } = await join('next')
      expect((await next.others()).map(({ id }) => id)).to.deep.equal(['elsewhere'])
      await database.query(`delete from instances where id = 'elsewhere'`)
    })

    it('refuses a bot with another token while one serves, and lets it in afterwards', async () => {
      const { presence: first } = await join('first', 1)
      const error = await rejected(join('second', 2))
      expect(error.code).to.equal('OPS_DATABASE_OTHER_BOT')
      expect(error.message).to.include(String(process.pid))
      expect((await livingInstances(database)).map(({ id }) => id)).to.deep.equal(['first'])
      await first.leave()
      await join('second', 2)
    })
  })
})
