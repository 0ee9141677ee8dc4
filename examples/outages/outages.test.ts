import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'

describe('outages', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({
      plugins: [import.meta.dirname],
      env: { OUTAGES_TOKEN: 'geheim' },
      now: '2026-03-02T08:00:00Z',
    })
  })
  after(() => bot?.stop())

  it('tells what the provider says, also when that takes two attempts', async () => {
    const outages = [{ site: 'North', since: '07:40' }]
    bot.http.on(
      'GET https://status.example.net/api/outages',
      { status: 503 },
      { json: { outages } },
    )
    await bot.owner.sends('/outages')
    await bot.logged('update.taken')
    await bot.clock.advance(1_000)
    await bot.owner.sees('North since 07:40')
    expect(bot.http.requests[0]?.headers).to.include({ authorization: 'Bearer geheim' })
  })

  it('says that it failed when the provider sends a page', async () => {
    bot.http.on('GET https://status.example.net/api/outages', { text: '<html>Login</html>' })
    await bot.owner.sends('/outages')
    await bot.owner.sees(/E-[A-Z0-9]{5}/)
  })

  it('looks at pages outside', async () => {
    bot.http.on('GET https://example.org/', { status: 404 })
    await bot.owner.sends('/reachable https://example.org/')
    await bot.owner.sees('It answers with 404.')
  })
})
