import { expect } from 'chai'
import { BotProcess } from './support/bot-process.ts'
import { until } from './support/wait.ts'

interface Parts {
  readonly top?: string
  readonly setup?: string
  readonly keys?: string
  readonly commands?: string
}

const source = (
  version: number,
  { top = '', setup = '', keys = '', commands = '' }: Parts = {},
) => `
import { EventEmitter } from 'node:events'
import { definePlugin } from 'opsgram'
import { z } from 'zod'
${top}
export default definePlugin({
  name: 'sample',
  version: '1.0.${version}',
  async setup(scope) { ${setup} },
  ${keys}
  commands: ({ command }) => ({
    sample: command({
      description: 'Takes a word',
      aliases: ['smp'],
      args: z.object({ word: z.enum(['yes', 'no']) }),
      run: (_ctx, { word }) => 'v${version} ' + word,
    }),
    ${commands}
  }),
})
`

/** What other frameworks got wrong, and what plugins do to a bot that reloads them. */
describe('known bugs of reloads', () => {
  let bot: BotProcess
  let version = 0

  before(async () => {
    bot = await BotProcess.create({ plugins: { 'sample/index.ts': source(0) } })
    await bot.start()
  })
  after(() => bot.close())
  beforeEach(() => bot.forget())

  const ask = (text: string) => bot.ask(bot.ownerId, text)
  const lines = (event: string) => bot.lines.filter((line) => line.event === event)

  async function save(parts?: Parts): Promise<number> {
    version++
    bot.write('sample/index.ts', source(version, parts))
    await bot.event('plugin.reload.committed', { plugin: 'sample', version: `1.0.${version}` })
    return version
  }
  async function breaks(parts: Parts | string): Promise<string> {
    bot.forget()
    bot.write('sample/index.ts', typeof parts === 'string' ? parts : source(++version, parts))
    return String((await bot.event('plugin.reload.aborted', { plugin: 'sample' })).code)
  }

  it('nothing is registered twice: one answer, one run of middleware and of each listener', async () => {
    const counting: Parts = {
      top: `const bus = (globalThis[Symbol.for('sample.bus')] ??= new EventEmitter())`,
      setup: `scope.listen(bus, 'rung', () => scope.log.info('sample.heard'))`,
      keys: `middleware: ({ middleware }) => [
        middleware({ phase: 'context', run: (ctx, next) => (ctx.log.info('sample.passed'), next()) }),
      ],`,
      commands: `ring: command({ description: 'x', run: () => void bus.emit('rung') }),`,
    }
    for (let i = 0; i < 5; i++) await save(counting)
    bot.forget()
    bot.person(bot.ownerId).sendText('/ring')
    expect(await ask('/sample yes')).to.equal(`v${version} yes`)
    expect(lines('sample.heard')).to.have.length(1)
    expect(lines('sample.passed')).to.have.length(2)
  })

  it('no old code goes on running: not even an interval that nobody told the scope of', async () => {
    const ticking = () => ({
      setup: `setInterval(() => scope.log.info('sample.ticked', { of: ${version + 1} }), 5)`,
    })
    const old = await save(ticking())
    await bot.event('sample.ticked', { of: old })
    const next = await save(ticking())
    const leftover = await bot.event('plugin.leftover', { plugin: 'sample', what: 'interval' })
    expect(leftover.file).to.include('sample/index.ts')
    expect(leftover.line).to.equal(9)
    bot.forget()
    await until('the new one has ticked', () => lines('sample.ticked').length > 20)
    expect(new Set(lines('sample.ticked').map(({ of }) => of))).to.deep.equal(new Set([next]))
  })

  it('nothing of the new version is lost: arguments, aliases, help', async () => {
    await save()
    const help = await ask('/help sample')
    await save()
    expect(await ask('/help sample')).to.equal(help)
    expect(help).to.include('yes|no')
    expect(await ask('/smp no')).to.equal(`v${version} no`)
    expect(await ask('/sample maybe')).to.include('yes|no')
  })

  it('no broken save is the last one that is seen', async () => {
    for (let i = 0; i < 3; i++) {
      expect(await breaks('export default {')).to.equal('OPS_PLUGIN_BUILD')
      const good = await save()
      expect(await ask('/sample yes')).to.equal(`v${good} yes`)
    }
  })

  it('what a running handler imports late is of its own version', async () => {
    const late = (text: string) => bot.write('sample/late.ts', `export const text = '${text}'`)
    const parts: Parts = {
      top: `const gate = (globalThis[Symbol.for('sample.gate')] ??= new EventEmitter())`,
      commands: `
        wait: command({ description: 'x', async run(ctx) {
          ctx.log.info('sample.waits')
          await new Promise((resolve) => gate.once('open', resolve))
          return (await import('./late.ts')).text
        } }),
        open: command({ description: 'x', run: () => void gate.emit('open') }),`,
    }
    late('old')
    await save(parts)
    const group = bot.api.group({ title: 'Ops' })
    const owner = bot.person(bot.ownerId)
    owner.joins(group)
    owner.sendText('/wait', { chat: group })
    await bot.event('sample.waits')
    late('new')
    await save(parts)
    owner.sendText('/open')
    expect(await until('it is answered', () => bot.said(group.id)[0])).to.equal('old')
    bot.forget()
    owner.sendText('/wait', { chat: group })
    await bot.event('sample.waits')
    owner.sendText('/open')
    expect(await until('it is answered', () => bot.said(group.id)[1])).to.equal('new')
    bot.remove('sample/late.ts')
    await save()
  })

  describe('a plugin that ends the process', () => {
    it('doesn’t, from a handler, a timer or a promise', async () => {
      await save({
        top: `import { exit } from 'node:process'`,
        commands: `
          die: command({ description: 'x', run: () => process.exit(3) }),
          dielate: command({ description: 'x', run: () => void setTimeout(() => exit(3), 1) }),
          diehard: command({ description: 'x', run: () => process.kill(process.pid, 'SIGKILL') }),`,
      })
      expect(await ask('/die')).to.include('E-')
      expect(await ask('/diehard')).to.include('E-')
      bot.person(bot.ownerId).sendText('/dielate')
      const { error } = await bot.event('plugin.uncaught', { plugin: 'sample' })
      expect(JSON.stringify(error)).to.include('OPS_PLUGIN_EXIT')
      expect(await ask('/sample yes')).to.equal(`v${version} yes`)
    })

    it('is not loaded when it does so while it is loaded or set up', async () => {
      const good = await save()
      expect(await breaks({ top: 'process.exit(3)' })).to.equal('OPS_PLUGIN_EXIT')
      expect(await breaks({ setup: 'process.exit(3)' })).to.equal('OPS_PLUGIN_EXIT')
      expect(await ask('/sample yes')).to.equal(`v${good} yes`)
    })
  })

  it('a plugin that throws no error at all fails as any other', async () => {
    const good = await save()
    expect(await breaks({ top: `throw 'a text'` })).to.equal('OPS_PLUGIN_LOAD')
    expect(await breaks({ setup: 'throw undefined' })).to.equal('OPS_PLUGIN_SETUP')
    expect(await breaks({ setup: 'throw null' })).to.equal('OPS_PLUGIN_SETUP')
    expect(await ask('/sample yes')).to.equal(`v${good} yes`)
  })

  it('a set-up that was given up can register nothing any more', async () => {
    const good = await save()
    const failing = `
      setTimeout(() => {
        try {
          scope.onDispose(() => {})
        } catch ({ code }) {
          scope.log.info('sample.refused', { code })
        }
      }, 50)
      await Promise.reject(new Error('no luck'))`
    expect(await breaks({ setup: failing })).to.equal('OPS_PLUGIN_SETUP')
    await bot.event('sample.refused', { code: 'OPS_SCOPE_DISPOSED' })
    expect(await ask('/sample yes')).to.equal(`v${good} yes`)
  })
})
