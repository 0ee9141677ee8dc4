import { expect } from 'chai'
import { openDatabase } from '../core/database/connection.ts'
import { BotProcess } from './support/bot-process.ts'
import { testKind } from './support/database.ts'
import { silentLog } from './support/log.ts'
import { until } from './support/wait.ts'

/** Writes one row an update, through the unit of work; slow enough to be killed in the middle. */
const counter = `
import { defineEntity, p } from '@mikro-orm/core'
import { definePlugin, ulid } from 'opsgram'
import { z } from 'zod'

const schema = defineEntity({
  name: 'Tick',
  tableName: 'counter_ticks',
  properties: {
    id: p.string().primary(),
    chat: p.bigint('number'),
    number: p.integer(),
    at: p.datetime().onCreate(() => new Date()),
  },
})
class Tick extends schema.class {}
schema.setClass(Tick)

export default definePlugin({
  name: 'counter',
  version: '1.0.0',
  entities: [Tick],
  commands: ({ command }) => ({
    tick: command({
      description: 'Counts',
      args: z.object({ number: z.number() }),
      async run(ctx, { number }) {
        await new Promise((resolve) => setTimeout(resolve, 2))
        ctx.em.create(Tick, { id: ulid(), chat: ctx.chat.id, number, at: new Date() })
        return 'tick ' + number
      },
    }),
    slow: command({
      description: 'Takes its time',
      async run() {
        await new Promise((resolve) => setTimeout(resolve, 600))
        return 'slow done'
      },
    }),
    die: command({
      description: 'Takes the process with it',
      async run() {
        await new Promise((resolve) => setTimeout(resolve, 300))
        process.exit(7)
      },
    }),
    fail: command({
      description: 'Fails after it wrote',
      run(ctx) {
        ctx.em.create(Tick, { id: ulid(), chat: ctx.chat.id, number: -1, at: new Date() })
        throw new Error('on purpose')
      },
    }),
  }),
})
`
const migration = `
import { Migration } from '@mikro-orm/migrations'
export default class Ticks extends Migration {
  override up() {
    this.addSql('create table counter_ticks (id varchar(26) primary key, chat bigint not null, number int not null, at timestamptz not null)')
    this.addSql('create index counter_ticks_chat on counter_ticks (chat)')
  }
}
`
const plugins = { 'counter/index.ts': counter, 'counter/migrations/0001_ticks.ts': migration }

interface Tick {
  chat: number
  number: number
}

