import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'

/** A plugin of these keys of the manifest. */
function plugin(name: string, keys: string, before = ''): { 'index.ts': string } {
  return {
    'index.ts': `import { buttons, definePlugin, edit, html, message } from 'opsgram'
import { z } from 'zod'
${before}
export default definePlugin({ name: '${name}', version: '1.0.0', ${keys} })
`,
  }
}

const phases = ['observe', 'authenticate', 'throttle', 'context', 'authorize']

/** Middleware in every phase that leaves a mark, and passes on. */
const marks = (name: string) => `
  middleware: ({ middleware }) => ${JSON.stringify(phases)}.map((phase) => middleware({ phase, run: async (ctx, next) => {
    (ctx.state.trail ??= []).push(phase + ' of ${name}')
    await next()
  } })),`

describe('the way of an update', () => {
  let bot: TestBot
  let owner: TestPerson
  let operator: TestPerson
  const dropped = new Set<string>()

  before(async () => {
    bot = await createTestBot()
    owner = bot.owner
    operator = bot.user({ role: 'operator' })
  })
  after(() => bot?.stop())
  afterEach(async () => {
    for (const name of dropped) await bot.removePlugin(name)
    dropped.clear()
  })

  async function drop(name: string, keys: string, before?: string): Promise<void> {
    dropped.add(name)
    await bot.dropPlugin(name, plugin(name, keys, before))
  }
  const logged = (event: string) => bot.log.filter((line) => line.event === event).at(-1)?.fields

  describe('through middleware', () => {
    const run = `commands: ({ command }) => ({ go: command({ description: 'Go', run: () => 'gone' }) }),`

    it('goes through the phases in their order, inside a phase by plugin name', async () => {
      await drop('zzz', marks('zzz'))
      await drop(
        'aaa',
        `${marks('aaa')} commands: ({ command }) => ({ trail: command({ description: 'x', run: (ctx) => ctx.state.trail.join() }) }),`,
      )
      await owner.sends('/trail')
      const expected = phases.flatMap((phase) => [`${phase} of aaa`, `${phase} of zzz`])
      await owner.sees(expected.join())
    })

    it('ends where a middleware calls no next, with its reason in the log', async () => {
      await drop(
        'wall',
        `${run} middleware: ({ middleware }) => [middleware({ phase: 'throttle', run: (ctx) => ctx.refuse('too-fast') })],`,
      )
      await owner.sends('/go')
      await owner.doesNotSee()
      expect(logged('update.refused')).to.include({ reason: 'too-fast', userId: owner.id })
    })

    it('lets nobody through who was refused, though next was called', async () => {
      await drop(
        'wall',
        `${run} middleware: ({ middleware }) => [middleware({ phase: 'context', run: async (ctx, next) => { ctx.refuse('no'); await next() } })],`,
      )
      await owner.sends('/go')
      await owner.doesNotSee()
    })

    it('answers the press that a middleware refuses by an alert', async () => {
      await drop(
        'wall',
        `actions: ({ action }) => ({ on: action({ label: 'On', run: () => 'done' }) }),
         middleware: ({ middleware }) => [middleware({ phase: 'authorize', run: async (ctx, next) => { if (!ctx.callbackQuery) await next() } })],
         commands: ({ command }) => ({ go: command({ description: 'Go', run: (ctx) => message('Go on?', buttons(ctx.button('on', {}))) }) }),`,
      )
      await owner.sends('/go')
      await owner.presses('On')
      await owner.seesAlert('not allowed')
    })

    it('fails when next is called twice, and says whose fault it is', async () => {
      await drop(
        'twice',
        `${run} middleware: ({ middleware }) => [middleware({ phase: 'context', run: async (_ctx, next) => { await next(); await next() } })],`,
      )
      await owner.sends('/go')
      await owner.sees(/E-[A-Z0-9]{5}/)
      expect(logged('update.failed')?.error).to.include({ code: 'OPS_NEXT_TWICE' })
      expect(String(logged('update.failed')?.error)).to.include('plugin twice')
    })
  })

  describe('under observers', () => {
    const watch = `middleware: ({ middleware }) => [middleware({ phase: 'observe', run: async (ctx, next) => {
      await next()
      ctx.log.info('watched', { outcome: ctx.outcome })
    } })],`
    const run = `commands: ({ command }) => ({ go: command({ description: 'Go', run: () => 'gone' }) }),`

    for (const [what, body] of [
      ['throws', `{ throw new Error('blind') }`],
      ['calls no next', '{}'],
      ['tries to refuse', `{ ctx.refuse('mine') }`],
    ]) {
      it(`is handled and seen by the others when one ${what}`, async () => {
        await drop(
          'aaa',
          `middleware: ({ middleware }) => [middleware({ phase: 'observe', run: async (ctx) => ${body} })],`,
        )
        await drop('watch', watch + run)
        await owner.sends('/go')
        await owner.sees('gone')
        await bot.settled()
        expect(logged('watched')?.outcome).to.deep.equal({
          kind: 'done',
          plugin: 'watch',
          route: 'go',
        })
        if (what === 'throws') {
          expect(logged('observer.failed')).to.include({ plugin: 'aaa' })
        }
      })
    }

    it('is seen also when a stranger is refused, and the stranger sees nothing', async () => {
      await drop('watch', watch + run)
      const stranger = bot.user()
      await stranger.sends('/go')
      await stranger.doesNotSee('gone')
      expect(logged('watched')?.outcome).to.include({ kind: 'refused', refused: 'stranger' })
    })
  })

  describe('to commands', () => {
    const journal = `permissions: { 'journal.see': { description: 'See', roles: ['admin'] } },
      commands: ({ command }) => ({
        journal: command({ description: 'The journal', aliases: ['j'], subcommands: {
          list: command({ description: 'List entries', args: z.object({ days: z.number() }), run: (_ctx, { days }) => 'listed ' + days }),
          all: command({ description: 'List all', permission: 'journal.see', run: () => 'all' }),
        } }),
        here: command({ description: 'Private', chats: 'private', run: () => 'here' }),
        there: command({ description: 'Groups', chats: 'group', run: () => 'there' }),
      }),`

    it('tells the subcommands that the person may use', async () => {
      await drop('journal', journal)
      await operator.sends('/journal')
      const { text } = await operator.sees('/journal list <days> — List entries')
      expect(text).not.to.include('/journal all')
      await operator.sends('/journal nonsense')
      await operator.sees('/journal list')
      await owner.sends('/j')
      await owner.sees('/journal all — List all')
    })

    it('runs subcommands, and tells the usage of one that lacks an argument', async () => {
      await drop('journal', journal)
      await operator.sends('/journal list 7')
      await operator.sees('listed 7')
      await operator.sends('/journal list')
      await operator.sees(/days.*missing.*\n.*\/journal list <days>/)
      await operator.sends('/journal list many')
      await operator.sees('not a number')
      await operator.sends('/journal all')
      await operator.sees('not allowed')
    })

    it('keeps a command to its kind of chat', async () => {
      await drop('journal', journal)
      const group = bot.group({ members: [owner] })
      await owner.sends('/there')
      await owner.sees('in groups only')
      await owner.in(group).sends('/here')
      await owner.in(group).sees('private chat with me only')
      await owner.in(group).sends('/there')
      await owner.in(group).sees('there')
    })

    it('suggests the nearest usable command in private, and keeps silent in groups', async () => {
      await drop('journal', journal)
      await owner.sends('/jurnal')
      await owner.sees('/journal')
      const group = bot.group({ members: [owner] })
      await owner.in(group).sends('/jurnal')
      await owner.in(group).doesNotSee()
    })

    it('never runs an edited or a forwarded command, but one in a caption', async () => {
      await drop('journal', journal)
      const sent = await owner.sends('hello')
      await owner.edits(sent, '/here')
      await owner.sends('/here', { forwarded: true })
      await owner.doesNotSee('here')
      owner.telegram.sendPhoto({ data: Buffer.from('x') }, { caption: '/here' })
      await owner.sees('here')
    })

    it('splits a long answer, and sends a very long one as a file', async () => {
      await drop(
        'long',
        `commands: ({ command }) => ({ long: command({ description: 'x', args: z.object({ lines: z.number() }), run: (_ctx, { lines }) => 'a line of forty characters, more or less\\n'.repeat(lines) }) }),`,
      )
      const before = bot.telegram.calls('sendMessage').length
      await owner.sends('/long 150')
      await bot.settled()
      expect(bot.telegram.calls('sendMessage').length - before).to.equal(2)
      await owner.sends('/long 2000')
      await bot.settled()
      expect(bot.telegram.calls('sendDocument')).to.have.length(1)
    })
  })

  describe('to events', () => {
    it('runs all listeners in the order of their plugins, and sends what each returns', async () => {
      const listen = (name: string) =>
        `events: ({ event }) => [event('message:text', () => '${name} heard')],`
      await drop('bbb', listen('bbb'))
      await drop('aaa', listen('aaa'))
      await owner.sends('hello')
      await owner.sees('aaa heard')
      await owner.sees('bbb heard')
    })

    it('passes over listeners whose permission is lacking', async () => {
      await drop(
        'ear',
        `permissions: { 'ear.hear': { description: 'Hear', roles: ['admin'] } },
         events: ({ event }) => [event('message:text', { permission: 'ear.hear', run: () => 'heard' })],
         telegraf: (composer) => composer.on('text', (ctx) => ctx.reply('left over')),`,
      )
      await operator.sends('hello')
      await operator.sees('left over')
      await owner.sends('hello')
      await owner.sees('heard')
    })

    it('keeps a failure in the log: nobody had asked', async () => {
      await drop(
        'ear',
        `events: ({ event }) => [event('message:text', () => { throw new Error('deaf') })],`,
      )
      await owner.sends('hello')
      await owner.doesNotSee()
      expect(logged('update.failed')).to.include({ plugin: 'ear', route: 'message:text' })
    })
  })

  describe("to Telegraf's composers", () => {
    const first = `telegraf: (composer) => {
      composer.command('odd', (ctx) => ctx.reply('odd of first'))
      composer.action('pick', async (ctx) => { await ctx.answerCbQuery('picked') })
      composer.on('sticker', (_ctx, next) => next())
    },
    commands: ({ command }) => ({ even: command({ description: 'x', run: (ctx) => ctx.reply('Pick', { reply_markup: { inline_keyboard: [[{ text: 'Pick', callback_data: 'pick' }, { text: 'Lost', callback_data: 'lost' }]] } }) }) }),`
    const second = `telegraf: (composer) => {
      composer.command('odd', (ctx) => ctx.reply('odd of second'))
      composer.command('even', (ctx) => ctx.reply('even of second'))
      composer.on('sticker', (ctx) => ctx.reply('sticker of second'))
    },`

    beforeEach(async () => {
      await drop('second', second)
      await drop('first', first)
    })

    it('goes by plugin name, when no route took it and before it is called unknown', async () => {
      await owner.sends('/odd')
      await owner.sees('odd of first')
      owner.telegram.sendFile('sticker', { data: Buffer.from('x') })
      await owner.sees('sticker of second')
      await owner.sends('/even')
      await owner.sees('Pick')
      await owner.doesNotSee()
    })

    it('takes data of buttons that are not ours, and ends the spinner of what nobody knows', async () => {
      await owner.sends('/even')
      await owner.presses('Pick')
      await owner.seesToast('picked')
      const { text } = await owner.presses('Lost')
      expect(text ?? '').to.equal('')
    })

    it('shows nothing to strangers', async () => {
      const stranger = bot.user()
      await stranger.sends('/odd')
      await stranger.doesNotSee('odd')
    })
  })

  it('carries plugin, update, chat and person on each line of ctx.log', async () => {
    await drop(
      'talk',
      `commands: ({ command }) => ({ talk: command({ description: 'x', run: (ctx) => { ctx.log.info('talked', { more: 1 }) } }) }),`,
    )
    await owner.sends('/talk')
    await bot.settled()
    expect(logged('talked')).to.include({
      plugin: 'talk',
      more: 1,
      userId: owner.id,
      chatId: owner.id,
    })
    expect(logged('talked')).to.have.any.keys('updateId')
  })
})
