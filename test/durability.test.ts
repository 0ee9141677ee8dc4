import { expect } from 'chai'
import { openDatabase } from '../core/database/connection.ts'
import { BotProcess } from './support/bot-process.ts'
import { testKind } from './support/database.ts'
import { silentLog } from './support/log.ts'
import { until } from './support/wait.ts'

/** Writes one row an update, through the unit of work; slow enough to be killed in the middle. */
const counter = `
import { execSync } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
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

const jobSchema = defineEntity({
  name: 'Tock',
  tableName: 'counter_tocks',
  properties: { id: p.string().primary(), number: p.integer() },
})
class Tock extends jobSchema.class {}
jobSchema.setClass(Tock)

/** How often /die has killed the process. From the third on what was open is taken up one by one. */
const deaths = join(process.env.DATA_DIR, 'deaths')
const died = () => (existsSync(deaths) ? readFileSync(deaths).length : 0)
let slow = 0

export default definePlugin({
  name: 'counter',
  version: '1.0.0',
  entities: [Tick, Tock],
  jobs: ({ job }) => ({
    tock: job({
      data: z.object({ number: z.number() }),
      retry: { limit: 10, delayMs: 1_000, maxDelayMs: 1_000 },
      async run(ctx, { number }) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        ctx.em.create(Tock, { id: ulid(), number })
      },
    }),
  }),
  dialogs: ({ dialog }) => ({
    talk: dialog({
      version: 1,
      state: z.object({ a: z.number(), b: z.number(), c: z.number() }),
      steps: { a: { ask: () => 'a?' }, b: { ask: () => 'b?' }, c: { ask: () => 'c?' } },
      finish(ctx, { a, b, c }) {
        ctx.em.create(Tock, { id: ulid(), number: 1_000 + a * 100 + b * 10 + c })
      },
    }),
  }),
  commands: ({ command }) => ({
    talk: command({ description: 'Asks', run: (ctx) => ctx.begin('talk') }),
    tick: command({
      description: 'Counts',
      args: z.object({ number: z.number() }),
      async run(ctx, { number }) {
        await new Promise((resolve) => setTimeout(resolve, 2))
        ctx.em.create(Tick, { id: ulid(), chat: ctx.chat.id, number, at: new Date() })
        ctx.enqueue('tock', { number })
        return 'tick ' + number
      },
    }),
    slow: command({
      description: 'Is at work when /die kills the process',
      async run() {
        slow++
        if (died() < 2) await new Promise(() => undefined)
        return 'slow done'
      },
    }),
    die: command({
      description: 'Takes the process with it',
      async run() {
        while (died() < 2 && slow < 3) await new Promise((resolve) => setTimeout(resolve, 5))
        appendFileSync(deaths, 'x')
        execSync('kill -9 ' + process.pid)
      },
    }),
    spread: command({
      description: 'Writes to many',
      args: z.object({ from: z.number(), to: z.number() }),
      run(ctx, { from, to }) {
        for (let chat = from; chat <= to; chat++) ctx.notify(chat, 'news for ' + chat)
        return 'spread'
      },
    }),
    ticks: command({
      description: 'Tells what was counted in this chat',
      async run(ctx) {
        const ticks = await ctx.em.find(Tick, { chat: ctx.chat.id }, { orderBy: { at: 'asc', id: 'asc' } })
        return 'ticks ' + ticks.map(({ number }) => number).join(' ')
      },
    }),
    tocks: command({
      description: 'Tells what jobs have counted',
      async run(ctx) {
        const tocks = await ctx.em.find(Tock, {})
        return 'tocks ' + tocks.map(({ number }) => number).join(' ')
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
    this.addSql('create table counter_tocks (id varchar(26) primary key, number int not null)')
  }
}
`
const plugins = { 'counter/index.ts': counter, 'counter/migrations/0001_ticks.ts': migration }

