import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'
import { until } from '../../support/wait.ts'

const source = `
import { OptimisticLockError } from '@mikro-orm/core'
import { AuditEntry, BotUser, buttons, definePlugin, edit, message } from 'opsgram'
import { z } from 'zod'

let tries = 0
const conflict = () => OptimisticLockError.lockFailed('Entry')
const away = () => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export default definePlugin({
  name: 'trouble',
  version: '1.0.0',
  actions: ({ action }) => ({
    late: action({ label: 'Late', async run() { await wait(750); throw new Error('too late') } }),
    slow: action({ label: 'Slow', async run() { await wait(750); return 'slow is done' } }),
    fail: action({ label: 'Fail', run() { throw new Error('no') } }),
    put: action({ label: 'Put', run: () => edit('put in place') }),
  }),
  middleware: ({ middleware }) => [
    middleware({ phase: 'observe', run: async (ctx, next) => {
      if (ctx.message?.text === '/blind') await wait(1e6)
      await next()
      if (ctx.message?.text === '/stare') await wait(1e6)
    } }),
  ],
  commands: ({ command }) => ({
    conflict: command({ description: 'x', args: z.object({ times: z.number() }), run(ctx, { times }) {
      if (tries++ < times) throw conflict()
      const took = tries
      tries = 0
      return 'took ' + took
    } }),
    meet: command({ description: 'x', args: z.object({ id: z.number(), times: z.number() }), async run(ctx, { id, times }) {
      const known = await ctx.em.findOne(BotUser, { telegramId: id })
      if (known !== null && tries >= times) return 'met before'
      // somebody else meets them at the same moment
      if (known === null) await ctx.em.execute("insert into bot_users (id, telegram_id, metadata, created_at, version) values (?, ?, '{}', now(), 1)", ['other ' + id, id])
      tries++
      ctx.em.create(BotUser, { telegramId: id, metadata: {} })
      return 'met now'
    } }),
    away: command({ description: 'x', run() {
      if (tries++ < 2) throw away()
      tries = 0
      return 'back again'
    } }),
    acted: command({ description: 'x', async run(ctx) { await ctx.reply('acted'); throw away() } }),
    write: command({ description: 'x', args: z.object({ how: z.enum(['well', 'badly']) }), run(ctx, { how }) {
      ctx.em.create(AuditEntry, { action: 'trouble.' + how, outcome: 'done' })
      if (how === 'badly') throw new Error('after a write')
      return 'written'
    } }),
    begin: command({ description: 'x', async run(ctx) {
      ctx.signal.addEventListener('abort', () => ctx.log.info('trouble.told'))
      ctx.em.create(AuditEntry, { action: 'trouble.begun', outcome: 'done' })
      await ctx.reply('begun')
      await wait(1e6)
    } }),
    hang: command({ description: 'x', run: () => wait(1e6) }),
    blind: command({ description: 'x', run: () => 'seen' }),
    stare: command({ description: 'x', run: () => 'stared at' }),
    quick: command({ description: 'x', run: () => 'quick' }),
    press: command({ description: 'x', run: (ctx) => message('Press', buttons(
      ctx.button('late', {}), ctx.button('slow', {}), ctx.button('fail', {}), ctx.button('put', {}),
    )) }),
    two: command({ description: 'x', run: async (ctx) => { await ctx.reply('first'); return 'second' } }),
  }),
})
`

