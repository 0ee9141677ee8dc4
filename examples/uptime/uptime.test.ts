import { createTestBot, type TestBot } from 'opsgram/testing'

describe('uptime', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname], now: '2026-03-02T08:00:00Z' })
  })
  after(() => bot?.stop())

  it('tells everybody but blocked people', async () => {
    await bot.clock.advance(5 * 60_000)
    await bot.owner.sends('/uptime')
    await bot.owner.sees('Up for 5 min, Olga.')
    const stranger = bot.user()
    await stranger.sends('/uptime')
    await stranger.sees('Up for 5 min.')
    const blocked = bot.user({ role: 'guest', status: 'blocked' })
    await blocked.sends('/uptime')
    await blocked.doesNotSee()
  })

  it('notices who adds it to a group, known or not', async () => {
    const stranger = bot.user()
    stranger.telegram.addsBot(bot.group({ members: [stranger] }), 'administrator')
    await bot.logged('uptime.membership', { by: 'stranger' })
  })
})
