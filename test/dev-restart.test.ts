import { expect } from 'chai'
import type { BotProcess } from './support/bot-process.ts'
import { DevProcess, patience, ping } from './support/dev-process.ts'

describe('a bot under opsgram dev', function () {
  this.timeout(240_000)
  let dev: DevProcess
  let bot: BotProcess

  before(async () => {
    dev = await DevProcess.start('--no-types')
    bot = dev.bot
  })
  after(() => bot?.close())

  it('starts anew when a setting of the core changes in .env, and the chats stay', async () => {
    const before = await dev.answers()
    bot.forget()
    bot.writeEnv('LOCALE=ru\n')
    await bot.event('dev.restarting', { why: 'LOCALE changed' }, patience)
    await bot.event('dev.restarted', {}, patience)
    expect(await dev.answers()).to.deep.equal(before)
    expect(await dev.ask('/ping')).to.equal('pong')
  })

  it('says when the bot has died, and starts it again at the next save', async () => {
    bot.forget()
    process.kill(dev.botPid, 'SIGKILL')
    await bot.event('dev.bot-ended', { signal: 'SIGKILL' }, patience)
    expect((await dev.state()).failed).to.containSubset([
      { topic: 'program', title: 'The bot has ended by SIGKILL' },
    ])
    bot.write('ping/index.ts', ping('back'))
    await bot.event('dev.restarted', {}, patience)
    expect((await dev.state()).failed).to.deep.equal([])
    expect(await dev.ask('/ping')).to.equal('back')
  })
})
