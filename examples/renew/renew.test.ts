import { createTestBot, type TestBot } from 'opsgram/testing'

describe('renew', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname], now: '2026-03-02T00:30:00Z' })
  })
  after(() => bot?.stop())

  it('renews in the background, and once more when a host does not answer', async () => {
    await bot.owner.sends('/renew new-mail')
    await bot.owner.sees('I write to you when it is done.')
    await bot.logged('job.failed', { job: 'renew', attempt: 1 })
    await bot.clock.advance(2 * 60_000)
    await bot.owner.sees('new-mail has a new certificate.')
  })

  it('looks every night', async () => {
    await bot.clock.advanceTo('2026-03-02T03:00:01Z')
    await bot.logged('renew.checked', { due: '2026-03-02T03:00:00.000Z' })
  })
})
