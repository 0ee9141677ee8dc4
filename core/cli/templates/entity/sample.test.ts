import { createTestBot, type TestBot } from 'opsgram/testing'

describe('sample', () => {
  let bot: TestBot

  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname] })
  })
  after(() => bot?.stop())

  it('keeps what was written down, until it is removed', async () => {
    const operator = bot.user({ role: 'operator' })
    await operator.sends('/sample add replaced switch sw-12')
    await operator.sees('Written down: replaced switch sw-12')
    await operator.sends('/sample list')
    await operator.sees('• replaced switch sw-12')
    await operator.presses('Remove')
    await operator.sends('/sample list')
    await operator.sees('Nothing was written down yet.')
  })

  it('does nothing for a guest', async () => {
    const guest = bot.user({ role: 'guest' })
    await guest.sends('/sample add secret')
    await guest.doesNotSee('Written down')
  })

  it('leaves nothing behind when it is reloaded', async () => {
    await bot.expectNoLeftovers()
  })
})
