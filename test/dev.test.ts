import { join } from 'node:path'
import { expect } from 'chai'
import type { BotProcess } from './support/bot-process.ts'
import { Debugger } from './support/debugger.ts'
import { DevProcess, patience, ping } from './support/dev-process.ts'
import { until } from './support/wait.ts'

/** The line of `return answer`. */
const returnLine = 11

describe('opsgram dev', function () {
  this.timeout(240_000)
  let dev: DevProcess
  let bot: BotProcess

  before(async () => {
    dev = await DevProcess.start('--inspect=0')
    bot = dev.bot
  })
  after(() => bot?.close())

  it('runs the plugins of the project and the first-party ones in the playground', async () => {
    expect(await dev.ask('/ping')).to.equal('pong')
    const { plugins } = await bot.event('app.started')
    expect(plugins).to.include.members(['ping', 'auth', 'start'])
  })

  it('answers the command of a plugin that `opsgram new` writes, with no further step', async () => {
    const began = performance.now()
    const said = await bot.opsgram('new', 'disks')
    expect(said).to.contain('A bot that runs here answers /disks already')
    await bot.event('plugin.loaded', { plugin: 'disks' })
    expect(await dev.ask('/disks Anna')).to.equal('Hello, Anna!')
    expect(performance.now() - began).to.be.below(5_000)
  })

  it('shows type errors as they appear, and holds up no reload for them', async () => {
    await bot.event('types.right', {}, patience)
    bot.write('ping/index.ts', ping('two', 'number'))
    await until('the new answer', async () => (await dev.ask('/ping')) === 'two', patience)
    const wrong = await bot.event('types.wrong', {}, patience)
    expect(wrong).to.include({ file: join(bot.pluginsDir, 'ping/index.ts'), line: 10 })
    expect(wrong.frame).to.contain('> 10 | ')
    const [banner] = (await dev.state()).failed
    expect(banner).to.include({ type: 'work', topic: 'types', title: '1 type error' })
    expect(banner?.frame).to.contain('> 10 | ')
    bot.forget()
    bot.write('ping/index.ts', ping('pong'))
    await bot.event('types.right', {}, patience)
    expect((await dev.state()).failed).to.deep.equal([])
  })

  it('lets a debugger stop at a line of the saved file', async () => {
    const url = await until('the debugger’s address', () => /ws:\/\/\S+/.exec(bot.stderr)?.[0])
    const editor = await Debugger.attach(url)
    const file = join(bot.pluginsDir, 'ping/index.ts')
    await editor.breakAt(file, returnLine)
    const before = (await dev.answers()).length
    await dev.say('/ping')
    const [stop] = await until('a stop', () => editor.stops.length > 0 && editor.stops, patience)
    expect(stop?.url).to.match(/\/plugins\/ping\/index\.ts$/)
    expect(stop?.line).to.equal(returnLine)
    expect((await dev.answers()).length).to.equal(before)
    await editor.call('Debugger.resume')
    expect(await until('the answer', async () => (await dev.answers())[before], patience)).to.equal(
      'pong',
    )
    // stays: an end of the process waits for no debugger
  })

  it('ends by Ctrl-C with all that it has started', async () => {
    const child = dev.botPid
    process.kill(-bot.pid, 'SIGINT')
    expect(await bot.exited()).to.equal(0)
    expect(() => process.kill(child, 0)).to.throw('ESRCH')
    expect(bot.lines.at(-1)?.event).to.equal('app.stopped')
  })
})
