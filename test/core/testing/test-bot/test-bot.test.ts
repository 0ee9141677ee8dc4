import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import { rejected } from '../../../support/rejected.ts'

const ping = (answer: string) => `import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'ping',
  version: '1.0.0',
  permissions: { 'ping.hard': { description: 'Ping hard', roles: ['operator'] } },
  actions: ({ action }) => ({
    again: action({ label: 'Again', run: async (ctx) => { await ctx.answerCbQuery('ponged', { show_alert: true }); return 'once more' } }),
  }),
  commands: ({ command }) => ({
    ping: command({ description: 'Check', run: (ctx) => message('${answer}', buttons(ctx.button('again', {}))) }),
    hard: command({ description: 'Check hard', permission: 'ping.hard', run: () => 'hard pong' }),
  }),
})
`
const source = (answer: string) => `import { message, buttons } from 'opsgram'\n${ping(answer)}`

describe('createTestBot', () => {
  let bot: TestBot

  beforeEach(async () => {
    bot = await createTestBot()
  })
  afterEach(() => bot.stop())

  it('lets people talk to a dropped plugin, each with their role', async () => {
    await bot.dropPlugin('ping', { 'index.ts': source('pong') })
    const operator = bot.user({ role: 'operator' })
    const guest = bot.user({ role: 'guest' })
    await operator.sends('/ping')
    await operator.sees('pong')
    await operator.sends('/hard')
    await operator.sees(/^hard pong$/)
    await guest.sends('/hard')
    await guest.doesNotSee('hard pong')
    await bot.owner.sends('/hard')
    await bot.owner.sees('hard pong')
  })

  it('shows strangers nothing of it', async () => {
    await bot.dropPlugin('ping', { 'index.ts': source('pong') })
    const stranger = bot.user()
    await stranger.sends('/ping')
    await stranger.doesNotSee('pong')
  })

  it('presses buttons and shows what the bot answered', async () => {
    await bot.dropPlugin('ping', { 'index.ts': source('pong') })
    const { owner } = bot
    await owner.sends('/ping')
    await owner.presses('Again')
    await owner.seesAlert('ponged')
    expect((await rejected(owner.seesToast('ponged'))).code).to.equal('OPS_TEST_UNEXPECTED')
    await owner.sees('once more')
  })

  it('says what was seen instead', async () => {
    await bot.dropPlugin('ping', { 'index.ts': source('pong') })
    await bot.owner.sends('/ping')
    await bot.settled()
    const error = await rejected(bot.owner.sees('pang', { within: 200 }))
    expect(error.code).to.equal('OPS_TEST_DEADLINE')
    expect(error.message).to.equal(
      'Olga didn\'t see "pang" within 200 ms. New to see were\n  • "pong" [Again]',
    )
  })

  it('keeps the old version when an edit is broken, and throws the code frame', async () => {
    await bot.dropPlugin('ping', { 'index.ts': source('pong') })
    const error = await rejected(bot.edit('ping', { 'index.ts': source("po'ng") }))
    expect(error.code).to.equal('OPS_PLUGIN_BUILD')
    expect(error.message).to.contain('plugins/ping/index.ts:11:').and.to.contain('^')
    await bot.owner.sends('/ping')
    await bot.owner.sees('pong')
    await bot.edit('ping', { 'index.ts': source('pung') })
    await bot.owner.sends('/ping')
    await bot.owner.sees('pung')
    await bot.removePlugin('ping')
    await bot.owner.sends('/ping')
    await bot.owner.doesNotSee('pung')
  })

  it('serves groups', async () => {
    await bot.dropPlugin('ping', { 'index.ts': source('pong') })
    const operator = bot.user({ role: 'operator' })
    const group = bot.group({ members: [operator] })
    await operator.in(group).sends('/ping')
    await operator.in(group).sees('pong')
    await operator.doesNotSee()
  })

  it('lets calls to Telegram fail', async () => {
    await bot.dropPlugin('ping', { 'index.ts': source('pong') })
    bot.telegram.fail('sendMessage', 429, { retryAfter: 1 })
    await bot.owner.sends('/hard')
    await bot.owner.sees('hard pong', { within: 30_000 })
    const outcomes = bot.telegram.calls('sendMessage').map(({ outcome }) => outcome)
    expect(outcomes).to.deep.equal(['error', 'ok'])
  })

  it('keeps data and chats over a restart', async () => {
    const operator = bot.user({ role: 'operator' })
    await bot.settled()
    await bot.dropPlugin('ping', { 'index.ts': source('pong') })
    await bot.restart()
    await operator.sends('/hard')
    await operator.sees('hard pong')
  })

  it('finds what a reload leaves behind, and where it was made', async () => {
    const watching = (
      body: string,
    ) => `import { definePlugin } from 'opsgram'; import { EventEmitter } from 'node:events'
export default definePlugin({
  name: 'watch',
  version: '1.0.0',
  setup(scope) {
    ${body}
  },
})
`
    await bot.dropPlugin('watch', { 'index.ts': watching('scope.interval(50, () => undefined)') })
    await bot.expectNoLeftovers()
    await bot.edit('watch', {
      'index.ts': watching('setInterval(() => undefined, 60_000).unref()'),
    })
    const timers = await rejected(bot.expectNoLeftovers())
    expect(timers.code).to.equal('OPS_TEST_LEFTOVERS')
    expect(timers.message).to.match(/interval of watch, made at .*plugins\/watch\/index.ts:6/)
    await bot.edit('watch', { 'index.ts': watching("process.on('SIGUSR2', () => undefined)") })
    const listeners = await rejected(bot.expectNoLeftovers())
    expect(listeners.message).to.match(
      /listener of watch for 'SIGUSR2' on process, made at .*plugins\/watch\/index.ts:6/,
    )
    process.removeAllListeners('SIGUSR2')
    // it goes with the version that made it
    await bot.edit('watch', { 'index.ts': watching("new EventEmitter().on('x', () => scope)") })
    await bot.expectNoLeftovers()
    await bot.edit('watch', {
      'index.ts': watching('(globalThis.watched ??= []).push(() => undefined)'),
    })
    const code = await rejected(bot.expectNoLeftovers())
    expect(code.message).to.equal('Reloads leave behind: 3 replaced versions of watch in memory')
    Reflect.deleteProperty(globalThis, 'watched')
    await bot.edit('watch', {
      'index.ts': watching("scope.onDispose(() => { throw new Error('stuck') })"),
    })
    const stuck = await rejected(bot.expectNoLeftovers())
    expect(stuck.message).to.contain('could not dispose its onDispose').and.to.contain('stuck')
  })

  it('begins with an empty database, whatever the bot before left', async () => {
    const left = async () => {
      const rows = await bot.database.query<{ name: string }>(
        `select tablename as name from pg_tables where schemaname = 'public'
         union select typname from pg_type where typnamespace = 'public'::regnamespace and typtype = 'e'`,
      )
      const people = await bot.database.query('select 1 from bot_users where telegram_id = 77')
      return { names: rows.map(({ name }) => name).sort(), people: people.length }
    }
    const { names } = await left()
    for (const mess of [
      'create table disks_disks (id int); insert into disks_disks values (1)',
      "create type disks_kind as enum ('ssd')",
      'alter table bot_users add column disks int',
    ]) {
      await bot.database.query(mess)
      await bot.database.query(
        "insert into bot_users (id, telegram_id, metadata, created_at) values ('x', 77, '{}', now())",
      )
      await bot.stop()
      bot = await createTestBot()
      expect(await left()).to.deep.equal({ names, people: 0 })
      const columns = await bot.database.query(
        "select 1 from information_schema.columns where table_name = 'bot_users' and column_name = 'disks'",
      )
      expect(columns).to.deep.equal([])
    }
  })

  it('refuses a second bot on the one embedded database', async function () {
    if (bot.database.kind !== 'embedded') this.skip()
    expect((await rejected(createTestBot())).code).to.equal('OPS_TEST_BUSY')
  })
})
