import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'

const source = (data: string) => `
import { buttons, definePlugin, edit, message } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'keys',
  version: '1.0.0',
  permissions: { 'keys.turn': { description: 'Turn', roles: ['admin'] } },
  setup: () => ({ count: 0 }),
  actions: ({ action }) => ({
    note: action({ label: 'Note', data: ${data}, run: (_ctx, data) => 'noted ' + JSON.stringify(data) }),
    slow: action({ label: 'Slow', run: async () => { await globalThis.untilReleased; return edit('done at last') } }),
    turn: action({ label: 'Turn', permission: 'keys.turn', run: () => 'turned' }),
    page: action({
      label: 'Page',
      data: z.object({ page: z.number(), of: z.number() }),
      run: (ctx, { page, of }) => edit('page ' + page, buttons(ctx.pager('page', { page, pages: of }, { of }))),
    }),
    add: action({
      label: 'Add', data: z.object({ text: z.string() }),
      fingerprint: (ctx) => ctx.plugin.count, run: (ctx) => 'now ' + ++ctx.plugin.count,
    }),
  }),
  commands: ({ command }) => ({
    small: command({ description: 'x', run: (ctx) => message('Small', buttons(ctx.button('note', { text: 'a' }))) }),
    slow: command({ description: 'x', run: (ctx) => message('Slow?', buttons(ctx.button('slow'))) }),
    large: command({ description: 'x', run: (ctx) => message('Large', buttons(ctx.button('note', { text: 'я'.repeat(100) }))) }),
    all: command({ description: 'x', run: (ctx) => message('All', buttons(
      ctx.button('note', { text: 'a' }, { anyone: true, label: 'Anyone' }),
      ctx.button('note', { text: 'b'.repeat(100) }, { anyone: true, label: 'Anyone at length' }),
      ctx.button('turn', {}, { anyone: true }),
    )) }),
    mine: command({ description: 'x', run: (ctx) => message('Mine', buttons(
      [ctx.button('turn'), ctx.button('note', { text: 'a' })], ctx.button('turn', {}, { label: 'Once more' }),
    )) }),
    soon: command({ description: 'x', run: (ctx) => message('Soon', buttons(
      ctx.button('note', { text: 'a' }, { withinS: 60, label: 'A' }),
      ctx.button('note', { text: 'b'.repeat(90) }, { withinS: 60, label: 'B' }),
    )) }),
    add: command({ description: 'x', run: (ctx) => message('Add', buttons(
      ctx.button('add', { text: 'a' }, { fingerprint: ctx.plugin.count, label: 'Short' }),
      ctx.button('add', { text: 'b'.repeat(90) }, { fingerprint: ctx.plugin.count, label: 'Long' }),
    )) }),
    bare: command({ description: 'x', run: (ctx) => message('Bare', buttons(ctx.button('add', { text: 'a' }))) }),
    list: command({ description: 'x', args: z.object({ page: z.number(), of: z.number() }), run: (ctx, { page, of }) =>
      message('list', buttons(ctx.pager('page', { page, pages: of }, { of }))) }),
    wrong: command({ description: 'x', run: (ctx) => message('Wrong', buttons(ctx.button('note', { text: 5 }))) }),
  }),
})
`
const text = 'z.object({ text: z.string() })'

