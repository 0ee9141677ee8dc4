import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'
import { rejected } from './support/rejected.ts'

/** Each route once for everyone and once for users, and a log line for whatever runs. */
const probe = `
import { buttons, definePlugin, message } from 'opsgram'
import { z } from 'zod'

const ran = (what) => (ctx) => {
  ctx.log.info('probe.ran', { what, actor: ctx.actor.kind })
  return ctx.facts.kind === 'message' && what.endsWith('command') ? message(what, buttons(
    ...['openAction', 'closedAction'].map((name) => ctx.button(name, {}, { anyone: true })))) : undefined
}
const everyone = { audience: 'everyone' }

export default definePlugin({
  name: 'probe',
  version: '1.0.0',
  permissions: { 'probe.hard': { description: 'x', roles: ['operator'] } },
  actions: ({ action }) => ({
    openAction: action({ label: 'Open', ...everyone, run: ran('open action') }),
    closedAction: action({ label: 'Closed', run: ran('closed action') }),
  }),
  middleware: ({ middleware }) => ['authenticate', 'throttle', 'context', 'authorize'].flatMap((phase) => [
    middleware({ phase, run: (ctx, next) => { ran('closed ' + phase)(ctx); return next() } }),
    middleware({ phase, ...everyone, run: (ctx, next) => { ran('open ' + phase)(ctx); return next() } }),
  ]),
  commands: ({ command }) => ({
    open: command({ description: 'For everyone', ...everyone, run: ran('open command') }),
    closed: command({ description: 'For users', run: ran('closed command') }),
    here: command({ description: 'For everyone in groups', ...everyone, chats: 'group', run: ran('group command') }),
    number: command({ description: 'A number', ...everyone, args: z.object({ n: z.number() }), run: ran('number') }),
    fails: command({ description: 'Throws', ...everyone, run() { throw new Error('broken') } }),
    mine: command({ description: 'A button', ...everyone, run: (ctx) => message('yours', buttons(ctx.button('openAction'))) }),
    tree: command({ description: 'A tree', ...everyone, subcommands: {
      leaf: command({ description: 'For everyone', ...everyone, run: ran('leaf command') }),
      root: command({ description: 'For users', run: ran('root command') }),
    } }),
  }),
  events: ({ event }) => [
    event('my_chat_member', { ...everyone, run: ran('open my_chat_member') }),
    event('my_chat_member', ran('closed my_chat_member')),
    event('message:photo', { ...everyone, run: ran('open photo') }),
    event('message:text', ran('closed text')),
    event('channel_post', { ...everyone, run: ran('open channel_post') }),
  ],
  telegraf(composer) {
    composer.use((ctx, next) => { ran('telegraf')(ctx); return next() })
  },
})
`