describe('handling an update', () => {
  let bot: TestBot
  let owner: TestPerson

  before(async () => {
    bot = await createTestBot({ handlerLimitMs: 2_000 })
    await bot.dropPlugin('trouble', { 'index.ts': source })
    owner = bot.owner
  })
  after(() => bot?.stop())
  // a hang takes the plugin out of service, which is another test's affair
  beforeEach(() => bot.reload('trouble'))

  const dead = (errorId: string | undefined) =>
    bot.database.query<{ error: string }>('select error from inbox where error_id = $1', [errorId])
  const idIn = (text: string) => /E-[A-Z0-9]{5}/.exec(text)?.[0]

  it('repeats a run that met a conflict, a few times', async () => {
    await owner.sends('/conflict 3')
    await owner.sees('took 4')
  })

  it('repeats a run that put a row where somebody else put one just now', async () => {
    await owner.sends('/meet 4711 1')
    await owner.sees('met before')
    await bot.logged('update.repeated')
    const people = await bot.database.query('select id from bot_users where telegram_id = 4711')
    expect(people).to.deep.equal([{ id: 'other 4711' }])
    await bot.reload('trouble')
    await owner.sends('/meet 4711 100')
    const { text } = await owner.sees(/E-[A-Z0-9]{5}/)
    expect((await dead(idIn(text)))[0]?.error, 'one that always does').to.include('nique')
  })

  it('puts an update aside whose conflicts go on, and says that somebody was quicker', async () => {
    await owner.sends('/conflict 100')
    const { text } = await owner.sees('Somebody changed this')
    const [row] = await dead(idIn(text))
    expect(row?.error).to.include('OptimisticLock')
  })

  it('repeats a run that failed because the database was away', async () => {
    await owner.sends('/away')
    await owner.sees('back again')
  })

  it('repeats nothing that has already acted outside', async () => {
    await owner.sends('/acted')
    await owner.sees('acted')
    const { text } = await owner.sees(/E-[A-Z0-9]{5}/)
    expect(await dead(idIn(text))).to.have.length(1)
    await owner.doesNotSee('acted')
  })

  it('writes what a handler changed, and nothing when it throws', async () => {
    await owner.sends('/write badly')
    await owner.sees(/E-[A-Z0-9]{5}/)
    await owner.sends('/write well')
    await owner.sees('written')
    const rows = await bot.database.query<{ action: string }>(
      `select action from audit_log where action like 'trouble.%'`,
    )
    expect(rows).to.deep.equal([{ action: 'trouble.well' }])
  })

  it('cuts a handler off at its deadline, tells the person, and goes on with the chat', async () => {
    await owner.sends('/hang')
    await owner.sends('/users')
    const { text } = await owner.sees(/E-[A-Z0-9]{5}/, { within: 30_000 })
    const [row] = await dead(idIn(text))
    expect(row?.error).to.match(/^OPS_DEADLINE/)
    await owner.sees('People')
  })

  it('cancels what runs when its person says so, at once, and saves nothing of it', async () => {
    await owner.sends('/begin')
    await owner.sees('begun')
    await owner.sends('/quick')
    await owner.sends('/cancel')
    // in their order
    await owner.sees('quick')
    await owner.sees('Cancelled: begin.')
    expect(bot.log.some(({ event }) => event === 'trouble.told')).to.equal(true)
    await owner.sends('/cancel')
    await owner.sees('Nothing of yours is running here.')
    await owner.doesNotSee()
    await until('nothing is open', async () => {
      const open = await bot.database.query('select 1 from inbox where state = 0')
      return open.length === 0
    })
    const begun = await bot.database.query(`select 1 from audit_log where action = 'trouble.begun'`)
    expect(begun).to.deep.equal([])
  })

  for (const command of ['blind', 'stare']) {
    it(`goes on with the chat when an observer never ends (/${command})`, async () => {
      await owner.sends(`/${command}`)
      await owner.sends('/users')
      await owner.sees('People', { within: 30_000 })
      const hung = bot.log.filter(({ event }) => event === 'observer.hung').at(-1)
      expect(hung?.fields).to.include({ plugin: 'trouble' })
    })
  }

  it('answers a press after 700 ms, when its handler takes longer', async () => {
    await owner.sends('/press')
    const began = performance.now()
    await owner.presses('Slow')
    expect(performance.now() - began).to.be.greaterThan(600)
    await owner.sees('slow is done')
  })

  it('tells a failure by an alert, or by a message when the press is answered already', async () => {
    await owner.sends('/press')
    await owner.presses('Fail')
    await owner.seesAlert(/E-[A-Z0-9]{5}/)
    await owner.presses('Late')
    await owner.sees(/E-[A-Z0-9]{5}/)
  })

  it('edits the pressed message, and sends a new one when that is gone', async () => {
    await owner.sends('/press')
    await owner.presses('Put')
    expect((await owner.sees('put in place')).edited).to.equal(true)
    await owner.sends('/press')
    bot.telegram.fail('editMessageText', 400, {
      description: "Bad Request: message can't be edited",
    })
    await owner.presses('Put')
    expect((await owner.sees('put in place')).edited).to.equal(false)
  })

  it('sends what is replied at once before what is returned', async () => {
    await owner.sends('/two')
    await owner.sees('first')
    await owner.sees('second')
  })

  it('keeps an answer that Telegram refuses out of the failures', async () => {
    bot.telegram.fail('sendMessage', 403, { description: 'Forbidden: bot was blocked by the user' })
    await owner.sends('/quick')
    await until('it is in the log', () => bot.log.some(({ event }) => event === 'answer.failed'))
    await bot.settled()
    const [row] = await bot.database.query<{ state: number }>(
      'select state from inbox order by seq desc limit 1',
    )
    expect(row?.state).to.equal(1)
  })
})
