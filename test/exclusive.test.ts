import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import { until } from './support/wait.ts'

/** Holds what can't exist twice: a port on loopback. */
const holder = (word: string, setup = '') => ({
  'index.ts': `import { createServer } from 'node:net'
import { once } from 'node:events'
import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'holder',
  version: '1.0.0',
  reload: 'exclusive',
  async setup(scope) {
    ${setup}
    const server = createServer()
    server.listen(PORT, '127.0.0.1')
    await once(server, 'listening')
    scope.onDispose(() => new Promise((resolve) => server.close(resolve)))
    return { port: server.address().port }
  },
  commands: ({ command }) => ({
    hold: command({ description: 'Holds', run: (ctx) => '${word} ' + ctx.plugin.port }),
    linger: command({
      description: 'Takes its time',
      run: () => new Promise((resolve) => setTimeout(() => resolve('${word} lingered'), 700)),
    }),
  }),
})
`,
})

describe('an exclusive plugin', () => {
  let bot: TestBot
  let port: number
  const files = (word: string, setup?: string) => ({
    'index.ts': holder(word, setup)['index.ts'].replace('PORT', String(port)),
  })

  before(async () => {
    const { createServer } = await import('node:net')
    const probe = createServer()
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
    const address = probe.address()
    port = typeof address === 'object' && address !== null ? address.port : 0
    await new Promise((resolve) => probe.close(resolve))
    bot = await createTestBot()
    await bot.dropPlugin('holder', files('one'))
  })
  after(() => bot.stop())

  it('is replaced though it can exist only once; its updates wait, those of others go on', async () => {
    const other = bot.user({ role: 'operator' })
    const begun = () => bot.log.filter(({ event }) => event === 'update.taken').length
    const before = begun()
    await bot.owner.sends('/linger')
    await until('its handler has begun', () => begun() > before)
    const reload = bot.edit('holder', files('two'))
    await until('it is held', () => bot.log.some(({ event }) => event === 'plugin.held'))
    await other.sends('/hold')
    await reload
    await bot.owner.sees('one lingered')
    await other.sees(`two ${port}`)
    await bot.owner.sends('/hold')
    await bot.owner.sees(`two ${port}`)
  })

  it('goes on with its old build when the new set-up fails', async () => {
    const failed = await bot
      .edit('holder', files('three', "throw new Error('not today')"))
      .catch((error: unknown) => String(error))
    expect(String(failed)).to.include('not today')
    await bot.owner.sends('/hold')
    await bot.owner.sees(`two ${port}`)
    expect(bot.plugin('holder').lastReload?.ok).to.equal(false)
  })

  it('is left as it was when the new code cannot even be built', async () => {
    await bot.edit('holder', { 'index.ts': 'export default {' }).catch(() => undefined)
    await bot.owner.sends('/hold')
    await bot.owner.sees(`two ${port}`)
  })
})
