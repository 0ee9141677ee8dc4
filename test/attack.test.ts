import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import { type KnownUpdateKind, updateKinds } from '../core/telegram/kinds.ts'
import type { Call } from '../core/testing/bot-api/journal.ts'

/** Something of each sort that is for people who were let in, and a log line for whatever runs. */
const probe = `
import { buttons, definePlugin, message } from 'opsgram'

const ran = (what) => (ctx) => { ctx.log.info('probe.ran', { what }) }

export default definePlugin({
  name: 'probe',
  version: '1.0.0',
  permissions: { 'probe.hard': { description: 'x', roles: ['operator'] } },
  actions: ({ action }) => ({ act: action({ label: 'Act', permission: 'probe.hard', run: ran('act') }) }),
  commands: ({ command }) => ({
    secret: command({ description: 'x', run: ran('secret') }),
    hard: command({ description: 'x', permission: 'probe.hard', run: ran('hard') }),
    danger: command({ description: 'x', permission: 'probe.hard', confirm: { preview: () => 'all' }, run: ran('danger') }),
    own: command({ description: 'x', run: (ctx) => message('own', buttons(ctx.button('act', {}))) }),
    keys: command({ description: 'x', run: (ctx) => message('keys', buttons(ctx.button('act', {}, { anyone: true }))) }),
  }),
  events: ({ event }) => ${JSON.stringify(updateKinds)}.map((kind) => event(kind, ran(kind))),
})
`

type Fields = Readonly<Record<string, unknown>>

/** Who sends: a person as Telegram shows them, maybe in the name of a chat. */
interface Sender {
  readonly from?: Fields
  readonly sender_chat?: Fields
}

let messageId = 500_000
const group = { id: -100_500, type: 'supergroup', title: 'Ops' }
const date = Math.floor(Date.now() / 1000)

/** A message in the sender's private chat, in the group if no person has one. */
function said(sender: Sender, text = 'hello', more: Fields = {}): Fields {
  const person = sender.sender_chat === undefined ? sender.from : undefined
  const chat = person === undefined ? group : { id: person.id, type: 'private' }
  const entities = text.startsWith('/')
    ? [{ type: 'bot_command', offset: 0, length: /^\S+/.exec(text)?.[0].length }]
    : []
  return { message_id: messageId++, date, chat, text, entities, ...sender, ...more }
}

/** What Telegram sends of each kind; where it names no person who acts, `nobody`. */
const bodies: Readonly<Record<KnownUpdateKind, ((sender: Sender) => Fields) | 'nobody'>> = {
  message: (sender) => said(sender),
  edited_message: (sender) => said(sender, '/secret', { edit_date: date }),
  channel_post: 'nobody',
  edited_channel_post: 'nobody',
  message_reaction: ({ from, sender_chat }) => ({
    chat: group,
    message_id: 1,
    date,
    old_reaction: [],
    new_reaction: [],
    ...(sender_chat === undefined ? { user: from } : { actor_chat: sender_chat }),
  }),
  message_reaction_count: 'nobody',
  inline_query: ({ from }) => ({ id: '1', from, query: '<b>; drop table', offset: '' }),
  chosen_inline_result: ({ from }) => ({ result_id: '1', from, query: '' }),
  callback_query: ({ from }) => ({ id: '1', from, chat_instance: '1', data: 'by hand' }),
  shipping_query: ({ from }) => ({ id: '1', from, invoice_payload: '', shipping_address: {} }),
  pre_checkout_query: ({ from }) => ({ id: '1', from, currency: 'EUR', total_amount: 1 }),
  poll: 'nobody',
  poll_answer: ({ from, sender_chat }) => ({
    poll_id: '1',
    option_ids: [0],
    ...(sender_chat === undefined ? { user: from } : { voter_chat: sender_chat }),
  }),
  my_chat_member: ({ from }) => ({ chat: group, from, date, ...membership }),
  chat_member: ({ from }) => ({ chat: group, from, date, ...membership }),
  chat_join_request: ({ from }) => ({ chat: group, from, date, user_chat_id: from?.id }),
  chat_boost: ({ from }) => ({
    chat: group,
    boost: { boost_id: '1', add_date: date, source: { source: 'premium', user: from } },
  }),
  removed_chat_boost: 'nobody',
  business_connection: ({ from }) => ({ id: '1', user: from, user_chat_id: from?.id, date }),
  business_message: (sender) => said(sender, '/secret', { business_connection_id: '1' }),
  edited_business_message: (sender) => said(sender, '/secret', { business_connection_id: '1' }),
  deleted_business_messages: 'nobody',
  purchased_paid_media: ({ from }) => ({ from, paid_media_payload: '' }),
  managed_bot: ({ from }) => ({ user: from, bot: {} }),
  guest_message: (sender) => said(sender, '/secret', { guest_query_id: '1' }),
  subscription: ({ from }) => ({ user: from, state: 'active' }),
  stopped_message_generation: ({ from }) => ({ chat: { ...from, type: 'private' } }),
}

