import { createTestBot, type TestBot } from 'opsgram/testing'

describe('watchdog', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname], now: '2026-03-02T08:00:00Z' })
  })
  after(() => bot?.stop())

  it('looks around every minute, and remembers it over a reload', async () => {
    await bot.clock.advance(3 * 60_000)
    await bot.owner.sends('/watchdog')
    await bot.owner.sees('3 rounds, 0 messages sent.')
    await bot.reload('watchdog')
    await bot.logged('watchdog.ended', { rounds: 3 })
    await bot.clock.advance(60_000)
    await bot.owner.sends('/watchdog')
    await bot.owner.sees('4 rounds, 1 messages sent.')
  })

  it('leaves nothing behind', () => bot.expectNoLeftovers())
})
