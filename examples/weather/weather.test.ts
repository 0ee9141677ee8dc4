import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'

describe('weather', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname], now: '2026-03-02T08:00:00Z' })
  })
  after(() => bot?.stop())

  it('asks once in ten minutes, or when it is told to', async () => {
    bot.http.on(
      'GET https://weather.example.net/North',
      { json: { temperature: -3 } },
      { json: { temperature: -1 } },
      { json: { temperature: 2 } },
    )
    for (const [advance, expected] of [
      [0, '-3'],
      [9 * 60_000, '-3'],
      [60_000, '-1'],
    ] as const) {
      await bot.clock.advance(advance)
      await bot.owner.sends('/weather North')
      await bot.owner.sees(`North: ${expected} °C`)
    }
    await bot.owner.sends('/refresh')
    await bot.owner.sees('Done.')
    await bot.owner.sends('/weather North')
    await bot.owner.sees('North: 2 °C')
    expect(bot.http.requests).to.have.length(3)
  })
})
