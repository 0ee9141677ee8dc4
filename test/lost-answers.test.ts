import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect } from 'chai'
import { openDatabase } from '../core/database/connection.ts'
import { BotProcess } from './support/bot-process.ts'
import { freshUrl, testKind } from './support/database.ts'
import { silentLog } from './support/log.ts'

/**
 * Stands between the bot and PostgreSQL. Once told what to wait for, it passes that statement on, keeps
 * its answer back, cuts all connections, and lets nobody in for a while.
 */
class Line {
  readonly #server = createServer((client) => this.#join(client))
  readonly #target: URL
  readonly #sockets = new Set<Socket>()
  #fatal: string | undefined
  #isDown = false
  cuts = 0

  constructor(target: string) {
    this.#target = new URL(target)
  }

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const url = new URL(this.#target)
    url.host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    return url.href
  }

  /** The next statement that holds this text stays without an answer. */
  cutAfter(statement: string): void {
    this.#fatal = statement
  }

  close(): void {
    this.#server.close()
    this.#hangUp()
  }

  #hangUp(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #join(client: Socket): void {
    if (this.#isDown) {
      client.destroy()
      return
    }
    const server = connect(Number(this.#target.port || 5432), this.#target.hostname)
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => this.#sockets.delete(socket))
    }
    let isCut = false
    client.on('data', (data) => {
      server.write(data)
      if (this.#fatal === undefined || !data.includes(this.#fatal)) return
      this.#fatal = undefined
      this.cuts++
      isCut = true
      this.#isDown = true
      setTimeout(() => {
        this.#isDown = false
      }, 700)
      // the server has what it was sent, and does it; nobody hears the answer
      setTimeout(() => this.#hangUp(), 100)
    })
    server.on('data', (data) => !isCut && client.write(data))
    client.on('close', () => server.end())
    server.on('close', () => client.destroy())
  }
}

const plugin = `
import { defineEntity, p } from '@mikro-orm/core'
import { definePlugin, ulid } from 'opsgram'

const schema = defineEntity({
  name: 'Tick',
  tableName: 'ticker_ticks',
  properties: { id: p.string().primary() },
})
class Tick extends schema.class {}
schema.setClass(Tick)

export default definePlugin({
  name: 'ticker',
  version: '1.0.0',
  entities: [Tick],
  commands: ({ command }) => ({
    tick: command({
      description: 'Writes a row',
      run(ctx) {
        ctx.em.create(Tick, { id: ulid() })
        return 'ticked'
      },
    }),
    say: command({
      description: 'Says something before it writes a row',
      async run(ctx) {
        await ctx.reply('writing')
        ctx.em.create(Tick, { id: ulid() })
        return 'ticked'
      },
    }),
  }),
})
`
const migration = `
import { Migration } from '@mikro-orm/migrations'
export default class Ticks extends Migration {
  override up() { this.addSql('create table ticker_ticks (id varchar(26) primary key)') }
}
`

describe('an answer of the database that is lost', function () {
  this.timeout(60_000)
  let bot: BotProcess
  let line: Line
  let url: string

  before(function () {
    // the embedded database answers within the process
    if (testKind === 'embedded') this.skip()
  })

  beforeEach(async () => {
    url = await freshUrl()
    line = new Line(url)
    bot = await BotProcess.create({
      plugins: { 'ticker/index.ts': plugin, 'ticker/migrations/0001_ticks.ts': migration },
      env: { DATABASE_URL: await line.open() },
    })
    await bot.start()
  })

  afterEach(async () => {
    await bot.close()
    line.close()
  })

  const expectOneTick = async () => {
    expect(line.cuts).to.equal(1)
    expect(await bot.stop()).to.equal(0)
    const database = await openDatabase({ url, dir: '', log: silentLog })
    try {
      expect(await database.query('select 1 from ticker_ticks')).to.have.length(1)
      expect(await database.query('select 1 from inbox where state <> 1')).to.have.length(0)
    } finally {
      await database.close()
    }
  }

  it('to a COMMIT: the person gets the answer, and nothing is written twice', async () => {
    line.cutAfter('commit')
    expect(await bot.ask(bot.ownerId, '/tick', 20_000)).to.equal('ticked')
    await expectOneTick()
  })

  it('to a COMMIT of a handler that had spoken: it is neither repeated nor called failed', async () => {
    line.cutAfter('commit')
    expect(await bot.ask(bot.ownerId, '/say', 20_000)).to.equal('writing')
    await bot.event('inbox.write-failed')
    expect(await bot.ask(bot.ownerId, '/help', 20_000)).to.equal('ticked')
    expect(bot.said(bot.ownerId).filter((text) => text === 'writing')).to.have.length(1)
    await expectOneTick()
  })

  it('to the INSERT of what Telegram sent: it is handled once', async () => {
    line.cutAfter('insert into inbox')
    expect(await bot.ask(bot.ownerId, '/tick', 20_000)).to.equal('ticked')
    await expectOneTick()
  })
})
