import { resolve } from 'node:path'
import { expect } from 'chai'
import { BotProcess, type LogLine } from './support/bot-process.ts'
import { until } from './support/wait.ts'

const auth = resolve(import.meta.dirname, '../plugins/auth')

/** Writes a log line for everything of it that runs, and for every update that has come to its end. */
const probe = `
import { definePlugin, message, buttons } from 'opsgram'

const ran = (what) => (ctx) => ctx.log.info('probe.ran', { what })

export default definePlugin({
  name: 'probe',
  version: '1.0.0',
  actions: ({ action }) => ({ press: action({ label: 'Press', run: ran('action') }) }),
  middleware: ({ middleware }) => [
    middleware({
      phase: 'observe',
      async run(ctx, next) {
        await next()
        const { userId, kind } = ctx.facts
        ctx.log.info('probe.saw', { userId, kind, refused: ctx.outcome.refused })
      },
    }),
    ...['authenticate', 'throttle', 'context', 'authorize'].map((phase) =>
      middleware({
        phase,
        run(ctx, next) {
          ran(phase)(ctx)
          return next()
        },
      }),
    ),
  ],
  commands: ({ command }) => ({
    probe: command({
      description: 'Says that it ran',
      run(ctx) {
        ran('command')(ctx)
        return message('it ran', buttons(ctx.button('press', {})))
      },
    }),
  }),
  events: ({ event }) =>
    ['message:text', 'edited_message', 'channel_post', 'inline_query', 'my_chat_member'].map((query) =>
      event(query, ran(query)),
    ),
  telegraf(composer) {
    composer.use((ctx, next) => {
      ran('telegraf')(ctx)
      return next()
    })
  },
})
`

