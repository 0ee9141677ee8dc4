import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import { movedColumns } from '../core/telegram/chat-move.ts'
import { createGateway } from '../core/telegram/gateway.ts'
import { DeadTargets } from '../core/telegram/outgoing/targets.ts'
import { silentLog } from './support/log.ts'
import { rejected } from './support/rejected.ts'
import { until } from './support/wait.ts'

const plugin = `
import { defineEntity, p } from '@mikro-orm/core'
import { buttons, definePlugin, message, ulid } from 'opsgram'
import { z } from 'zod'

const schema = defineEntity({
  name: 'Watch',
  tableName: 'watch_chats',
  properties: { id: p.string().length(26).primary(), chatId: p.bigint('number'), version: p.integer().version() },
})
class Watch extends schema.class {}
schema.setClass(Watch)

export default definePlugin({
  name: 'watch',
  version: '1.0.0',
  entities: [Watch],
  actions: ({ action }) => ({
    more: action({ label: 'More', data: z.object({ text: z.string() }), run: (ctx, { text }) => String(text.length) }),
  }),
  session: { version: 1, state: z.object({ seen: z.number().default(0) }) },
  jobs: ({ job }) => ({ later: job({ run: () => undefined }) }),
  dialogs: ({ dialog }) => ({
    ask: dialog({ version: 1, state: z.object({ what: z.string() }), steps: { what: { ask: () => 'What?' } }, finish: (_ctx, { what }) => 'so: ' + what }),
  }),
  commands: ({ command }) => ({
    talk: command({
      description: 'Remember, and ask',
      async run(ctx) {
        await ctx.session.set({ seen: (await ctx.session.get()).seen + 1 })
        ctx.enqueue('later', {}, { afterMs: 3_600_000 })
        ctx.begin('ask')
      },
    }),
    seen: command({ description: 'Tell', run: async (ctx) => 'seen ' + (await ctx.session.get()).seen }),
    wipe: command({ description: 'Ask', confirm: { preview: () => 'All of it.' }, run: () => 'wiped' }),
    watch: command({
      description: 'Watch this chat',
      run(ctx) {
        ctx.em.create(Watch, { id: ulid(), chatId: ctx.facts.chatId })
        return message('watching', buttons(ctx.button('more', { text: 'x'.repeat(99) }, { anyone: true })))
      },
    }),
    hello: command({ description: 'Greet', run: (ctx) => ctx.reply('hello') }),
  }),
  events: ({ event }) => [
    event('message:migrate_to_chat_id', {
      audience: 'everyone',
      async run(ctx) {
        const from = ctx.facts.chatId
        for (const watch of await ctx.em.find(Watch, { chatId: from })) watch.chatId = ctx.message.migrate_to_chat_id
        if (globalThis.failMove) { globalThis.failMove = false; throw new Error('not now') }
      },
    }),
  ],
})
`
const migration = `
import { Migration } from '@mikro-orm/migrations'
export default class Chats extends Migration {
  override up(): void {
    this.addSql('create table watch_chats (id varchar(26) primary key, chat_id bigint not null, version int not null default 1)')
  }
}
`

/** Columns with ids of chats that keep the old one when a group becomes a supergroup, and why. */
const staying: Readonly<Record<string, string>> = {
  'audit_log.chat_id': 'a record of where it happened',
  'error_reports.chat_id': 'a record of where it happened',
  'message_logs.chat_id': 'a record of where it was said',
  'worklog_entries.chat_id': 'a record of where it was written down',
  'card_messages.chat_id': 'chats of owners with the bot',
  'dead_targets.chat_id': 'forgotten instead',
  'groups_activity.chat_id': 'moved by its plugin',
  'groups_chats.chat_id': 'moved by its plugin',
  'groups_events.chat_id': 'moved by its plugin',
  'watch_chats.chat_id': 'moved by its plugin',
}

