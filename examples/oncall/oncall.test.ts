import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'

describe('oncall', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname], now: '2026-03-02T08:00:00Z' })
  })
  after(() => bot?.stop())

  it('is read by everybody who was let in, and changed by operators', async () => {
    const operator = bot.user({ role: 'operator' })
    const guest = bot.user({ role: 'guest' })
    const path = '/api/v1/oncall/shifts/network'
    const taken = { team: 'network', person: 'Anna', since: '2026-03-02T08:00:00.000Z' }

    expect((await bot.api(guest).get(path)).status).to.equal(404)
    expect((await bot.api(guest).put(path, { person: 'Gina' })).status).to.equal(403)
    const answer = await bot.api(operator).put(path, { person: 'Anna' })
    expect(answer.body).to.deep.equal(taken)
    await operator.sees('Anna is on call in network now.')
    expect((await bot.api(guest).get('/api/v1/oncall/shifts')).body).to.deep.equal([taken])
  })
})
