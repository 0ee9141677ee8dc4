import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'

describe('handover', () => {
  let bot: TestBot
  let pavel: TestPerson

  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname] })
    pavel = bot.user({ role: 'operator', firstName: 'Pavel' })
  })
  after(() => bot?.stop())

  it('tells operators, and who wrote when it is read', async () => {
    await bot.owner.sends('/handover rack 4 is noisy')
    await bot.owner.sees('Told: 1')
    await pavel.sees('hands over: rack 4 is noisy')
    await pavel.presses('Got it')
    await bot.owner.sees('Pavel has read: rack 4 is noisy')
  })

  it('goes on when Telegram was away', async () => {
    bot.telegram.fail('sendMessage', 502, { chat: pavel.id })
    await bot.owner.sends('/handover rack 5 is hot')
    await bot.owner.sees('Told: 1')
    await bot.logged('outbox.delayed')
    await bot.settled()
    await bot.database.query('update outbox set next_at = now()')
    await bot.clock.advance(2_000)
    await pavel.sees('hands over: rack 5 is hot')
    const told = await bot.database.query(`select 1 from audit_log where action = 'handover.told'`)
    expect(told).to.have.length(2)
  })
})