describe("audience: 'everyone'", () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({ env: { AUTH_BLOCK_AFTER: '3' } })
    await bot.dropPlugin('probe', { 'index.ts': probe })
  })
  after(() => bot?.stop())

  /** What of the probe ran, without middleware: \`command as stranger\`. */
  async function ran(act: () => unknown): Promise<string[]> {
    const from = bot.log.length
    await act()
    await bot.settled()
    return bot.log
      .slice(from)
      .filter(({ event }) => event === 'probe.ran')
      .map(({ fields }) => `${String(fields.what)} as ${String(fields.actor)}`)
  }
  const handlers = async (act: () => unknown) =>
    (await ran(act)).filter(
      (what) => !/^(open|closed) (authenticate|throttle|context|author)/.test(what),
    )

  const known = () => bot.user({ role: 'guest' })
  const stranger = () => bot.user()
  const blocked = () => bot.user({ role: 'guest', status: 'blocked' })
  const pending = () => bot.user({ role: 'guest', status: 'pending' })

  const people: [who: string, make: () => TestPerson, expected: string[]][] = [
    ['an active user', known, ['open command as user', 'closed command as user']],
    ['a stranger', stranger, ['open command as stranger']],
    ['somebody who was never let in', pending, ['open command as stranger']],
    ['a blocked person', blocked, []],
  ]
  for (const [who, make, expected] of people) {
    it(`runs for ${who}: ${expected.join(', ') || 'nothing'}`, async () => {
      const person = make()
      const found = await handlers(async () => {
        await person.sends('/open')
        await person.sends('/closed')
      })
      expect(found).to.deep.equal(expected)
      if (expected.length === 0) await person.doesNotSee()
      else await person.sees('open command')
    })
  }

  const words: [text: string, expected: string[]][] = [
    ['/open@opsgram_bot', ['open command as stranger']],
    ['/here', []],
    ['/tree leaf', ['leaf command as stranger']],
    ['/tree root', []],
    ['/nothing', []],
    ['hello', []],
  ]
  for (const [text, expected] of words) {
    it(`runs for a stranger's ${text}: ${expected.join(', ') || 'nothing'}`, async () => {
      const anna = stranger()
      expect(await handlers(() => anna.sends(text))).to.deep.equal(expected)
    })
  }

  it('tells a stranger what the command asks for, and what of it is open', async () => {
    const anna = stranger()
    await anna.sends('/number x')
    await anna.sees('Usage: /number <n>')
    await anna.sends('/tree')
    const { text } = await anna.sees('/tree leaf')
    expect(text).not.to.contain('/tree root')
  })

  it('lets a stranger press what is open, bound to that one where it was made so', async () => {
    const [anna, eve] = [stranger(), stranger()]
    const group = bot.group({ members: [anna, eve] })
    await anna.in(group).sends('/open')
    await anna.in(group).sees('open command')
    expect(await handlers(() => eve.in(group).presses('Open'))).to.deep.equal([
      'open action as stranger',
    ])
    expect(
      await handlers(async () => {
        const error = await rejected(eve.in(group).presses('Closed', { within: 100 }))
        expect(error.code).to.equal('OPS_TEST_DEADLINE')
      }),
    ).to.deep.equal([])
    await anna.in(group).sends('/mine')
    await anna.in(group).sees('yours')
    expect(await handlers(() => eve.in(group).presses('Open'))).to.deep.equal([])
    await eve.in(group).seesAlert()
    expect(await handlers(() => anna.in(group).presses('Open'))).to.deep.equal([
      'open action as stranger',
    ])
  })

  it('serves who writes in the name of a chat, and no other bot that writes', async () => {
    const group = bot.group()
    const command = (from: object, more: object = {}) => {
      const entities = [{ type: 'bot_command', offset: 0, length: 5 }]
      const text = '/open'
      const fields = { message_id: 77_000, date: 1, chat: group.api, from, text, entities }
      return bot.telegram.api.inject({ message: { ...fields, ...more } })
    }
    const anonymous = { id: 1_087_968_824, is_bot: true, first_name: 'Group' }
    const found = await handlers(() => command(anonymous, { sender_chat: group.api }))
    expect(found).to.deep.equal(['open command as chat'])
    const other = { id: 5_555, is_bot: true, first_name: 'Other bot' }
    expect(await handlers(() => command(other))).to.deep.equal([])
  })

  it('hears what happens in chats, whoever did it', async () => {
    const anna = stranger()
    const group = bot.group({ members: [anna] })
    expect(await handlers(() => anna.telegram.addsBot(group, 'administrator'))).to.deep.equal([
      'open my_chat_member as stranger',
    ])
    const channel = bot.telegram.api.group({ type: 'channel', title: 'News' })
    const post = { message_id: 1, date: 1, chat: channel.api, sender_chat: channel.api, text: 'x' }
    expect(await handlers(() => bot.telegram.api.inject({ channel_post: post }))).to.deep.equal([
      'open channel_post as chat',
    ])
  })

  it('lets middleware for everyone alone stand before it, when nobody is known', async () => {
    const phases = ['authenticate', 'throttle', 'context', 'authorize']
    const anna = stranger()
    expect(await ran(() => anna.sends('/open'))).to.deep.equal([
      ...phases.map((phase) => `open ${phase} as stranger`),
      'open command as stranger',
    ])
    expect(await ran(() => anna.sends('/closed'))).to.deep.equal([])
  })

  it('counts no use of what is open as an intrusion, and all else as before', async () => {
    const anna = stranger()
    for (let i = 0; i < 6; i++) await anna.sends('/open')
    for (let i = 0; i < 6; i++) await anna.sees('open command')
    const rows = () =>
      bot.database.query<{ status: string }>(
        'select status from bot_users where telegram_id = $1',
        [anna.id],
      )
    await bot.settled()
    expect(await rows()).to.deep.equal([])
    // what a listener for everyone hears was still not meant for them
    for (let i = 0; i < 3; i++) anna.telegram.sendPhoto({ data: Buffer.from('x') })
    await anna.sees('You have no access')
    await bot.settled()
    expect(await rows()).to.deep.equal([{ status: 'blocked' }])
    expect(await handlers(() => anna.sends('/open'))).to.deep.equal([])
  })

  it('apologizes to strangers too, and lets none of them switch the plugin off', async () => {
    const anna = stranger()
    for (let i = 0; i < 6; i++) {
      await anna.sends('/fails')
      await anna.sees(/E-[A-Z0-9]{5}/)
    }
    expect(bot.plugin('probe').state).to.equal('active')
    for (let i = 0; i < 6; i++) await bot.owner.sends('/fails')
    await bot.settled()
    expect(bot.plugin('probe').state).to.equal('quarantined')
    await anna.sends('/open')
    await anna.sees(/E-[A-Z0-9]{5}/)
  })

  describe('is refused in a manifest', () => {
    const declare = (keys: string) => ({
      'index.ts': `import { definePlugin } from 'opsgram'
const run = () => undefined
export default definePlugin({ name: 'wrong', version: '1.0.0',
  permissions: { 'wrong.do': { description: 'x', roles: [] } }, ${keys} })`,
    })
    const both = "audience: 'everyone', permission: 'wrong.do', run"
    const cases: [what: string, keys: string][] = [
      ['a command', `commands: ({ command }) => ({ a: command({ description: 'x', ${both} }) })`],
      [
        'a subcommand of one with a permission',
        `commands: ({ command }) => ({ a: command({ description: 'x', permission: 'wrong.do',
           subcommands: { b: command({ description: 'x', audience: 'everyone', run }) } }) })`,
      ],
      ['an action', `actions: ({ action }) => ({ a: action({ label: 'x', ${both} }) })`],
      ['an event', `events: ({ event }) => [event('message', { ${both} })]`],
    ]
    for (const [what, keys] of cases) {
      it(`of ${what} beside a permission`, async () => {
        const error = await rejected(bot.dropPlugin('wrong', declare(keys)))
        expect(error.code).to.equal('OPS_PLUGIN_MANIFEST')
        expect(error.message).to.contain('is for everyone and asks for the permission "wrong.do"')
        await bot.removePlugin('wrong')
      })
    }

    it('when it is a word that means nothing', async () => {
      const keys = `commands: ({ command }) => ({ a: command({ description: 'x', audience: 'all', run }) })`
      const error = await rejected(bot.dropPlugin('wrong', declare(keys)))
      expect(error.message).to.contain("'everyone'")
      await bot.removePlugin('wrong')
    })
  })
})
