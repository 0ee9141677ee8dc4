import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'

const hour = 3_600_000

describe('dumps', () => {
  let bot: TestBot
  beforeEach(async () => {
    // the clock stands still until a test moves it on
    bot = await createTestBot({ plugins: [import.meta.dirname], now: '2026-03-02T08:00:00Z' })
  })
  afterEach(() => bot?.stop())

  it('complains after a day, until somebody sends one', async () => {
    await bot.clock.advance(23 * hour)
    await bot.owner.sends('/backup')
    await bot.owner.sees('All is well.')
    await bot.clock.advance(1 * hour)
    await bot.logged('backup.late', { last: '2026-03-02T08:00:00.000Z' })
    await bot.owner.sendsFile('db.dump', 'the dump', { caption: '/backup' })
    await bot.owner.sees('Thank you.')
    await bot.owner.sends('/backup')
    const { file } = await bot.owner.sees('backup.csv')
    expect(file?.data.toString()).to.equal('last,2026-03-03T08:00:00.000Z\n')
  })

  it('serves groups too', async () => {
    const operator = bot.user({ role: 'operator' })
    const group = bot.group({ members: [operator, bot.owner] })
    await operator.in(group).sends('/backup')
    await operator.in(group).sees('All is well.')
    await operator.doesNotSee()
  })

  it('tells strangers nothing', async () => {
    const stranger = bot.user()
    await stranger.sends('/backup')
    await stranger.doesNotSee('backup')
  })

  it('waits when Telegram asks it to', async () => {
    bot.telegram.fail('sendDocument', 429, { retryAfter: 30 })
    await bot.owner.sends('/backup')
    await bot.logged('telegram.limited', { method: 'sendDocument' })
    await bot.clock.advance(30_000)
    await bot.owner.sees('backup.csv')
  })

  it('puts it on record when it can’t answer', async () => {
    bot.telegram.fail('sendDocument', 400)
    await bot.owner.sends('/backup')
    await bot.owner.sees(/E-[A-Z0-9]{5}/)
  })

  it('leaves nothing behind when it is reloaded', () => bot.expectNoLeftovers())
})
