import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import { updateKinds } from '../core/telegram/kinds.ts'

/** Takes everything that a plugin can take, and keeps what reached it. */
const spy = `
import { definePlugin } from 'opsgram'
import { z } from 'zod'
const reached = (globalThis.opsgramReached = [])
const kinds = ${JSON.stringify(updateKinds)}
const reach = (what) => async (ctx, next) => {
  reached.push(what)
  if (typeof next === 'function') await next()
}
export default definePlugin({
  name: 'spy',
  version: '1.0.0',
  permissions: { 'spy.high': { description: 'High', roles: ['admin'] } },
  actions: ({ action }) => ({
    open: action({ label: 'Open', run: reach('action open') }),
    high: action({ label: 'High', permission: 'spy.high', data: z.object({ n: z.number() }), run: reach('action high') }),
    long: action({ label: 'Long', data: z.object({ text: z.string() }), run: reach('action long') }),
    other: action({ label: 'Other', data: z.object({ text: z.string() }), run: reach('action other') }),
  }),
  middleware: ({ middleware }) => [
    middleware({ phase: 'observe', async run(ctx, next) { reached.push('observe'); await next() } }),
    ...['authenticate', 'throttle', 'context', 'authorize'].map((phase) => middleware({ phase, run: reach(phase) })),
  ],
  commands: ({ command }) => ({
    spy: command({ description: 'Spies', run: reach('command') }),
    high: command({ description: 'High', permission: 'spy.high', run: reach('command high') }),
    keys: command({
      description: 'Buttons',
      run: async (ctx) => {
        const keys = [['open'], ['high', { n: 1 }], ['long', { text: 'x'.repeat(60) }]].map(([name, data]) =>
          ({ ...ctx.button(name, data, {}) }))
        return { kind: 'content', text: 'keys', buttons: [keys], mode: 'send' }
      },
    }),
  }),
  events: ({ event }) => kinds.map((kind) => event(kind, reach('event ' + kind))),
  telegraf: (composer) => composer.use(reach('composer')),
})
`

