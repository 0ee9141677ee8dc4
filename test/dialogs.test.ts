import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'
import { until } from './support/wait.ts'

const plugin = ({ version = 1, more = '' } = {}) => `
import { definePlugin } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'desk',
  version: '1.0.0',
  permissions: { 'desk.write': { description: 'x', roles: ['operator'] } },
  dialogs: ({ dialog }) => ({
    add: dialog({
      version: ${version}, permission: 'desk.write', withinS: 600, ${more}
      state: z.object({
        host: z.string().min(3), hours: z.number().max(24), how: z.enum(['planned', 'urgent']),
        note: z.string().optional(), by: z.number(),
      }),
      steps: {
        host: { ask: () => 'Which host?' },
        hours: { ask: (_ctx, { host }) => 'How long for ' + host + '?' },
        how: { ask: () => 'How?', next: (_ctx, { how }) => (how === 'urgent' ? 'note' : 'end') },
        note: { ask: () => 'A note?' },
      },
      finish: (ctx, state) => {
        if (state.host === 'broken') throw new Error('broken')
        return [state.host, state.hours, state.how, state.note ?? 'no note', state.by === ctx.actor.telegramId].join(' | ')
      },
    }),
  }),
  commands: ({ command }) => ({
    add: command({ description: 'Add', permission: 'desk.write', run: (ctx) => ctx.begin('add', { by: ctx.actor.telegramId }) }),
    look: command({ description: 'Look', run: () => 'looked' }),
    move: command({
      description: 'Move', permission: 'desk.write',
      args: z.object({ what: z.string().min(2), to: z.enum(['attic', 'cellar']), count: z.number(), why: z.string().optional() }),
      run: (ctx, { what, to, count }) => count + ' ' + what + ' to ' + to + ': ' + ctx.message.text,
    }),
  }),
})
`