describe('buttons', () => {
  let bot: TestBot
  let owner: TestPerson

  before(async () => {
    bot = await createTestBot()
    owner = bot.owner
    await bot.dropPlugin('keys', { 'index.ts': source(text) })
  })
  after(() => bot?.stop())

  const kept = () => bot.database.query('select 1 from button_payloads')

  it('are not shown to whom they would refuse', async () => {
    const operator = bot.user({ role: 'operator' })
    await operator.sends('/mine')
    const shown = await operator.sees('Mine')
    expect(shown.buttons).to.deep.equal(['Note'])
    await owner.sends('/mine')
    expect((await owner.sees('Mine')).buttons).to.deep.equal(['Turn', 'Note', 'Once more'])
  })

  it('carry what fits, and keep in the database what does not', async () => {
    const before = (await kept()).length
    await owner.sends('/small')
    await owner.presses('Note')
    await owner.sees('noted {"text":"a"}')
    expect(await kept()).to.have.length(before)
    await owner.sends('/large')
    await owner.sees('Large')
    await owner.presses('Note')
    await owner.sees(`noted {"text":"${'я'.repeat(100)}"}`)
    expect(await kept()).to.have.length(before + 1)
  })

  it('work on after a restart, whether their data travel or are kept', async () => {
    await owner.sends('/small')
    await owner.sends('/large')
    await owner.sees('Large')
    await bot.restart()
    await owner.presses('Note')
    await owner.sees(`noted {"text":"${'я'.repeat(100)}"}`)
    await owner.sends('/small')
    await owner.sees('Small')
    await bot.restart()
    await owner.presses('Note')
    await owner.sees('noted {"text":"a"}')
  })

  it('are answered while what they do goes on', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    Object.assign(globalThis, { untilReleased: promise })
    await owner.sends('/slow')
    const { message } = await owner.sees('Slow?')
    const { text } = await owner.presses('Slow')
    expect(text ?? '').to.equal('')
    expect(message.buttons, 'it still runs').to.have.length(1)
    resolve()
    await owner.sees('done at last')
    expect(message.buttons).to.deep.equal([])
    Reflect.deleteProperty(globalThis, 'untilReleased')
  })

  it('obey only whom they were made for', async () => {
    const operator = bot.user({ role: 'operator' })
    const group = bot.group({ members: [owner, operator] })
    for (const command of ['/small', '/large']) {
      await owner.in(group).sends(command)
      await owner.in(group).sees(command === '/small' ? 'Small' : 'Large')
      await operator.in(group).presses('Note')
      await operator.in(group).seesAlert('for somebody else')
      await operator.in(group).doesNotSee('noted')
    }
  })

  it('obey anyone who holds the permission, when they were made for anyone', async () => {
    const operator = bot.user({ role: 'operator' })
    const group = bot.group({ members: [owner, operator] })
    await owner.in(group).sends('/all')
    await owner.in(group).sees('All')
    await operator.in(group).presses('Anyone')
    await operator.in(group).sees('noted {"text":"a"}')
    await operator.in(group).presses('Anyone at length')
    await operator.in(group).sees('noted {"text":"bbb')
    await operator.in(group).presses('Turn')
    await operator.in(group).seesAlert('not allowed')
    await owner.in(group).presses('Turn')
    await owner.in(group).sees('turned')
  })

  it('say that they are out of date when a reload changed what they carry', async () => {
    await owner.sends('/small')
    await owner.sends('/large')
    await owner.sees('Large')
    await bot.dropPlugin('keys', { 'index.ts': source('z.object({ words: z.array(z.string()) })') })
    await owner.presses('Note')
    await owner.seesAlert('out of date')
    await bot.removePlugin('keys')
    await owner.presses('Note')
    await owner.seesAlert('out of date')
    await bot.dropPlugin('keys', { 'index.ts': source(text) })
  })

  it('say that they are out of date when their time is over', async () => {
    await owner.sends('/large')
    await owner.sees('Large')
    await bot.database.query(`update button_payloads set expires_at = now() - interval '1 second'`)
    await owner.presses('Note')
    await owner.seesAlert('out of date')
  })

  it('work for as long as they were made for, whether their data travel or are kept', async () => {
    await owner.sends('/soon')
    await owner.sees('Soon')
    await bot.clock.advance(40_000)
    for (const label of ['A', 'B']) {
      await owner.presses(label)
      await owner.sees('noted')
    }
    await bot.clock.advance(21_000)
    for (const label of ['A', 'B']) {
      await owner.presses(label)
      await owner.seesAlert('out of date')
    }
  })

  it('do nothing when what they were made for has changed since', async () => {
    for (const label of ['Short', 'Long']) {
      await owner.sends('/add')
      const { message } = await owner.sees('Add')
      for (const { callback_data: data } of message.buttons) {
        expect(Buffer.byteLength(String(data))).to.be.at.most(64)
      }
      await owner.presses(label)
      await owner.sees('now')
      await owner.presses(label)
      await owner.seesAlert('has changed since')
      await owner.doesNotSee('now')
    }
    await owner.sends('/bare')
    await owner.sees(/E-[A-Z0-9]{5}/)
  })

  it('turn pages: none, by number, or step by step', async () => {
    const shown = async (page: number, of: number) => {
      await owner.sends(`/list ${page} ${of}`)
      return (await owner.sees('list')).buttons
    }
    expect(await shown(1, 1)).to.deep.equal([])
    expect(await shown(9, 3)).to.deep.equal(['1', '2', '·3·'])
    expect(await shown(0, 8))
      .to.have.length(8)
      .and.include('·1·')
    expect(await shown(1, 9)).to.deep.equal(['«', '‹', '1/9', '›', '»'])
    await owner.presses('»')
    expect((await owner.sees('page 9')).buttons[2]).to.equal('9/9')
    // at the end: the same page once more
    await owner.presses('›')
    await owner.presses('‹')
    await owner.sees('page 8')
  })

  it('are not made with data that does not fit their action', async () => {
    await owner.sends('/wrong')
    await owner.sees(/E-[A-Z0-9]{5}/)
    const failed = bot.log.filter(({ event }) => event === 'update.failed').at(-1)
    expect(failed?.fields.error).to.include({ code: 'OPS_BUTTON' })
  })
})