describe('who is not let in', () => {
  let bot: TestBot

  before(async function () {
    this.timeout(30_000)
    bot = await createTestBot({ env: { AUTH_BLOCK_AFTER: '1000' } })
    await bot.dropPlugin('spy', { 'index.ts': spy })
  })

  after(() => bot.stop())

  const reached = (): string[] => Reflect.get(globalThis, 'opsgramReached')
  beforeEach(() => reached().splice(0))

  let updates = 0
  /** Hands over updates as Telegram would, one after another, and waits until all are settled. */
  const inject = async (...injected: Record<string, unknown>[]) => {
    for (const update of injected) bot.telegram.api.inject(update)
    updates += injected.length
    await bot.settled()
    return reached().filter((what) => what !== 'observe')
  }

  const command = (text: string) => ({
    message_id: 1_000 + updates,
    date: 1,
    text,
    entities: [{ type: 'bot_command', offset: 0, length: text.split(' ')[0]?.length }],
  })
  const privately = (from: { id: number }) => ({ from, chat: { ...from, type: 'private' } })

  it('reaches observers and nothing else, with an update of any kind', async () => {
    const from = bot.user().telegram.user
    const blocked = bot.user({ role: 'admin', status: 'blocked' }).telegram.user
    const pending = bot.user({ role: 'admin', status: 'pending' }).telegram.user
    for (const who of [from, blocked, pending]) {
      const some = {
        ...command('/spy'),
        ...privately(who),
        user: who,
        id: '1',
        data: 'x',
        query: '',
      }
      expect(await inject(...updateKinds.map((kind) => ({ [kind]: some })))).to.deep.equal([])
    }
    expect(reached().length, 'observed').to.be.above(20)
  })

  it('reaches nothing under the name of a chat, a bot, or nobody', async () => {
    const owner = bot.owner.telegram.user
    const group = { id: -1_000_000_000_123, type: 'supergroup', title: 'Ops' }
    const anonymous = {
      id: 1_087_968_824,
      is_bot: true,
      first_name: 'Group',
      username: 'GroupAnonymousBot',
    }
    const text = command('/spy')
    expect(
      await inject(
        // an anonymous admin, a channel, a linked channel's post: their `from` is a stand-in
        { message: { ...text, chat: group, from: anonymous, sender_chat: group } },
        { message: { ...text, chat: group, from: owner, sender_chat: group } },
        { channel_post: { ...text, chat: group, sender_chat: group } },
        { message: { ...text, chat: group } },
        { message: { ...text, chat: group, from: { ...owner, id: String(owner.id) } } },
        { message: { ...text, chat: group, from: { ...owner, id: owner.id + 2 ** 53 } } },
        { message: { ...text, chat: group, from: { ...owner, is_bot: true } } },
        { callback_query: { id: '1', from: { ...owner, is_bot: true }, data: 'x' } },
        { something_new: { ...text, ...privately(owner) } },
      ),
    ).to.deep.equal([])
  })

  it('runs no command that the person did not type there and then', async () => {
    const owner = bot.owner.telegram.user
    const text = { ...command('/spy'), ...privately(owner) }
    const all = await inject(
      { edited_message: text },
      {
        message: {
          ...text,
          forward_origin: { type: 'hidden_user', sender_user_name: 'x', date: 1 },
        },
      },
      { message: { ...text, forward_date: 1 } },
      // written by another bot, whose inline result was picked
      { message: { ...text, via_bot: { id: 5, is_bot: true, first_name: 'x' } } },
      { business_message: text },
      { guest_message: text },
      {
        message: {
          ...text,
          text: '/spy@other_bot',
          entities: [{ type: 'bot_command', offset: 0, length: 14 }],
        },
      },
      {
        message: {
          ...text,
          text: 'x /spy',
          entities: [{ type: 'bot_command', offset: 2, length: 4 }],
        },
      },
    )
    expect(all).to.not.include('command')
    expect(all).to.include('event edited_message')
  })

  describe('a press', () => {
    /** Data of the three buttons that `/keys` shows to this person. */
    const keysOf = async (person: TestBot['owner']): Promise<string[]> => {
      await person.sends('/keys')
      await person.sees('keys')
      const { api } = bot.telegram
      const markup = api.messages(person.id).findLast(({ byBot }) => byBot)?.api.reply_markup
      reached().splice(0)
      return (markup?.inline_keyboard ?? [])
        .flat()
        .map((key) => String(Reflect.get(key, 'callback_data')))
    }
    const press = (from: { id: number }, data: string) =>
      inject({
        callback_query: {
          id: String(updates),
          from,
          chat_instance: '1',
          data,
          message: { ...command('x'), chat: { id: from.id, type: 'private' } },
        },
      })
    const actions = (all: string[]) =>
      all.filter((what) => what.startsWith('action') || what === 'composer')

    it('with data that the bot did not write for this person does nothing', async () => {
      const person = bot.user({ role: 'admin' })
      const thief = bot.user({ role: 'admin' }).telegram.user
      const mine = await keysOf(person)
      expect(mine).to.have.length(3)
      const [open = '', high = '', long = ''] = mine
      const signature = /:u(.{11})/.exec(high)?.[1] ?? ''
      const tampered = [
        high.replace('"n":1', '"n":2'),
        high.replace('spy:high', 'spy:other'),
        high.replace(':high:u', ':open:u'),
        `v1:spy:high:a${signature}{"n":1}`,
        `v1:spy:high:u${'A'.repeat(11)}{"n":1}`,
        'v1:spy:high:u',
        'v1:spy:high:',
        'v1:spy:high:a',
        'v1:::',
        'v1:',
        'v1:auth:page:aAAAAAAAAAAA{"page":1}',
        long.replace('spy:long', 'spy:other'),
        long.replace('spy:long', 'auth:page'),
        `${long}x`,
        'v1:spy:long:s',
        "v1:spy:long:s' or true --",
        'v1:spy:long:s\0',
        'v1:__proto__:constructor:s1',
      ]
      for (const data of tampered) {
        expect(actions(await press(person.telegram.user, data)), data).to.deep.equal([])
      }
      for (const data of mine) expect(actions(await press(thief, data)), data).to.deep.equal([])
      expect(actions(await press(person.telegram.user, open))).to.deep.equal(['action open'])
    })

    it('does nothing any more once the person has lost the role, or the way in', async () => {
      const admin = bot.user({ role: 'admin' })
      const [open = '', high = '', long = ''] = await keysOf(admin)
      const { user } = admin.telegram
      expect(actions(await press(user, high))).to.deep.equal(['action high'])
      reached().splice(0)
      await bot.owner.sends(`/users role ${admin.id} guest`)
      await bot.owner.sees('guest')
      reached().splice(0)
      expect(actions(await press(user, high))).to.deep.equal([])
      await bot.owner.sends(`/users block ${admin.id}`)
      await bot.owner.sees('blocked')
      reached().splice(0)
      for (const data of [open, high, long])
        expect(actions(await press(user, data))).to.deep.equal([])
    })
  })

  it('holds for what waits in a lane when the person is blocked', async () => {
    const admin = bot.user({ role: 'admin' })
    const user = admin.telegram.user
    await admin.sends('/whoami')
    bot.telegram.api.inject({
      message: { ...command(`/users block ${admin.id}`), ...privately(bot.owner.telegram.user) },
    })
    await bot.settled()
    expect(await inject({ message: { ...command('/high'), ...privately(user) } })).to.not.include(
      'command high',
    )
  })
})
