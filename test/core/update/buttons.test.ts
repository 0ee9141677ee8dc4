import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'

const source = (data: string) => `
import { buttons, definePlugin, message } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'keys',
  version: '1.0.0',
  permissions: { 'keys.turn': { description: 'Turn', roles: ['admin'] } },
  actions: ({ action }) => ({
    note: action({ label: 'Note', data: ${data}, run: (_ctx, data) => 'noted ' + JSON.stringify(data) }),
    turn: action({ label: 'Turn', permission: 'keys.turn', run: () => 'turned' }),
  }),
  commands: ({ command }) => ({
    small: command({ description: 'x', run: (ctx) => message('Small', buttons(ctx.button('note', { text: 'a' }))) }),
    large: command({ description: 'x', run: (ctx) => message('Large', buttons(ctx.button('note', { text: 'я'.repeat(100) }))) }),
    all: command({ description: 'x', run: (ctx) => message('All', buttons(
      ctx.button('note', { text: 'a' }, { anyone: true, label: 'Anyone' }),
      ctx.button('note', { text: 'b'.repeat(100) }, { anyone: true, label: 'Anyone at length' }),
      ctx.button('turn', {}, { anyone: true }),
    )) }),
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

  it('are not made with data that does not fit their action', async () => {
    await owner.sends('/wrong')
    await owner.sees(/E-[A-Z0-9]{5}/)
    const failed = bot.log.filter(({ event }) => event === 'update.failed').at(-1)
    expect(failed?.fields.error).to.include({ code: 'OPS_BUTTON' })
  })
})