const membership = {
  old_chat_member: { user: { id: 1 }, status: 'member' },
  new_chat_member: { user: { id: 1 }, status: 'administrator' },
}

/** Kinds that carry no name of a chat in whose name somebody acts: there such a sender can't be. */
const byChat: ReadonlySet<string> = new Set([
  'message',
  'edited_message',
  'message_reaction',
  'poll_answer',
  'business_message',
  'edited_business_message',
  'guest_message',
])

describe('every kind of update × every kind of actor', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot()
    await bot.dropPlugin('probe', { 'index.ts': probe })
  })
  after(() => bot?.stop())

  const person = (role?: string, change?: string) => async (): Promise<Sender> => {
    const made = bot.user(role === undefined ? {} : { role })
    await bot.settled()
    if (change !== undefined) {
      await bot.database.query(`update bot_users set ${change} where telegram_id = $1`, [made.id])
    }
    return { from: { ...made.telegram.user } }
  }
  const asChat = async (): Promise<Sender> => ({
    from: { ...bot.owner.telegram.user },
    sender_chat: group,
  })
  const asBot = async (): Promise<Sender> => ({
    from: { ...bot.owner.telegram.user, is_bot: true },
  })

  /** `in`: let in. `out`: nothing runs. `nobody`: nothing runs, and nothing is said either. */
  const actors: readonly [who: string, is: 'in' | 'out' | 'nobody', make: () => Promise<Sender>][] =
    [
      ['an owner', 'in', async () => ({ from: { ...bot.owner.telegram.user } })],
      ['an operator', 'in', person('operator')],
      ['a guest', 'in', person('guest')],
      ['a stranger', 'out', person()],
      ['one who was never let in', 'out', person('guest', `status = 'pending'`)],
      [
        'one whose access has ended',
        'out',
        person('admin', `access_until = now() - interval '1 s'`),
      ],
      ['a blocked person', 'nobody', person('admin', `status = 'blocked'`)],
      ['a bot with an owner’s id', 'nobody', asBot],
      ['an owner in the name of a chat', 'nobody', asChat],
      ['nobody at all', 'nobody', async () => ({})],
    ]

  interface Attack {
    readonly who: string
    readonly is: 'in' | 'out' | 'nobody'
    readonly by: Sender
  }
  /** What ran, by who sent. */
  type Ran = ReadonlyMap<string, readonly unknown[]>

  const everybody = (): Promise<readonly Attack[]> =>
    Promise.all(actors.map(async ([who, is, make]) => ({ who, is, by: await make() })))

  /** Has each of them send something, all at once. */
  async function attack(
    attackers: readonly Attack[],
    update: (attacker: Attack) => Record<string, unknown>,
  ): Promise<{ ran: Ran; calls: readonly Call[] }> {
    await bot.settled()
    const from = bot.log.length
    const sent = bot.telegram.calls().length
    const senders = new Map(
      attackers.map((attacker) => [
        bot.telegram.api.inject(update(attacker)).update_id,
        attacker.who,
      ]),
    )
    await bot.settled()
    const lines = bot.log.slice(from).filter(({ event }) => event === 'probe.ran')
    const ran = Map.groupBy(lines, ({ fields }) => senders.get(Number(fields.updateId)) ?? '?')
    const calls = bot.telegram.calls().slice(sent)
    return {
      ran: new Map([...ran].map(([who, all]) => [who, all.map(({ fields }) => fields.what)])),
      calls: calls.filter(({ method }) => !/^(getUpdates|setMyCommands|getMe)$/i.test(method)),
    }
  }

  for (const kind of updateKinds) {
    it(`${kind}: runs for those who are let in alone`, async () => {
      const make = bodies[kind]
      const attackers = await everybody()
      const { ran, calls } = await attack(attackers, ({ who, by }) => {
        const body = make === 'nobody' ? { chat: group, date, message_id: 1, id: who } : make(by)
        return { [kind]: kind === 'callback_query' ? { ...body, id: who } : body }
      })
      const answered = new Set<unknown>()
      for (const { who, is, by } of attackers) {
        const hidden = by.sender_chat !== undefined && !byChat.has(kind)
        const runs = make !== 'nobody' && (is === 'in' || hidden)
        expect(ran.get(who) ?? [], `${kind} of ${who}`).to.deep.equal(runs ? [kind] : [])
        if (runs) answered.add(who)
        // a stranger hears one sentence, in private, of what was meant for the bot
        if (is === 'out' && kind === 'message') answered.add(by.from?.id)
      }
      for (const { method, params } of calls) {
        expect(method).to.be.oneOf(['sendMessage', 'answerCallbackQuery'])
        expect([...answered], method).to.include(params.chat_id ?? params.callback_query_id)
      }
    })
  }

  const disguises: readonly [what: string, (sender: Sender) => Fields, runs: readonly string[]][] =
    [
      ['a command', (by) => said(by, '/secret'), ['an owner', 'an operator', 'a guest']],
      ['a guarded command', (by) => said(by, '/hard'), ['an owner', 'an operator']],
      [
        'a forwarded command',
        (by) => said(by, '/secret', { forward_origin: { type: 'user' } }),
        [],
      ],
      ['a command by way of another bot', (by) => said(by, '/secret', { via_bot: { id: 5 } }), []],
      ['a command for another bot', (by) => said(by, '/secret@other_bot'), []],
      ['4,096 emoji', (by) => said(by, '😀'.repeat(4096)), []],
      [
        'markup, RTL and SQL',
        (by) => said(by, `/hard '; drop table bot_users; -- <b>\u202e\u200b`),
        ['an owner', 'an operator'],
      ],
    ]
  for (const [what, body, runs] of disguises) {
    it(`${what} runs for ${runs.join(', ') || 'nobody'}`, async () => {
      const { ran } = await attack(await everybody(), ({ by }) => ({ message: body(by) }))
      const commands = [...ran].filter(([, all]) => all.includes('secret') || all.includes('hard'))
      expect(commands.map(([who]) => who)).to.have.members(runs)
    })
  }

  it('a press counts for whom the permission is, and not when it is made by hand', async () => {
    await bot.owner.sends('/keys')
    const shown = await bot.owner.sees('keys')
    const data = String(shown.message.buttons[0]?.callback_data)
    expect(data).to.match(/^v1:probe:act:a/)
    const forged = [
      `${data}x`,
      data.replace(':a', ':u'),
      'v1:probe:act:s1',
      'v1:core:yes:a{}',
      'v1:core:renew:a[1,1]',
      'v1:',
      `v1:probe:act:${'x'.repeat(64)}`,
    ]
    // in a chat's name nobody can press (Bot API, CallbackQuery)
    const pressers = (await everybody()).filter(
      ({ by }) => by.from !== undefined && by.sender_chat === undefined,
    )
    for (const pressed of [data, ...forged]) {
      const { ran } = await attack(pressers, ({ by: { from }, who }) => ({
        callback_query: {
          id: who,
          from,
          chat_instance: '1',
          data: pressed,
          message: { message_id: 1, date, chat: group },
        },
      }))
      const acted = [...ran].filter(([, all]) => all.includes('act')).map(([who]) => who)
      expect(acted, pressed).to.have.members(pressed === data ? ['an owner', 'an operator'] : [])
    }
  })

  it('a press that was made for one person, or for one yes, counts for nobody else and no second time', async () => {
    const dataOf = async (command: string, shown: string) => {
      await bot.owner.sends(command)
      const { message } = await bot.owner.sees(shown)
      return String(message.buttons[0]?.callback_data)
    }
    const press = (data: string, { by: { from }, who }: Attack, chat: Fields) => ({
      callback_query: {
        id: `${who} ${messageId++}`,
        from,
        chat_instance: '1',
        data,
        message: { message_id: 1, date, chat },
      },
    })
    const everyone = (await everybody()).filter(
      ({ by }) => by.from !== undefined && by.sender_chat === undefined,
    )
    const [owner] = everyone
    const others = everyone.slice(1).filter(({ who }) => who !== 'a bot with an owner’s id')
    if (owner === undefined) throw new Error('there is no owner')
    const isPrivate = { id: bot.owner.id, type: 'private' }
    const own = await dataOf('/own', 'own')
    const yes = await dataOf('/danger', 'all')
    for (const data of [own, yes]) {
      for (const chat of [group, isPrivate]) {
        const { ran } = await attack(others, (attacker) => press(data, attacker, chat))
        expect([...ran], `${data} of others`).to.deep.equal([])
      }
    }
    // a copy in another chat is not the question that was asked
    const copied = await attack([owner], (attacker) => press(yes, attacker, group))
    expect([...copied.ran]).to.deep.equal([])
    const twice = await attack([owner, owner, owner], (one) => press(yes, one, isPrivate))
    expect([...twice.ran]).to.deep.equal([['an owner', ['danger']]])
    const again = await attack([owner], (attacker) => press(yes, attacker, isPrivate))
    expect([...again.ran]).to.deep.equal([])
    const [row] = await bot.database.query<{ count: number }>(
      `select count(*)::int as count from audit_log where action = 'probe.danger' and outcome = 'done'`,
    )
    expect(row?.count).to.equal(1)
  })
})
