import { createTestBot, type TestBot } from 'opsgram/testing'

describe('sample', () => {
  let bot: TestBot

  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname] })
  })
  after(() => bot?.stop())

  it('greets whoever may use it', async () => {
    const operator = bot.user({ role: 'operator' })
    await operator.sends('/sample Anna')
    await operator.sees('Hello, Anna!')
    await operator.presses('Again')
    await operator.sees('Hello 2 times.')
  })

  it('does nothing for a guest', async () => {
    const guest = bot.user({ role: 'guest' })
    await guest.sends('/sample')
    await guest.doesNotSee('Hello')
  })

  it('leaves nothing behind when it is reloaded', async () => {
    await bot.expectNoLeftovers()
  })
})
