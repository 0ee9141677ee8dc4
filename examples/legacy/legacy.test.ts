import { createTestBot, type TestBot } from 'opsgram/testing'

describe('legacy', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname] })
  })
  after(() => bot?.stop())

  it('answers what no command took, to those who are let in', async () => {
    await bot.owner.sends('Who runs sw-12?')
    await bot.owner.sees('Ask Olga about sw-12.')
    await bot.owner.presses('Thanks')
    await bot.owner.seesToast('You are welcome')
    const stranger = bot.user()
    await stranger.sends('Who runs sw-12?')
    await stranger.doesNotSee('Ask')
  })
})