describe('whoever isn’t known gets nothing', function () {
  this.timeout(90_000)
  let bot: BotProcess
  let nextStranger = 7_000
  before(async () => {
    bot = await BotProcess.create({ firstParty: false, plugins: { 'probe/index.ts': probe } })
  })
  after(() => bot.close())

  const owner = () => bot.person(bot.ownerId)
  /** Somebody who was never here before. */
  const stranger = () => bot.person(nextStranger++)
  /** Everything that the bot did in Telegram but ask for updates and set its menu. */
  const calls = () =>
    bot.api.journal
      .calls()
      .map(({ method }) => method)
      .filter((method) => !/^(getUpdates|getMe|setMyCommands|deleteMyCommands)$/i.test(method))
  const ran = () => bot.lines.filter((line) => line.event === 'probe.ran')

  /** Lets something happen and waits until the bot has dealt with all of it. */
  async function lets(act: () => unknown): Promise<LogLine[]> {
    const ids: number[] = []
    const note = (update: { update_id: number }) => ids.push(update.update_id)
    bot.forget()
    bot.api.journal.clear()
    bot.api.on('update', note)
    act()
    bot.api.off('update', note)
    const seen = () =>
      ids.flatMap((id) =>
        bot.lines.filter((line) => line.event === 'probe.saw' && line.updateId === id),
      )
    return until(`updates ${ids} came to their end`, () => {
      const lines = seen()
      return lines.length === ids.length && lines
    })
  }

  async function plugins(): Promise<{ status: number; check: string }> {
    const { status, body } = await bot.http('/readyz')
    return { status, check: (body as Ready).checks.plugins.status }
  }

  describe('while no plugin lets anybody in', () => {
    before(async () => {
      bot.copy(auth, 'auth')
      bot.write('auth/index.ts', "throw new Error('not today')")
      await bot.start()
    })

    it('as it is when auth is broken at the start: the owner too is refused', async () => {
      await bot.event('plugin.reload.aborted', { plugin: 'auth' })
      await nobodyGetsIn()
    })

    it('as it is when there is no auth at all, which the log says once a minute', async () => {
      await bot.stop()
      bot.remove('auth')
      await bot.start()
      const gateMissing = () => bot.lines.filter((line) => line.event === 'auth.gate-missing')
      for (const expected of [1, 0]) {
        await nobodyGetsIn()
        expect((await bot.http('/api/v1/probe')).status).to.equal(503)
        expect(gateMissing()).to.have.length(expected)
      }
    })

    it('until auth is there: then the owner is served, what was refused stays refused', async () => {
      bot.copy(auth, 'auth')
      await bot.event('plugin.loaded', { plugin: 'auth' })
      expect(await bot.ask(bot.ownerId, '/probe')).to.equal('it ran')
      expect(bot.said(bot.ownerId)).to.deep.equal(['it ran'])
      await until('health is well', async () => (await plugins()).status === 200)
    })

    async function nobodyGetsIn(): Promise<void> {
      const seen = await lets(() => {
        owner().sendText('/probe')
        owner().sendText('hello')
        stranger().sendText('/probe')
      })
      expect(seen.map((line) => line.refused)).to.deep.equal(['no-gate', 'no-gate', 'no-gate'])
      expect(calls()).to.deep.equal([])
      expect(ran()).to.deep.equal([])
      await until('health says so', async () => (await plugins()).status === 503)
      expect(await plugins()).to.deep.equal({ status: 503, check: 'down' })
    }
  })

  describe('while auth serves', () => {
    it('but one sentence with the own id for the first private message, then silence', async () => {
      const anna = stranger()
      await lets(() => anna.sendText('/probe'))
      expect(calls()).to.deep.equal(['sendMessage'])
      expect(bot.said(anna.id)).to.have.length(1)
      expect(bot.said(anna.id)[0])
        .to.include(String(anna.id))
        .and.to.match(/^[^.\n]+\.$/)
      expect(bot.lines.find((line) => line.event === 'auth.refused')).to.include({
        userId: anna.id,
      })
      await lets(() => {
        anna.sendText('/probe')
        anna.sendText('hello?')
        anna.sendText('/start')
      })
      expect(calls()).to.deep.equal([])
      expect(ran()).to.deep.equal([])
    })

    it('in groups, by edits, presses and inline queries not even that', async () => {
      const eve = stranger()
      const group = bot.api.group({ title: 'Ops' })
      await lets(() => {
        owner().joins(group)
        eve.joins(group)
        owner().addsBot(group)
      })
      await lets(() => owner().sendText('/probe', { chat: group }))
      const answer = await until('it is answered', () =>
        bot.api.messages(group.id).find((message) => message.byBot),
      )
      await lets(() => {
        eve.sendText('/probe', { chat: group })
        eve.sendText('/probe@opsgram_bot', { chat: group })
        eve.press(answer, 'Press')
        bot.api.inject({ inline_query: { id: '1', from: eve.user, query: 'x', offset: '' } })
        bot.api.inject({ edited_message: messageOf({ chat: eve.chat.api, from: eve.user }) })
        bot.api.inject({ edited_message: messageOf({ chat: group.api, from: eve.user }) })
      })
      expect(calls()).to.deep.equal([])
      expect(ran()).to.deep.equal([])
    })

    it('nor do channels, anonymous admins, and who writes as a channel or is a bot', async () => {
      const group = bot.api.group({ title: 'Ops' })
      const channel = bot.api.group({ type: 'channel', title: 'News' })
      const anonymous = { id: 1087968824, is_bot: true, first_name: 'Group' }
      const asChannel = { id: 136817688, is_bot: true, first_name: 'Channel' }
      const bots = { id: 5_555, is_bot: true, first_name: 'Other bot' }
      const ownerHimself = owner().user
      const seen = await lets(() => {
        for (const message of [
          messageOf({ chat: group.api, from: anonymous, sender_chat: group.api }),
          messageOf({ chat: group.api, from: asChannel, sender_chat: channel.api }),
          messageOf({ chat: group.api, from: ownerHimself, sender_chat: channel.api }),
          messageOf({ chat: group.api, from: bots }),
        ]) {
          bot.api.inject({ message })
        }
        bot.api.inject({ channel_post: messageOf({ chat: channel.api, sender_chat: channel.api }) })
        bot.api.inject({ message: messageOf({ chat: group.api }) })
        bot.api.inject({ kind_of_the_future: { from: ownerHimself, text: '/probe' } })
      })
      expect(seen.map((line) => line.refused)).to.deep.equal(Array(7).fill('no-actor'))
      expect(calls()).to.deep.equal([])
      expect(ran()).to.deep.equal([])
    })

    it('and all through reloads of auth: known people are served, nobody else is', async () => {
      bot.forget()
      const eve = stranger()
      const source = bot.read('auth/index.ts')
      const before = bot.said(bot.ownerId).length
      const asked = 40
      for (let i = 0; i < asked; i++) {
        owner().sendText('/probe')
        eve.sendText('/probe')
        if (i % 8 !== 0) continue
        bot.write('auth/index.ts', `${source}\n// ${i}\n`)
        await bot.event('plugin.reload.committed', { plugin: 'auth' })
        bot.forget()
      }
      await until('the owner is answered', () => bot.said(bot.ownerId).length === before + asked)
      expect(bot.said(eve.id)).to.have.length(1)
      expect(bot.said(eve.id)[0]).to.include(String(eve.id))
    })

    it('and after a broken save of auth: the version before goes on', async () => {
      const source = bot.read('auth/index.ts')
      bot.write('auth/index.ts', `${source}\n}`)
      await bot.event('plugin.reload.aborted', { plugin: 'auth' })
      expect(await bot.ask(bot.ownerId, '/probe')).to.equal('it ran')
      const eve = stranger()
      await lets(() => eve.sendText('/probe'))
      expect(bot.said(eve.id)).to.have.length(1)
      expect(ran()).to.deep.equal([])
      bot.write('auth/index.ts', source)
      await bot.event('plugin.reload.committed', { plugin: 'auth' })
    })

    it('nor does anybody when auth is deleted', async () => {
      bot.remove('auth')
      await bot.event('plugin.unloaded', { plugin: 'auth' })
      const seen = await lets(() => {
        owner().sendText('/probe')
        stranger().sendText('/probe')
      })
      expect(seen.map((line) => line.refused)).to.deep.equal(['no-gate', 'no-gate'])
      expect(calls()).to.deep.equal([])
      expect(ran()).to.deep.equal([])
      await until('health says so', async () => (await plugins()).status === 503)
    })
  })
})

interface Ready {
  checks: { plugins: { status: string } }
}

let messageId = 900_000
/** A message that says /probe, whoever it comes from. */
function messageOf(fields: object): object {
  const entities = [{ type: 'bot_command', offset: 0, length: 6 }]
  const date = Math.floor(Date.now() / 1000)
  return { message_id: messageId++, date, edit_date: date, text: '/probe', entities, ...fields }
}
