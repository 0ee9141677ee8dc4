import { expect } from 'chai'
import { BotProcess } from './support/bot-process.ts'
import { until } from './support/wait.ts'

const source = (commands: string, more = '') => `
import { definePlugin } from 'opsgram'
${more}
export default definePlugin({
  name: 'wild',
  version: '1.0.0',
  commands: ({ command }) => ({ ${commands} }),
})
`
const command = (name: string, body: string) =>
  `${name}: command({ description: 'x', async run(ctx) { ${body}; return '${name} done' } }),`

const wild = source(
  [
    // an answer of Telegram's, a core error: no frame of the plugin in its stack
    command('reply', `void ctx.telegram.sendMessage(424242, 'nobody is there')`),
    command('timer', `setTimeout(() => { throw new Error('later') }, 1)`),
    command('text', `setTimeout(() => { throw 'no error at all' }, 1)`),
    command('nothing', `void Promise.reject(undefined)`),
    command('socket', `connect(1, '127.0.0.1')`),
    command('alive', ''),
  ].join('\n'),
  `import { connect } from 'node:net'`,
)

describe('a plugin that leaves failures behind', () => {
  let bot: BotProcess

  afterEach(() => bot.close())

  it('is named in the log, and the bot goes on', async () => {
    bot = await BotProcess.create({ plugins: { 'wild/index.ts': wild } })
    await bot.start()
    for (const name of ['reply', 'timer', 'text', 'nothing', 'socket']) {
      bot.forget()
      expect(await bot.ask(bot.ownerId, `/${name}`)).to.equal(`${name} done`)
      await bot.event('plugin.uncaught', { plugin: 'wild' })
      expect(await bot.ask(bot.ownerId, '/alive'), name).to.equal('alive done')
    }
    expect(await bot.stop()).to.equal(0)
  })

  it('does not keep the bot from starting', async () => {
    const atLoad = `void Promise.reject(new TypeError('left behind')); setTimeout(() => { throw 'late' }, 1)`
    const index = source(command('alive', ''), atLoad)
    bot = await BotProcess.create({ plugins: { 'wild/index.ts': index } })
    await bot.start()
    await until('both are told', () => {
      const told = bot.lines.filter(({ event }) => event === 'plugin.uncaught')
      return told.length === 2 && told.every(({ plugin }) => plugin === 'wild')
    })
    expect(await bot.ask(bot.ownerId, '/alive')).to.equal('alive done')
  })
})

describe('code without an end', function () {
  this.timeout(120_000)
  let bot: BotProcess

  afterEach(() => bot.close())

  it('ends the process, which tells where it was; the next one handles the update again', async () => {
    bot = await BotProcess.create({
      plugins: {
        'wild/index.ts': source(command('spin', `for (let i = 0; ; i++) if (i < 0) break`)),
      },
      env: { STALL_LIMIT_MS: '10000' },
    })
    await bot.start()
    bot.person(bot.ownerId).sendText('/spin')
    expect(await bot.exited()).to.equal(null)
    expect(bot.stderr).to.match(
      /OPS_STALLED.*plugin wild, wild\/index\.ts: .*for \(let i = 0; ; i\+\+\)/,
    )
    bot.write('wild/index.ts', source(command('spin', '')))
    bot.spawn()
    const { last } = await bot.event('app.stalled-before', { code: 'OPS_STALLED' })
    expect(last).to.deep.include({ plugin: 'wild', function: 'run' })
    expect(await until('an answer', () => bot.said(bot.ownerId)[0], 60_000)).to.equal('spin done')
  })
})

describe('a stop', () => {
  let bot: BotProcess

  afterEach(() => bot.close())

  const start = async (index: string) => {
    bot = await BotProcess.create({
      plugins: { 'wild/index.ts': index },
      env: { SHUTDOWN_TIMEOUT_MS: '500' },
    })
    await bot.start()
  }

  const stops = async () => {
    const began = performance.now()
    expect(await bot.stop()).to.equal(0)
    expect(performance.now() - began, 'it would wait for ever').to.be.below(20_000)
    expect(bot.lines.map(({ event }) => event)).to.include('app.stopped')
  }

  /** Sends a command that never ends, and waits until it is being handled. */
  const hang = async (command: string) => {
    bot.person(bot.ownerId).sendText(command)
    await bot.event('wild.hangs')
  }

  it('does not wait for a handler without end; its update is handled again by the next process', async () => {
    await start(source(command('hang', `ctx.log.info('wild.hangs'); await new Promise(() => {})`)))
    await hang('/hang')
    await stops()
    bot.spawn()
    await bot.event('inbox.taken-over', { updates: 1 }, 120_000)
  })

  it('does not wait for an observer without end', async () => {
    await start(`
      import { definePlugin } from 'opsgram'
      export default definePlugin({
        name: 'wild',
        version: '1.0.0',
        middleware: ({ middleware }) => [
          middleware({
            phase: 'observe',
            async run(ctx, next) {
              ctx.log.info('wild.hangs')
              await new Promise(() => {})
            },
          }),
        ],
      })`)
    await hang('/start')
    await stops()
  })

  it('does not wait for what a plugin never disposes', async () => {
    await start(`
      import { definePlugin } from 'opsgram'
      export default definePlugin({
        name: 'wild',
        version: '1.0.0',
        setup(scope) {
          for (let i = 0; i < 3; i++) scope.onDispose(() => new Promise(() => {}))
        },
      })`)
    await stops()
  })

  it('does not wait for a reload that hangs', async () => {
    await start(source(command('alive', '')))
    bot.write(
      'slow/index.ts',
      `import { definePlugin } from 'opsgram'
      export default definePlugin({
        name: 'slow',
        version: '1.0.0',
        setup: (scope) => {
          scope.log.info('wild.hangs')
          return new Promise(() => {})
        },
      })`,
    )
    await bot.event('wild.hangs')
    await stops()
  })
})

describe('a folder of plugins that is not there', function () {
  this.timeout(60_000)

  it('is told of at the start, and read once it is there', async () => {
    const bot = await BotProcess.create()
    try {
      bot.remove('.')
      await bot.start()
      await bot.event('plugin.dir-missing', { dir: bot.pluginsDir })
      bot.write('wild/index.ts', source(command('alive', '')))
      await bot.event('plugin.loaded', { plugin: 'wild' })
      expect(await bot.ask(bot.ownerId, '/alive')).to.equal('alive done')
    } finally {
      await bot.close()
    }
  })
})
