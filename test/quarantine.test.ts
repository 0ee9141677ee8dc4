import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import { until } from './support/wait.ts'

const shaky = (word: string, fails: boolean) => ({
  'index.ts': `import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'shaky',
  version: '1.0.0',
  commands: ({ command }) => ({
    shake: command({
      description: 'May fail',
      run: () => { ${fails ? "throw new Error('shaken')" : ''}; return '${word}' },
    }),
  }),
})
`,
})

describe('a plugin that fails again and again', () => {
  let bot: TestBot

  before(async () => {
    bot = await createTestBot({ plugins: ['./plugins/plugins'] })
  })
  after(() => bot.stop())

  async function shake(): Promise<string> {
    await bot.owner.sends('/shake')
    return (await bot.owner.sees(/./)).text
  }

  async function says(text: string): Promise<string> {
    await bot.owner.sends(text)
    return (await bot.owner.sees(/./)).text
  }

  it('is quarantined after five errors in a row: one sentence with the error id, others go on', async () => {
    await bot.dropPlugin('shaky', shaky('fine', false))
    await bot.edit('shaky', shaky('bad', true))
    for (let i = 0; i < 5; i++) expect(await shake()).to.match(/on record as E-/)
    await until('it is quarantined', () => bot.plugin('shaky').state === 'quarantined')
    const { errorId = '' } = bot.plugin('shaky').quarantine ?? {}
    expect(await shake())
      .to.include(errorId)
      .and.include('switched off')
    expect(await says('/plugins')).to.match(/⛔ shaky.*quarantined/s)
    expect(bot.log.some(({ event }) => event === 'plugin.quarantined')).to.equal(true)
  })

  it('can be rolled back from the chat to the version before', async () => {
    expect(await says('/plugins rollback shaky')).to.include('is live')
    expect(bot.plugin('shaky').state).to.equal('active')
    expect(await shake()).to.equal('fine')
  })

  it('begins with a clean slate when it is saved anew', async () => {
    await bot.edit('shaky', shaky('bad again', true))
    for (let i = 0; i < 4; i++) await shake()
    await bot.edit('shaky', shaky('mended', false))
    expect(await shake()).to.equal('mended')
    expect(bot.plugin('shaky').state).to.equal('active')
  })

  it('can be switched off, which holds over a restart, and on again', async () => {
    expect(await says('/plugins disable shaky too shaky')).to.include('switched off')
    expect(bot.plugin('shaky').state).to.equal('disabled')
    expect(await shake()).to.include('switched off')
    await bot.restart()
    expect(bot.plugin('shaky').state).to.equal('disabled')
    expect(await says('/plugins enable shaky')).to.include('is live')
    expect(await shake()).to.equal('mended')
  })

  it('is never the one that lets people in, nor the one that could bring it back', async () => {
    expect(await says('/plugins disable auth')).to.include('can’t be switched off')
    expect(await says('/plugins disable plugins')).to.include('can’t be switched off')
  })
})
