import { expect } from 'chai'
import pg from 'pg'
import { type Database, openDatabase } from '../../../../core/database/connection.ts'
import { isDatabaseAway } from '../../../../core/database/failure.ts'
import { coreMigrations } from '../../../../core/database/migration/core.ts'
import { migrate } from '../../../../core/database/migration/migrator.ts'
import { codeOf } from '../../../../core/errors.ts'
import { Inbox } from '../../../../core/update/inbox/inbox.ts'
import { freshUrl, testKind } from '../../../support/database.ts'
import { silentLog } from '../../../support/log.ts'
import { type TcpProxy, tcpProxy } from '../../../support/tcp-proxy.ts'
import { until } from '../../../support/wait.ts'

/** What a server says to who may not connect (PostgreSQL 15, §55.7: ErrorResponse). */
function refusal(code: string, message: string): string {
  const fields = `SFATAL\0VFATAL\0C${code}\0M${message}\0\0`
  const length = Buffer.alloc(4)
  length.writeInt32BE(fields.length + 4)
  return `E${length.toString('latin1')}${fields}`
}

// embedded, the database is a part of the process
if (testKind === 'postgres') {
  describe('the inbox of a PostgreSQL that refuses work', () => {
    let database: Database
    let proxy: TcpProxy
    let direct: pg.Client
    let inbox: Inbox
    let name: string
    const handled: number[] = []

    before(async () => {
      const server = new URL(await freshUrl())
      name = server.pathname.slice(1)
      direct = new pg.Client({ connectionString: server.href })
      await direct.connect()
      proxy = await tcpProxy({ host: server.hostname, port: Number(server.port || 5432) })
      server.host = `127.0.0.1:${proxy.port}`
      database = await openDatabase({ url: server.href, dir: '', log: silentLog })
      await migrate(database, await coreMigrations())
      inbox = new Inbox({
        database,
        botId: 1,
        partitions: undefined,
        handle: async (item) => {
          handled.push(item.facts.updateId)
          inbox.done(item)
        },
        poison: async () => undefined,
        log: silentLog,
      })
      await inbox.start()
    })
    after(async () => {
      await inbox?.stop()
      await database?.close()
      await proxy?.close()
      await direct?.end()
    })

    const accept = (id: number) =>
      inbox.accept([{ update_id: id, message: { message_id: 1, date: 1, text: 'x' } } as never])
    /** Refused as something that passes; afterwards it is taken, and handled once. */
    async function refusedWhile(
      id: number,
      code: string,
      mend: () => Promise<void>,
    ): Promise<void> {
      const error = await accept(id).then(
        () => undefined,
        (failure: unknown) => failure,
      )
      expect(codeOf(error)).to.equal(code)
      expect(isDatabaseAway(error)).to.equal(true)
      expect(codeOf(inbox.refusal), 'for /readyz').to.equal(code)
      await mend()
      await until('it is taken', () =>
        accept(id).then(
          () => true,
          () => false,
        ),
      )
      expect(inbox.refusal).to.equal(undefined)
      await inbox.idle()
      expect(handled.filter((one) => one === id)).to.deep.equal([id])
    }
    const reconnect = () => {
      proxy.cut()
      proxy.mend()
    }

    it('waits for one that is read-only to be written to again', async () => {
      await direct.query(`alter database ${name} set default_transaction_read_only = on`)
      reconnect()
      await until('connections are new', () =>
        database.inbox.query('select 1').then(
          () => true,
          () => false,
        ),
      )
      await refusedWhile(1, '25006', async () => {
        await direct.query('set transaction_read_only = off')
        await direct.query('begin read write')
        await direct.query(`alter database ${name} reset default_transaction_read_only`)
        await direct.query('commit')
        reconnect()
      })
    })

    it('waits for one that has no connection left', async () => {
      reconnect()
      proxy.answer(name, refusal('53300', 'sorry, too many clients already'))
      await until('connections are new', () =>
        database.inbox.query('select 1').then(
          () => false,
          (error: unknown) => codeOf(error) === '53300',
        ),
      )
      await refusedWhile(2, '53300', async () => proxy.mend())
    })
  })
}