describe('a dialog', () => {
  let bot: TestBot
  let anna: TestPerson
  before(async () => {
    bot = await createTestBot()
    await bot.dropPlugin('desk', { 'index.ts': plugin() })
  })
  beforeEach(() => {
    anna = bot.user({ role: 'operator', firstName: 'Anna' })
  })
  after(() => bot?.stop())

  const open = async (): Promise<unknown[]> => {
    await bot.settled()
    return bot.database.query('select step from user_sessions where user_id = $1', [anna.id])
  }
  const asked = async (person: TestPerson, said: string, question: RegExp | string) => {
    await person.sends(said)
    return person.sees(question)
  }

  it('takes the buttons of a question away when it is answered, however that is done', async () => {
    const gone = ({ message }: Awaited<ReturnType<typeof asked>>) =>
      until('the buttons are gone', () => message.buttons.length === 0)
    const host = await asked(anna, '/add', 'Which host?')
    const again = await asked(anna, 'x', 'at least 3 characters')
    expect(again.buttons).to.deep.equal([])
    // it still stands
    expect(host.message.buttons).to.have.length(1)
    const hours = await asked(anna, 'sw-1', 'How long for sw-1?')
    await gone(host)
    await asked(anna, '/back', 'Which host?')
    await gone(hours)
    const anew = await asked(anna, '/add', 'Which host?')
    const [first] = anew.message.buttons
    expect(first?.text).to.equal('Cancel')
    await asked(anna, '/cancel', 'Cancelled')
    await gone(anew)
    const what = await asked(anna, '/move', '“what” is missing')
    await asked(anna, '/move desk attic 2', '2 desk to attic')
    await gone(what)
    // whether that can be done is nobody's trouble
    bot.telegram.fail('editMessageReplyMarkup', 400)
    const left = await asked(anna, '/add', 'Which host?')
    await asked(anna, 'sw-1', 'How long for sw-1?')
    await bot.settled()
    expect(left.message.buttons).to.have.length(1)
    await anna.presses('Cancel')
    await anna.sees('Cancelled')
  })

  it('T28: asks one question after the other, says what does not fit, and finishes with what its state holds', async () => {
    const { buttons } = await asked(anna, '/add', 'Which host?')
    expect(buttons).to.deep.equal(['Cancel'])
    await asked(anna, 'x', /at least 3 characters are expected.*\n.*\/cancel/)
    await asked(anna, 'sw-1', 'How long for sw-1?')
    await asked(anna, 'long', '“long” is not a number')
    await asked(anna, '25', 'at most 24 is expected')
    const how = await asked(anna, '2,5', 'How?')
    expect(how.buttons).to.deep.equal(['planned', 'urgent', 'Back', 'Cancel'])
    // commands win, and the dialog goes on
    await asked(anna, '/look', 'looked')
    await anna.presses('urgent')
    await anna.sees('How?\n\n› urgent')
    await anna.sees('A note?')
    await anna.presses('Skip')
    await anna.sees('sw-1 | 2.5 | urgent | no note | true')
    expect(await open()).to.deep.equal([])
    await anna.sends('sw-2')
    await anna.doesNotSee('How long')
  })

  it('takes an answer that was on its way before the question', async () => {
    await Promise.all([anna.sends('/add'), anna.sends('sw-1'), anna.sends('2')])
    await anna.sees('Which host?')
    await anna.sees('How long for sw-1?')
    await anna.sees('How?')
    await asked(anna, '/cancel', 'Cancelled')
  })

  it('goes back, and takes what is typed for the button of that name', async () => {
    await asked(anna, '/add', 'Which host?')
    await asked(anna, '/back', 'This is the first question')
    await asked(anna, 'sw-1', 'How long for sw-1?')
    await anna.presses('Back')
    await anna.sees('Which host?')
    await asked(anna, 'sw-9', 'How long for sw-9?')
    await asked(anna, '/skip', 'needs an answer')
    await asked(anna, '3', 'How?')
    await asked(anna, 'PLANNED', 'sw-9 | 3 | planned | no note | true')
  })

  it('takes a press once, of the question that stands, and of nobody else', async () => {
    await asked(anna, '/add', 'Which host?')
    await asked(anna, 'sw-1', 'How long')
    await asked(anna, '1', 'How?')
    await Promise.all([anna.presses('urgent'), anna.presses('planned')])
    await anna.seesAlert('no longer stands')
    await anna.sees('A note?')
    expect(await open()).to.deep.equal([{ step: 'note' }])
    await asked(anna, '/add', /is over.*\n\nWhich host\?/s)
    await anna.presses('Skip')
    await anna.seesAlert('no longer stands')
  })

  it('ends with /cancel, by its button, and when its time is over', async () => {
    await asked(anna, '/add', 'Which host?')
    await asked(anna, '/cancel', 'Cancelled. Nothing was saved.')
    await asked(anna, '/cancel', 'Nothing of yours is running here')
    await asked(anna, '/add', 'Which host?')
    await anna.presses('Cancel')
    await anna.sees('Cancelled. Nothing was saved.')
    await asked(anna, '/add', 'Which host?')
    await bot.clock.advance(601_000)
    await asked(anna, 'sw-1', 'Time ran out')
    expect(await open()).to.deep.equal([])
  })

  it('asks for the permission at every step', async () => {
    await asked(anna, '/add', 'Which host?')
    await bot.settled()
    await bot.database.query(`update bot_users set role = 'guest' where telegram_id = $1`, [
      anna.id,
    ])
    await asked(anna, 'sw-1', 'not allowed to do this any more')
    expect(await open()).to.deep.equal([])
    const row = await until('it is on record', async () => {
      const rows = await bot.database.query<{ action: string; reason: string }>(
        `select action, reason from audit_log where actor_id = $1 and outcome = 'refused'`,
        [anna.id],
      )
      return rows[0]
    })
    expect(row).to.deep.equal({ action: 'desk.add.host', reason: 'permission' })
  })

  it('stays where it is when its end fails, and writes nothing of it', async () => {
    await asked(anna, '/add', 'Which host?')
    await asked(anna, 'broken', 'How long')
    await asked(anna, '1', 'How?')
    await anna.presses('planned')
    await anna.seesAlert(/Something went wrong/)
    expect(await open()).to.deep.equal([{ step: 'how' }])
  })

  it('goes on after a reload; as another version only if that takes what is kept', async () => {
    await asked(anna, '/add', 'Which host?')
    await asked(anna, 'sw-1', 'How long')
    await bot.edit('desk', { 'index.ts': plugin() })
    await asked(anna, '2', 'How?')
    const migrate = `migrate: (answers) => ({ ...answers, host: answers.host + '.example' }),`
    await bot.edit('desk', { 'index.ts': plugin({ version: 2, more: migrate }) })
    await asked(anna, 'planned', 'sw-1.example | 2 | planned')
    await asked(anna, '/add', 'Which host?')
    await bot.edit('desk', { 'index.ts': plugin({ version: 3 }) })
    await asked(anna, 'sw-1', 'changed in the meantime')
    expect(await open()).to.deep.equal([])
    await bot.edit('desk', { 'index.ts': plugin() })
  })

  it('hears replies alone in a group, of the person with whom it is held', async () => {
    const boris = bot.user({ role: 'operator', firstName: 'Boris' })
    const group = bot.group({ members: [anna, boris] })
    await anna.in(group).sends('/add')
    await anna.in(group).sees(/Which host\?\n\nAnswer by replying/)
    await anna.in(group).sends('sw-1')
    await anna.in(group).doesNotSee('How long')
    await boris.in(group).presses('Cancel')
    await boris.in(group).seesAlert('for somebody else')
    expect(await open()).to.deep.equal([{ step: 'host' }])
  })

  it('asks in private for arguments that a command lacks', async () => {
    await asked(anna, '/move chairs', /“to” is missing.*\nUsage: \/move/)
    await anna.presses('cellar')
    await anna.sees('› cellar')
    await anna.sees('“count” is missing')
    await asked(anna, 'many', '“many” is not a number')
    await anna.presses('Back')
    await anna.sees('“to” is missing')
    await asked(anna, 'attic', '“count” is missing')
    await asked(anna, '4', '4 chairs to attic: /move chairs')
    await asked(anna, '/move', '“what” is missing')
    await asked(anna, '/move tables cellar 2', '2 tables to cellar')
    await anna.sends('desks')
    await anna.doesNotSee('missing')
    await asked(anna, '/move', '“what” is missing')
    await asked(anna, 'old "oak" chairs', '“to” is missing')
    await asked(anna, 'roof', 'one of attic, cellar is expected')
    await asked(anna, '/cancel', 'Cancelled')
  })

  it('can be begun only as the manifest says', async () => {
    for (const [from, to] of [
      ["host: { ask: () => 'Which host?' },", "other: { ask: () => 'x' },"],
      ["permission: 'desk.write', withinS", "permission: 'desk.wrong', withinS"],
      ['withinS: 600,', "withinS: 600, start: 'none',"],
    ] as const) {
      const error = await bot
        .edit('desk', { 'index.ts': plugin().replace(from, to) })
        .then(() => undefined)
        .catch((failure: unknown) => failure)
      expect(error).to.include({ code: 'OPS_PLUGIN_MANIFEST' })
    }
    await bot.edit('desk', { 'index.ts': plugin() })
  })
})

