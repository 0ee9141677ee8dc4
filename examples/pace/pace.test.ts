import { createTestBot, type TestBot } from 'opsgram/testing'

describe('pace', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({
      plugins: [import.meta.dirname, './plugins/start'],
      env: { PACE_PER_MINUTE: '2' },
      now: '2026-03-02T08:00:00Z',
    })
  })
  after(() => bot?.stop())

  it('refuses what comes too fast, says so once, and lets it pass a minute later', async () => {
    for (let i = 0; i < 4; i++) await bot.owner.sends('/whoami')
    await bot.owner.sees('Olga')
    await bot.owner.sees('Olga')
    await bot.owner.sees('Not so fast: wait a minute.')
    await bot.owner.doesNotSee()
    await bot.logged('update.refused', { reason: 'pace.too-fast' })
    await bot.clock.advance(61_000)
    await bot.owner.sends('/whoami')
    await bot.owner.sees('Olga')
  })
})