describe('no update is lost, none is handled twice', function () {
  this.timeout(120_000)
  let bot: BotProcess

  beforeEach(async () => {
    bot = await BotProcess.create({ plugins, env: { LOG_LEVEL: 'info' } })
  })
  afterEach(() => bot.close())

  /** What the stopped bot's database holds. */
  async function ticks(): Promise<Tick[]> {
    const database = await openDatabase({ ...bot.database, log: silentLog })
    try {
      return await database.query<Tick>('select chat, number from counter_ticks order by at, id')
    } finally {
      await database.close()
    }
  }

  it('when it is killed with kill -9 in the middle, again and again', async () => {
    const owner = bot.person(bot.ownerId)
    const group = bot.api.group({ title: 'Ops' })
    owner.joins(group)
    const total = 120
    let sent = 0
    const send = (count: number) => {
      for (let i = 0; i < count; i++, sent++) {
        owner.sendText(`/tick ${sent}`, sent % 2 === 0 ? {} : { chat: group })
      }
    }
    for (let round = 0; round < 3; round++) {
      await bot.start()
      send(total / 4)
      const before = bot.api.journal.counts.sendMessage ?? 0
      await until('some were handled', () => (bot.api.journal.counts.sendMessage ?? 0) > before + 3)
      await bot.kill()
      send(5)
    }
    await bot.start()
    send(total - sent)
    const last = `tick ${total - 1}`
    await until('the last is answered', () => bot.said(group.id).includes(last), 30_000)
    await until(
      'all are answered',
      () => bot.said(bot.ownerId).includes(`tick ${total - 2}`),
      30_000,
    )
    expect(await bot.stop()).to.equal(0)

    const rows = await ticks()
    const numbers = rows.map(({ number }) => number).sort((a, b) => a - b)
    expect(numbers).to.deep.equal(Array.from({ length: total }, (_, i) => i))
    for (const chat of [bot.ownerId, group.id]) {
      const own = rows.filter((row) => Number(row.chat) === chat).map(({ number }) => number)
      expect(own, `order in chat ${chat}`).to.deep.equal([...own].sort((a, b) => a - b))
    }
  })

  it('when Telegram delivers it twice', async () => {
    await bot.start()
    const fault = bot.api.faults.add({ kind: 'duplicate' })
    for (let i = 0; i < 10; i++) bot.person(bot.ownerId).sendText(`/tick ${i}`)
    await until('the last is answered', () => bot.said(bot.ownerId).includes('tick 9'))
    fault.remove()
    await bot.stop()
    expect((await ticks()).map(({ number }) => number)).to.deep.equal([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ])
  })

  it('writes nothing of a handler that throws, tells an error id, and goes on', async () => {
    await bot.start()
    const answer = await bot.ask(bot.ownerId, '/fail')
    const errorId = /E-[A-Z0-9]+/.exec(answer)?.[0]
    expect(answer).to.match(/E-[A-Z0-9]{5}/)
    const failed = await bot.event('update.failed', { errorId })
    expect(failed.plugin).to.equal('counter')
    await bot.event('update.dead-lettered', { errorId })
    expect(await bot.ask(bot.ownerId, '/tick 1')).to.equal('tick 1')
    await bot.stop()
    expect((await ticks()).map(({ number }) => number)).to.deep.equal([1])
  })

  it('puts aside an update that kills the process, after three more tries, and no other', async () => {
    await bot.start()
    const owner = bot.person(bot.ownerId)
    const chats = ['one', 'two', 'three'].map((title) => {
      const group = bot.api.group({ title })
      owner.joins(group)
      return group
    })
    owner.sendText('/die')
    for (const chat of chats) owner.sendText('/slow', { chat })
    expect(await bot.exited()).to.equal(7)
    for (let death = 0; death < 3; death++) {
      bot.spawn()
      expect(await bot.exited()).to.equal(7)
    }
    await bot.start()
    await bot.event('update.dead-lettered')
    for (const { id } of chats) {
      await until('the others are answered', () => bot.said(id).includes('slow done'))
    }
    const dead = bot.lines.filter(({ event }) => event === 'update.dead-lettered')
    expect(dead).to.have.length(1)
  })

  it('answers only what was committed, and finishes what runs at a stop', async () => {
    await bot.start()
    for (let i = 0; i < 30; i++) bot.person(bot.ownerId).sendText(`/tick ${i}`)
    await until('it has begun', () => bot.said(bot.ownerId).length > 2)
    expect(await bot.stop()).to.equal(0)
    const said = bot.said(bot.ownerId).length
    const rows = await ticks()
    expect(rows.length).to.be.at.least(said)
    await bot.start()
    await until('the rest is answered', () => bot.said(bot.ownerId).includes('tick 29'))
    await bot.stop()
    expect((await ticks()).map(({ number }) => number)).to.deep.equal(
      Array.from({ length: 30 }, (_, i) => i),
    )
  })

  it('when the database goes away and comes back', async function () {
    // the embedded database is in the process: it goes away with it, and the kill above is its test
    if (testKind === 'embedded') this.skip()
    await bot.start()
    expect(await bot.ask(bot.ownerId, '/tick 0')).to.equal('tick 0')
    const outage = await bot.cutDatabase()
    for (let i = 1; i <= 5; i++) bot.person(bot.ownerId).sendText(`/tick ${i}`)
    await until('readyz says so', async () => (await bot.http('/readyz')).status === 503, 10_000)
    await outage.end()
    await until('all are answered', () => bot.said(bot.ownerId).includes('tick 5'), 40_000)
    await until(
      'readyz is well again',
      async () => (await bot.http('/readyz')).status === 200,
      20_000,
    )
    await bot.stop()
    expect((await ticks()).map(({ number }) => number)).to.deep.equal([0, 1, 2, 3, 4, 5])
  })
})
