import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'
import { coreTexts } from '../core/i18n/core-texts.ts'
import type { NewMessage } from '../core/outbox/rows.ts'
import { Lapses, type LapsesParts } from '../core/update/confirmation/lapses.ts'
import { silentLog } from './support/log.ts'

const plugin = (limit = 100) => `
import { definePlugin } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'danger',
  version: '1.0.0',
  permissions: { 'danger.do': { description: 'x', roles: ['operator', 'admin'] } },
  session: { version: 1, state: z.object({ wiped: z.string().default('nothing') }) },
  commands: ({ command }) => ({
    purge: command({
      description: 'Purge', permission: 'danger.do', args: z.object({ days: z.number().max(${limit}), what: z.string().optional() }),
      confirm: { preview: (ctx, { days }) => 'Would purge ' + days + ' days', coolDownS: 60 },
      run: (ctx, { days }) => 'purged ' + days + ' for ' + ctx.actor.name + ': ' + ctx.message.text,
    }),
    wipe: command({
      description: 'Wipe', permission: 'danger.do', args: z.object({ host: z.string() }),
      confirm: { preview: (ctx, { host }) => 'Would wipe ' + host, by: 'another', withinS: 30 },
      async run(ctx, { host }) {
        await ctx.session.set({ wiped: host })
        return 'wiped ' + host + ' for ' + ctx.actor.name
      },
    }),
    wiped: command({ description: 'Wiped', run: async (ctx) => 'last: ' + (await ctx.session.get()).wiped }),
  }),
})
`

interface AuditRow {
  actor_id: number
  outcome: string
  reason: string
  after: { arguments: string }
}

