import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { BotProcess } from './support/bot-process.ts'
import { until } from './support/wait.ts'

const ping = (answer: string, extra = '') => `
import { definePlugin } from 'opsgram'
${extra}
export default definePlugin({
  name: 'ping',
  version: '1.0.0',
  commands: ({ command }) => ({
    ping: command({ description: 'Check that the bot answers', run: () => '${answer}' }),
  }),
})
`

describe('hot reload', () => {
  let bot: BotProcess
  /** Plugins of the running test. */
  const live = new Set<string>()

  before(async () => {
    bot = await BotProcess.create()
    await bot.start()
  })
  after(() => bot.close())
  beforeEach(() => bot.forget())
  afterEach(async () => {
    bot.forget()
    bot.remove('_shared')
    for (const plugin of live) {
      bot.remove(plugin)
      await bot.event('plugin.unloaded', { plugin })
    }
    live.clear()
  })

  async function drop(file: string, text: string): Promise<void> {
    const plugin = file.split('/')[0] ?? ''
    bot.write(file, text)
    await bot.event('plugin.loaded', { plugin })
    live.add(plugin)
  }

  it('serves a folder as soon as it is dropped in, with menu and help', async () => {
    await drop('ping/index.ts', ping('pong'))
    expect(await bot.ask(bot.ownerId, '/ping')).to.equal('pong')
    expect(await bot.ask(bot.ownerId, '/help')).to.include('/ping')
    await until('the menu has /ping', () => menu(bot).includes('ping'))
  })

  it('answers with the new code after a save', async () => {
    await drop('ping/index.ts', ping('one'))
    bot.write('ping/index.ts', ping('two'))
    const line = await bot.event('plugin.reload.committed', { plugin: 'ping' })
    expect(line.generation).to.be.a('number')
    expect(line.ms).to.be.a('number')
    expect(await bot.ask(bot.ownerId, '/ping')).to.equal('two')
  })

  it('sees an edit two imports deep, and one in a shared folder', async () => {
    bot.write('_shared/word.ts', "export const word = 'one'")
    bot.write('ping/deep/answer.ts', "export { word } from '../../_shared/word.ts'")
    await drop(
      'ping/index.ts',
      ping('x', "import { word } from './deep/answer.ts'").replace("'x'", 'word'),
    )
    expect(await bot.ask(bot.ownerId, '/ping')).to.equal('one')
    bot.write('_shared/word.ts', "export const word = 'two'")
    await bot.event('plugin.reload.committed', { plugin: 'ping' })
    expect(await bot.ask(bot.ownerId, '/ping')).to.equal('two')
  })

  it('keeps the old version when a save is broken, names file and line, and recovers', async () => {
    await drop('ping/index.ts', ping('good'))
    bot.write('ping/index.ts', ping('bad').replace("version: '1.0.0'", 'version: = 1'))
    const aborted = await bot.event('plugin.reload.aborted', { plugin: 'ping' })
    expect(aborted.code).to.equal('OPS_PLUGIN_BUILD')
    expect(aborted.file).to.match(/ping\/index\.ts$/)
    expect(aborted.line).to.equal(6)
    expect(await bot.ask(bot.ownerId, '/ping')).to.equal('good')
    bot.write('ping/index.ts', ping('mended'))
    await bot.event('plugin.reload.committed', { plugin: 'ping' })
    expect(await bot.ask(bot.ownerId, '/ping')).to.equal('mended')
  })

  it('keeps the old version when setup throws', async () => {
    await drop('ping/index.ts', ping('good'))
    bot.write(
      'ping/index.ts',
      ping('bad').replace(
        "version: '1.0.0',",
        "version: '1.0.0',\n  setup() { throw new Error('no') },",
      ),
    )
    const aborted = await bot.event('plugin.reload.aborted', { plugin: 'ping' })
    expect(aborted.code).to.equal('OPS_PLUGIN_SETUP')
    expect(aborted.line).to.equal(7)
    expect(await bot.ask(bot.ownerId, '/ping')).to.equal('good')
  })

  it('takes a deleted folder off: command, help and menu', async () => {
    await drop('ping/index.ts', ping('pong'))
    await until('the menu has /ping', () => menu(bot).includes('ping'))
    bot.remove('ping')
    await bot.event('plugin.unloaded', { plugin: 'ping' })
    live.delete('ping')
    expect(await bot.ask(bot.ownerId, '/ping')).not.to.equal('pong')
    expect(await bot.ask(bot.ownerId, '/help')).not.to.include('/ping')
    await until('the menu lacks /ping', () => !menu(bot).includes('ping'))
  })

  it('names both plugins when two declare one command, and serves the first', async () => {
    await drop('ping/index.ts', ping('first'))
    bot.write('pong/index.ts', ping('second').replace("name: 'ping'", "name: 'pong'"))
    const aborted = await bot.event('plugin.reload.aborted', { plugin: 'pong' })
    expect(aborted.code).to.equal('OPS_PLUGIN_CONFLICT')
    expect(aborted.message).to.match(/ping.*pong/)
    expect(await bot.ask(bot.ownerId, '/ping')).to.equal('first')
    bot.remove('ping')
    await bot.event('plugin.loaded', { plugin: 'pong' })
    live.delete('ping')
    live.add('pong')
    expect(await bot.ask(bot.ownerId, '/ping')).to.equal('second')
  })

  it('lets a running handler finish on the old version while the new one serves', async () => {
    const slow = (word: string) => `
import { existsSync } from 'node:fs'
import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'lagging',
  version: '1.0.0',
  commands: ({ command }) => ({
    lagging: command({
      description: 'Takes its time',
      async run(ctx) {
        await ctx.reply('${word} begins')
        while (!existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 5))
        return '${word} slow'
      },
    }),
    quick: command({ description: 'Does not', run: () => '${word} quick' }),
  }),
})
`
    await drop('lagging/index.ts', slow('old'))
    expect(await bot.ask(bot.ownerId, '/lagging')).to.equal('old begins')
    bot.write('lagging/index.ts', slow('new'))
    await bot.event('plugin.reload.committed', { plugin: 'lagging' })
    const owner = bot.person(bot.ownerId)
    const group = bot.api.group({ members: [owner] })
    owner.sendText('/quick', { chat: group })
    await until('the new one answers', () => bot.said(group.id).includes('new quick'))
    expect(bot.said(bot.ownerId).at(-1), 'the old one still runs').to.equal('old begins')
    writeFileSync(join(bot.folder, 'go'), '')
    await until('the old handler answered', () => bot.said(bot.ownerId).includes('old slow'))
    await bot.event('plugin.drained', { plugin: 'lagging' })
  })
})

/** The menu that Telegram shows the owner. */
function menu(bot: BotProcess): string[] {
  const { chat } = bot.person(bot.ownerId)
  return bot.api.world.commands.seenBy(bot.ownerId, chat, 'en').map(({ command }) => command)
}