describe('what becomes of chats', function () {
  this.timeout(60_000)
  let bot: TestBot

  const dead = async () => {
    const rows = await bot.database.query<{ chat_id: number; reason: string }>(
      'select chat_id, reason from dead_targets order by chat_id',
    )
    return rows.map(({ chat_id, reason }) => `${chat_id}: ${reason}`)
  }
  const deadIs = (...marks: string[]) =>
    until(`the marks ${marks}`, async () => String(await dead()) === String(marks))

  before(async () => {
    bot = await createTestBot({
      plugins: ['plugins/groups', 'plugins/logging', 'plugins/worklog'],
    })
    await bot.dropPlugin('watch', { 'index.ts': plugin, 'migrations/0001_chats.ts': migration })
  })
  after(() => bot?.stop())

  it('who blocks the bot is marked in the database, and freed by the next sign of life', async () => {
    const { telegram } = bot
    const { owner } = bot
    const person = telegram.api.world.personById(owner.id)!
    person.blocksBot()
    await deadIs(`${owner.id}: Forbidden: bot was blocked by the user`)
    person.unblocksBot()
    await deadIs()
  })

  it('an answer that Telegram refuses for good marks the chat, and the next answer is tried all the same', async () => {
    const { owner, telegram } = bot
    telegram.fail('sendMessage', 403, { description: 'Forbidden: user is deactivated' })
    await owner.sends('/hello')
    await bot.settled()
    await owner.sends('/hello')
    await owner.sees('hello')
    await deadIs()
    const marked = bot.log.filter(({ event }) => event.startsWith('telegram.target.'))
    expect(marked.map(({ event }) => event)).to.include('telegram.target.dead')
  })

  it('notices are not sent to a marked chat, by no process, until it lives again', async () => {
    const { api } = bot.telegram
    const ann = api.user()
    const before = new DeadTargets({ database: bot.database, log: silentLog })
    await before.start()
    const options = { token: api.token, apiRoot: api.url, log: silentLog }
    const one = createGateway({ ...options, targets: before })
    ann.chat.refusal = 'user is deactivated'
    const notice = one.with({ lane: 'bulk' })
    const refusal = await notice.sendMessage(ann.id, 'a notice').catch((error: unknown) => error)
    expect(refusal).to.have.property('code', 403)
    await before.stop()

    const after = new DeadTargets({ database: bot.database, log: silentLog })
    await after.start()
    const two = createGateway({ ...options, targets: after })
    const calls = () => bot.telegram.calls('sendMessage').length
    const asked = calls()
    const refused = await rejected(two.with({ lane: 'bulk' }).sendMessage(ann.id, 'a notice'))
    expect(refused).to.include({ code: 'OPS_TELEGRAM_TARGET' })
    expect(calls(), 'nothing was sent').to.equal(asked)
    ann.chat.refusal = undefined
    await two.telegram.sendMessage(ann.id, 'an answer is tried')
    after.alive(ann.id)
    await two.with({ lane: 'bulk' }).sendMessage(ann.id, 'a notice')
    await after.stop()
    expect(api.messages(ann.id).map(({ text }) => text)).to.deep.equal([
      'an answer is tried',
      'a notice',
    ])
    await Promise.all([one.close(), two.close()])
  })

  it('a group that becomes a supergroup takes along what core and plugins keep of it, in one transaction', async () => {
    const { api } = bot.telegram
    const group = bot.group({ type: 'group', members: [bot.owner] })
    await bot.owner.in(group).sends('/watch')
    await bot.settled()
    const kept = async () => [
      ...(await bot.database.query('select chat_id as chat from watch_chats')),
      ...(await bot.database.query('select chat from button_payloads')),
    ]
    expect(await kept()).to.deep.equal([{ chat: group.id }, { chat: group.id }])
    // a failure of either leaves both where they are
    Object.assign(globalThis, { failMove: true })
    api.inject({
      message: {
        message_id: 99,
        date: Math.floor(Date.now() / 1000),
        chat: { id: group.id, type: 'group', title: 'Group' },
        from: { id: bot.owner.id, is_bot: false, first_name: 'Olga' },
        migrate_to_chat_id: -1_000_000_000_777,
      },
    })
    await bot.settled()
    expect(await kept()).to.deep.equal([{ chat: group.id }, { chat: group.id }])
    const next = api.world.migrate(api.world.chat(group.id)!)
    await until('the move', async () => {
      const moved = JSON.stringify(await kept())
      return moved === JSON.stringify([{ chat: next.id }, { chat: next.id }])
    })
    await bot.settled()
  })

  it('dialogs, sessions, questions and jobs of a group go on in the supergroup', async () => {
    const { api } = bot.telegram
    const { owner } = bot
    const group = bot.group({ type: 'group', members: [owner] })
    await owner.in(group).sends('/talk')
    await owner.in(group).sees('What?')
    await owner.in(group).sends('/wipe')
    await owner.in(group).sees('All of it.')
    await bot.settled()
    const next = api.world.migrate(api.world.chat(group.id)!)
    await bot.settled()
    await owner.in(next).sends('/seen')
    await owner.in(next).sees('seen 1')
    const jobs = await bot.database.query(
      `select data->'by'->'chatId' as chat from pgboss.job where data->>'job' = 'later'`,
    )
    expect(jobs).to.deep.equal([{ chat: next.id }])
    await owner.in(next).sends('/cancel')
    await owner.in(next).sees('Cancelled')
    expect(await bot.database.query('select chat_id from confirmations')).to.deep.equal([
      { chat_id: next.id },
    ])
  })

  it('every table that names chats is moved with them, or said to be a record', async () => {
    const columns = await bot.database.query<{ name: string }>(
      `select table_name || '.' || column_name as name from information_schema.columns
       where table_schema = 'public' and column_name ~ '(^|_)chats?(_|$)' and data_type in ('bigint', 'text', 'jsonb', 'integer')
       order by 1`,
    )
    const unconsidered = columns
      .map(({ name }) => name)
      .filter((name) => !movedColumns.includes(name) && !(name in staying))
    expect(unconsidered).to.deep.equal([])
  })

  it('a group whose move nobody told of is followed by the send that finds out', async () => {
    const { api } = bot.telegram
    const group = bot.group({ type: 'group', members: [bot.owner] })
    await bot.owner.in(group).sends('/watch')
    await bot.settled()
    const old = api.world.chat(group.id)!
    const next = api.world.group({ title: 'Group', members: [] })
    old.migratedTo = next.id
    await bot.owner.in(group).sends('/hello')
    await until('the answer', () => api.messages(next.id).some(({ text }) => text === 'hello'))
    const chats = () => bot.database.query('select chat from button_payloads')
    await until('the move', async () => JSON.stringify(await chats()).includes(`${next.id}`))
  })
})