describe('a command that asks for a yes', () => {
  let bot: TestBot
  let anna: TestPerson
  let boris: TestPerson
  before(async () => {
    bot = await createTestBot()
    await bot.dropPlugin('danger', { 'index.ts': plugin() })
  })
  beforeEach(async () => {
    await bot.settled()
    await bot.database.query('truncate audit_log, confirmations')
    anna = bot.user({ role: 'operator', firstName: 'Anna' })
    boris = bot.user({ role: 'operator', firstName: 'Boris' })
  })
  after(() => bot?.stop())

  const audit = async (): Promise<unknown[]> => {
    await bot.settled()
    const rows = await bot.database.query<AuditRow>(
      `select actor_id, outcome, reason, after from audit_log where action like 'danger.%' order by id`,
    )
    return rows.map(({ actor_id, outcome, reason, after }) => [
      Number(actor_id),
      outcome,
      reason,
      after?.arguments,
    ])
  }

  it('shows what would be done, and does it once, after a yes', async () => {
    await anna.sends('/purge 3 <b>logs</b>')
    const { text, buttons } = await anna.sees('Would purge 3 days')
    expect(text).to.include('/purge 3 <b>logs</b>')
    expect(buttons).to.deep.equal(['Yes, do it', 'No'])
    expect(await audit()).to.deep.equal([])
    await Promise.all([anna.presses('Yes, do it'), anna.presses('Yes, do it')])
    await anna.sees('purged 3 for Anna: /purge 3 <b>logs</b>')
    await anna.doesNotSee('purged')
    expect(await audit()).to.deep.equal([[anna.id, 'done', 'confirmed', '3 <b>logs</b>']])
    await anna.sends('/purge 4')
    await anna.sees(/only just. Wait \d+ seconds/)
    await bot.clock.advance(61_000)
    await anna.sends('/purge 4')
    await anna.sees('Would purge 4')
  })

  it('cools down also between questions that were asked at once', async () => {
    for (const days of [3, 4]) {
      await anna.sends(`/purge ${days}`)
      await anna.sees(`Would purge ${days}`)
    }
    await anna.presses('Yes, do it')
    await anna.sees('purged 4')
    await anna.presses('Yes, do it')
    await anna.seesAlert(/only just. Wait \d+ seconds/)
    await anna.doesNotSee('purged')
    await bot.clock.advance(61_000)
    await anna.presses('Yes, do it')
    await anna.sees('purged 3')
  })

  it('does nothing after a no, and nothing when time ran out: each on record as such', async () => {
    await anna.sends('/purge 3')
    await anna.sees('Would purge')
    await anna.presses('No')
    await anna.sees('Anna said no')
    await anna.sends('/purge 5')
    await anna.sees('Would purge')
    await bot.clock.advance(121_000)
    await anna.presses('Yes, do it')
    await anna.seesAlert('Time ran out')
    await anna.sees('Time ran out')
    await anna.doesNotSee('purged')
    expect(await audit()).to.deep.equal([
      [anna.id, 'refused', 'confirm-no', '3'],
      [anna.id, 'refused', 'confirm-expired', '5'],
    ])
  })

  it('holds to the arguments that were shown, and to the permission at the moment of the yes', async () => {
    await anna.sends('/purge 70')
    await anna.sees('Would purge 70')
    await bot.edit('danger', { 'index.ts': plugin(50) })
    await anna.presses('Yes, do it')
    await anna.seesAlert('not what it was')
    await bot.edit('danger', { 'index.ts': plugin() })
    await boris.sends('/purge 7')
    await boris.sees('Would purge 7')
    await bot.database.query(`update bot_users set role = 'guest' where telegram_id = $1`, [
      boris.id,
    ])
    await boris.presses('Yes, do it')
    await boris.seesAlert('not allowed')
    for (const person of [anna, boris]) await person.doesNotSee('purged')
  })

  it('waits for another one who may do it too, and is done in the name of who asked', async () => {
    const guest = bot.user({ role: 'guest' })
    const stranger = bot.user()
    const group = bot.group({ members: [anna, boris, guest, stranger] })
    await anna.in(group).sends('/wipe sw-1')
    await anna.in(group).sees('Another one who may do this')
    for (const [person, words] of [
      [anna, 'Another one has to'],
      [guest, 'not allowed'],
    ] as const) {
      await person.in(group).presses('Yes, do it')
      await person.in(group).seesAlert(words)
    }
    stranger.telegram.press(
      group.messages.findLast(({ byBot }) => byBot) ?? expect.fail('no message'),
      'Yes, do it',
    )
    await boris.in(group).presses('Yes, do it')
    await boris.in(group).sees('Approved by Boris')
    await boris.in(group).sees('wiped sw-1 for Anna')
    expect(await audit()).to.deep.include([boris.id, 'done', 'approved', 'sw-1'])
    await anna.in(group).sends('/wipe sw-2')
    await anna.in(group).sees('Would wipe sw-2')
    await bot.settled()
    await bot.database.query(`update bot_users set status = 'blocked' where telegram_id = $1`, [
      anna.id,
    ])
    await boris.in(group).presses('Yes, do it')
    await boris.in(group).seesAlert('not allowed any more')
    await boris.in(group).doesNotSee('wiped')
  })

  it('ends by itself when nobody answers in time: on record, told to who waited for another one, once', async () => {
    const group = bot.group({ members: [anna, boris] })
    await anna.sends('/purge 8')
    await anna.sees('Would purge 8')
    await anna.in(group).sends('/wipe sw-<7>')
    await anna.in(group).sees('Another one who may do this')
    const carl = bot.user({ role: 'operator', firstName: 'Carl' })
    await carl.sends('/wipe sw-10')
    await carl.sees('Another one who may do this')
    await bot.settled()
    const told: NewMessage[] = []
    const sender: LapsesParts['sender'] = {
      prepare: async ({ chatId = 0 }, { text }) => ({
        chatId,
        messages: [{ part: { as: 'message', text: String(text), extra: {} } }],
      }),
    }
    const lapses = new Lapses({
      database: bot.database,
      outbox: { write: async (_, messages) => void told.push(...messages), wake: () => undefined },
      sender,
      texts: coreTexts('en'),
      // who was shut out meanwhile is written to no more
      isIn: async (telegramId) => telegramId !== carl.id,
      clock: bot.clock,
      log: silentLog,
    })
    lapses.stop()
    await lapses.pass()
    expect(told, 'there is still time').to.deep.equal([])
    await bot.clock.advance(3_600_000)
    await Promise.all([lapses.pass(), lapses.pass()])
    expect(told.map(({ chatId }) => chatId)).to.deep.equal([group.id])
    expect(JSON.stringify(told)).to.include('sw-&lt;7&gt;').and.include('Time ran out')
    expect(await audit()).to.include.deep.members([
      [anna.id, 'refused', 'confirm-unanswered', '8'],
      [anna.id, 'refused', 'confirm-unanswered', 'sw-<7>'],
      [carl.id, 'refused', 'confirm-unanswered', 'sw-10'],
    ])
    await boris.in(group).presses('Yes, do it')
    await boris.in(group).seesAlert('Time ran out')
    await boris.in(group).doesNotSee('wiped')
  })

  it('has who asked remembered by it, not who approved', async () => {
    const group = bot.group({ members: [anna, boris] })
    await anna.in(group).sends('/wipe sw-9')
    await boris.in(group).presses('Yes, do it')
    await anna.in(group).sees('wiped sw-9 for Anna')
    await anna.in(group).sends('/wiped')
    await anna.in(group).sees('last: sw-9')
    await boris.in(group).sends('/wiped')
    await boris.in(group).sees('last: nothing')
  })

  it('is refused in a manifest that asks nobody, or nothing', async () => {
    for (const confirm of ["{ by: 'another' }", "{ preview: () => 'x', by: 'nobody' }"]) {
      const files = {
        'index.ts': `import { definePlugin } from 'opsgram'
          export default definePlugin({ name: 'wrong', version: '1.0.0', commands: ({ command }) => ({
            a: command({ description: 'x', confirm: ${confirm} as never, run: () => 'x' }) }) })`,
      }
      const error = await bot.dropPlugin('wrong', files).then(
        () => undefined,
        (failure: unknown) => failure,
      )
      expect(error).to.include({ code: 'OPS_PLUGIN_MANIFEST' })
      await bot.removePlugin('wrong')
    }
  })
})