const trip = `
import { definePlugin, html } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'trip',
  version: '1.0.0',
  dialogs: ({ dialog }) => ({
    plan: dialog({
      version: 1,
      state: z.object({ from: z.iso.date(), to: z.iso.date() }),
      steps: {
        from: { ask: () => html\`<b>From</b> when?\`, range: () => ({ from: '2026-02-28', to: '2027-01-15' }) },
        to: { ask: () => 'Until when?', range: (_ctx, { from }) => ({ from }) },
      },
      finish: (_ctx, { from, to }) => from + ' to ' + to,
    }),
  }),
  commands: ({ command }) => ({
    plan: command({ description: 'Plan', run: (ctx) => ctx.begin('plan') }),
    off: command({
      description: 'Off', args: z.object({ day: z.iso.date(), text: z.string() }), run: (_ctx, { day, text }) => day + ': ' + text,
    }),
  }),
})
`

type Shown = Awaited<ReturnType<TestPerson['sees']>>['message']

describe('a question for a day', () => {
  let bot: TestBot
  let anna: TestPerson
  before(async () => {
    // Sunday evening in Berlin, Monday in Tokyo
    bot = await createTestBot({ now: '2026-03-01T20:00:00Z' })
    await bot.dropPlugin('trip', { 'index.ts': trip })
  })
  beforeEach(() => {
    anna = bot.user({ role: 'operator', firstName: 'Anna' })
  })
  after(() => bot?.stop())

  const asked = async (person: TestPerson, said: string, answer: RegExp | string) => {
    await person.sends(said)
    return person.sees(answer)
  }

  /** What stands on the buttons by now. */
  const keys = async (message: Shown): Promise<string[]> => {
    await bot.settled()
    return message.buttons.map(({ text }) => text)
  }

  it('has a calendar of the days that may be taken, which turns to other months', async () => {
    const { buttons, message } = await asked(anna, '/plan', 'From when?')
    expect(buttons.slice(0, 14)).to.deep.equal([
      ...['March 2026', '«', '‹', '›', '»'],
      ...['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'],
      ...['•1•', '2'],
    ])
    for (const { callback_data: data } of message.buttons) {
      expect(Buffer.byteLength(String(data))).to.be.at.most(64)
    }
    await anna.presses('‹')
    const february = await keys(message)
    expect(february.slice(0, 5)).to.deep.equal(['February 2026', '·', '·', '›', '»'])
    // one day alone may be taken, and its week alone is shown
    expect(february.slice(12, 19)).to.deep.equal(['·', '·', '·', '·', '·', '·', '28'])
    expect(february[19]).to.equal('Cancel')
    await anna.presses('»')
    expect((await keys(message)).slice(0, 5)).to.deep.equal(['January 2027', '«', '‹', '·', '·'])
    // it is the question that was put, with its markup
    expect(message.entities).to.deep.include({ type: 'bold', offset: 0, length: 4 })
    await anna.presses('January 2027')
    await anna.presses('15')
    await anna.sees('From when?\n\n› Friday, January 15, 2027')
    await anna.sees('Until when?')
    await asked(anna, '14.1.2027', 'a day from Friday, January 15, 2027 on is expected')
    await asked(anna, 'sunday', '2027-01-15 to 2027-01-17')
  })

  it('knows the language and the day of the person', async () => {
    const ivan = bot.user({ role: 'operator', languageCode: 'ru' })
    await bot.settled()
    await bot.database.query(
      `update bot_users set time_zone = 'Asia/Tokyo' where telegram_id = $1`,
      [ivan.id],
    )
    const { buttons } = await asked(ivan, '/plan', 'From when?')
    expect(buttons.slice(5, 20)).to.deep.equal([
      ...['пн', 'вт', 'ср', 'чт', 'пт', 'сб', 'вс'],
      ...['·', '·', '·', '·', '·', '·', '1', '•2•'],
    ])
    await asked(ivan, 'завтра', 'Until when?')
    await asked(ivan, '4.3.', '2026-03-03 to 2026-03-04')
  })

  it('says what is wrong with what was typed', async () => {
    await asked(anna, '/plan', 'From when?')
    await asked(anna, '30.2.2026', '“30.2.2026” is no day. Choose one, or send it like 2026-03-01.')
    await asked(anna, '3/4/2026', 'is no day')
    await asked(anna, '2027-02-01', 'to Friday, January 15, 2027 is expected')
    await asked(anna, '13/3/2026', 'Until when?')
  })

  it('is put in the same way for an argument that a command lacks', async () => {
    const { message } = await asked(anna, '/off', '“day” is missing')
    await anna.presses('›')
    expect((await keys(message))[0]).to.equal('April 2026')
    await anna.presses('17')
    await asked(anna, 'at home', '2026-04-17: at home')
    await asked(anna, '/off 31.4. away', 'a day such as 2026-11-24 is expected')
  })
})