describe('no update is lost, none is handled twice', function () {
  this.timeout(200_000)
  let bot: BotProcess

  before(async () => {
    bot = await BotProcess.create({ plugins })
    await bot.start()
  })
  after(() => bot.close())

  const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i)

  /** A chat of its own for a test, to which the owner writes. */
  function room(): {
    id: number
    writes(text: string): void
    tick(number: number): void
    said(): string[]
    counted(): Promise<number[]>
  } {
    const owner = bot.person(bot.ownerId)
    const group = bot.api.group({ members: [owner] })
    const said = () => bot.said(group.id)
    const writes = (text: string) => void owner.sendText(text, { chat: group })
    return {
      id: group.id,
      said,
      writes,
      tick: (number) => writes(`/tick ${number}`),
      /** What is in the database, in the order in which it came there. */
      async counted() {
        const before = said().length
        owner.sendText('/ticks', { chat: group })
        const answer = await until('the count', () =>
          said()
            .slice(before)
            .find((text) => text.startsWith('ticks')),
        )
        return answer.split(' ').slice(1).map(Number)
      },
    }
  }

  it('when it is killed with kill -9 in the middle, again and again', async () => {
    const rooms = [room(), room()]
    const total = 120
    let sent = 0
    const send = (count: number) => {
      for (let i = 0; i < count; i++, sent++) rooms[sent % 2]?.tick(sent)
    }
    await bot.ask(bot.ownerId, '/talk')
    for (let round = 0; round < 3; round++) {
      const before = bot.api.journal.counts.sendMessage ?? 0
      bot.person(bot.ownerId).sendText(String(round + 1))
      send(total / 4)
      await until('some were handled', () => (bot.api.journal.counts.sendMessage ?? 0) > before + 3)
      await bot.kill()
      send(5)
      await bot.start()
    }
    send(total - sent)
    for (const [i, { said, counted }] of rooms.entries()) {
      await until('the last is answered', () => said().includes(`tick ${total - 2 + i}`))
      // each once, and in order
      const own = numbers(total).filter((number) => number % 2 === i)
      expect(await counted()).to.deep.equal(own)
      // and no answer is lost, whatever was killed between the commit and Telegram's own
      const unanswered = () => own.filter((number) => !said().includes(`tick ${number}`))
      await until('all are answered', () => unanswered().length === 0)
    }
    // and each job that they asked for, once, as each step of the dialog
    await until('all jobs are done', async () => {
      const tocks = (await bot.ask(bot.ownerId, '/tocks')).split(' ').slice(1).map(Number)
      if (tocks.length < total + 1) return false
      expect(tocks.sort((a, b) => a - b)).to.deep.equal([...numbers(total), 1_123])
      return true
    })
  })

  it('nor is a message lost that what was written calls for; one whose answer was lost comes twice', async () => {
    const [unsent, unanswered, many] = [room(), room(), room()]
    const readers = numbers(12).map(() => bot.api.user())
    const ids = readers.map(({ id }) => id)
    const [from, to] = [Math.min(...ids), Math.max(...ids)]
    const hangs = { kind: 'hang', method: 'sendMessage' } as const
    bot.api.faults.add({ ...hangs, when: 'before', chat: unsent.id })
    bot.api.faults.add({ ...hangs, when: 'after', chat: unanswered.id })
    for (const id of ids) bot.api.faults.add({ kind: '5xx', method: 'sendMessage', chat: id })
    unsent.tick(1)
    unanswered.tick(2)
    many.writes(`/spread ${from} ${to}`)
    await until('it was spread', () => many.said().includes('spread'))
    await until('one was sent', () => unanswered.said().length > 0)
    await bot.event('outbox.delayed', { chatId: to })
    await bot.kill()
    bot.env.NOTICES = 'true'
    bot.api.faults.clear()
    expect(unsent.said()).to.deep.equal([])
    await bot.start()
    await until('the answer', () => unsent.said().length > 0)
    await until('all news', () => ids.every((id) => bot.said(id).length > 0))
    await until('the repeat', () => unanswered.said().length > 1)
    expect(unsent.said()).to.deep.equal(['tick 1'])
    expect(unanswered.said()).to.deep.equal(['tick 2', 'tick 2'])
    for (const id of ids) expect(bot.said(id)).to.deep.equal([`news for ${id}`])
    expect([await unsent.counted(), await unanswered.counted()]).to.deep.equal([[1], [2]])
    // and who is to know is told that it did not end by itself
    const told = await until('the notice', () => bot.said(bot.ownerId).at(-1))
    expect(told)
      .to.match(/^▶️ Opsgram .* runs/)
      .and.to.include('ended without a stop')
    bot.env.NOTICES = 'false'
  })

  it('when Telegram delivers it twice', async () => {
    const { tick, said, counted } = room()
    const fault = bot.api.faults.add({ kind: 'duplicate' })
    for (let i = 0; i < 10; i++) tick(i)
    await until('the last is answered', () => said().includes('tick 9'))
    fault.remove()
    expect(await counted()).to.deep.equal(numbers(10))
  })

  it('writes nothing of a handler that throws, tells an error id, and goes on', async () => {
    const answer = await bot.ask(bot.ownerId, '/fail')
    const errorId = /E-[A-Z0-9]+/.exec(answer)?.[0]
    expect(answer).to.match(/E-[A-Z0-9]{5}/)
    const failed = await bot.event('update.failed', { errorId })
    expect(failed.plugin).to.equal('counter')
    await bot.event('update.dead-lettered', { errorId })
    expect(await bot.ask(bot.ownerId, '/tick 1')).to.equal('tick 1')
    expect(await bot.ask(bot.ownerId, '/ticks')).to.equal('ticks 1')
  })

  it('puts aside an update that kills the process, after three more tries, and no other', async () => {
    const owner = bot.person(bot.ownerId)
    const chats = ['one', 'two', 'three'].map((title) => {
      const group = bot.api.group({ title })
      owner.joins(group)
      return group
    })
    owner.sendText('/die')
    for (const chat of chats) owner.sendText('/slow', { chat })
    expect(await bot.exited()).to.equal(null)
    for (let death = 0; death < 3; death++) {
      bot.spawn()
      expect(await bot.exited()).to.equal(null)
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
    const { tick, said, counted } = room()
    for (let i = 0; i < 30; i++) tick(i)
    await until('it has begun', () => said().length > 2)
    expect(await bot.stop()).to.equal(0)
    const database = await openDatabase({ ...bot.database, log: silentLog })
    try {
      const rows = await database.query<{ number: number }>(
        'select number from counter_ticks where chat = (select chat from counter_ticks order by at desc, id desc limit 1)',
      )
      const committed = rows.map(({ number }) => `tick ${number}`)
      expect(committed).to.include.members(said())
    } finally {
      await database.close()
    }
    await bot.start()
    await until('the rest is answered', () => said().includes('tick 29'))
    expect(await counted()).to.deep.equal(numbers(30))
  })

  const outages = {
    'goes away and comes back': () => bot.cutDatabase(),
    'answers and takes nothing, as a standby, and is a primary again': () => bot.freezeDatabase(),
  }
  for (const [what, begin] of Object.entries(outages)) {
    it(`when the database ${what}`, async function () {
      // the embedded database is in the process: it goes away with it, and the kill above is its test
      if (testKind === 'embedded') this.skip()
      const { tick, said, counted } = room()
      tick(0)
      await until('it is answered', () => said().includes('tick 0'))
      const outage = await begin()
      for (let i = 1; i <= 5; i++) tick(i)
      await until('readyz says so', async () => (await bot.http('/readyz')).status === 503)
      await outage.end()
      await until('all are answered', () => said().includes('tick 5'), 60_000)
      await until('readyz is well again', async () => (await bot.http('/readyz')).status === 200)
      expect(await counted()).to.deep.equal(numbers(6))
    })
  }
})
