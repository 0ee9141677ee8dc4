import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import { until } from './support/wait.ts'

/** Provides the word that others say. */
const provider = (word: string, major = 1) => ({
  'api.ts': `import { service } from 'opsgram'
export interface Words { say(): string }
export const Words = service<Words>('words', ${major})
`,
  'index.ts': `import { definePlugin } from 'opsgram'
import { Words } from './api.ts'
export default definePlugin({
  name: 'words',
  version: '1.0.0',
  setup: () => ({ words: { say: () => '${word}' } }),
  provides: { words: Words },
})
`,
})

const consumer = (slow = '') => ({
  'index.ts': `import { definePlugin } from 'opsgram'
import { Words } from '../words/api.ts'
export default definePlugin({
  name: 'speaker',
  version: '1.0.0',
  uses: { words: Words },
  setup(scope) {
    return { atSetup: scope.use.words.say(), now: () => scope.use.words.say(), made: Date.now() }
  },
  commands: ({ command }) => ({
    speak: command({
      description: 'Speaks',
      async run(ctx) {
        ${slow}
        return ctx.use.words.say() + ' ' + ctx.plugin.atSetup + ' ' + ctx.plugin.now() + ' #' + ctx.plugin.made
      },
    }),
  }),
})
`,
})

describe('services between plugins', () => {
  let bot: TestBot

  before(async () => {
    bot = await createTestBot()
  })
  after(() => bot.stop())
  afterEach(async () => {
    for (const name of ['speaker', 'words', 'third']) {
      if (bot.plugins.some((plugin) => plugin.name === name)) await bot.removePlugin(name)
    }
  })

  const state = (name: string) => bot.plugins.find((plugin) => plugin.name === name)

  async function speak(): Promise<string> {
    await bot.owner.sends('/speak')
    return (await bot.owner.sees(/./)).text
  }

  it('give a handler the provider of its own generation, and long-lived code the live one', async () => {
    await bot.dropPlugin('words', provider('one'))
    await bot.dropPlugin('speaker', consumer())
    const first = await speak()
    expect(first).to.match(/^one one one #/)
    await bot.edit('words', provider('two'))
    const second = await speak()
    expect(second).to.match(/^two one two #/)
    expect(second.split('#')[1], 'the consumer was not restarted').to.equal(first.split('#')[1])
  })

  it('let a consumer wait for its provider, and serve when it comes', async () => {
    await bot.dropPlugin('speaker', {
      ...consumer(),
      // the provider's folder isn't there yet, so its token is written by hand
      'index.ts': consumer()['index.ts'].replace(
        "import { Words } from '../words/api.ts'",
        "import { service } from 'opsgram'\nconst Words = service<{ say(): string }>('words', 1)",
      ),
    })
    expect(state('speaker')?.state).to.equal('waiting')
    expect(state('speaker')?.waitingFor).to.deep.equal(['words@1'])
    await bot.owner.sends('/speak')
    await bot.owner.sees(/waits for something that it needs/)
    await bot.dropPlugin('words', provider('here'))
    await until('it serves', () => state('speaker')?.state === 'active')
    expect(await speak()).to.match(/^here here here/)
  })

  it('let a consumer wait when its provider goes, and return unchanged when it comes back', async () => {
    await bot.dropPlugin('words', provider('one'))
    await bot.dropPlugin('speaker', consumer())
    const first = await speak()
    await bot.removePlugin('words')
    expect(state('speaker')?.state).to.equal('waiting')
    await bot.dropPlugin('words', provider('back'))
    await until('it serves', () => state('speaker')?.state === 'active')
    const second = await speak()
    expect(second).to.match(/^back one back #/)
    expect(second.split('#')[1]).to.equal(first.split('#')[1])
  })

  it('tell majors apart: a provider of another one is not what was asked for', async () => {
    await bot.dropPlugin('words', provider('one'))
    await bot.dropPlugin('speaker', consumer())
    await bot.edit('words', provider('two', 2))
    // the consumer's bundle holds the token that it was built with, and api.ts is one of its inputs
    expect(['active', 'waiting']).to.include(state('speaker')?.state)
    expect(state('words')?.state).to.equal('active')
  })

  it('refuse a second provider, and a circle by its path', async () => {
    await bot.dropPlugin('words', provider('one'))
    const second = await bot
      .dropPlugin('third', {
        'index.ts': provider('x')
          ['index.ts'].replace("name: 'words'", "name: 'third'")
          .replace('./api.ts', '../words/api.ts'),
      })
      .catch((error: unknown) => String(error))
    expect(String(second)).to.match(/words.*third|third.*words/s)
    const circle = await bot
      .edit('words', {
        'index.ts': provider('x')['index.ts'].replace(
          "version: '1.0.0',",
          "version: '1.0.0',\n  requires: ['words'],",
        ),
      })
      .catch((error: unknown) => String(error))
    expect(String(circle)).to.include('words → words')
    expect(state('words')?.state).to.equal('active')
  })
})
