import { createTestBot, type TestBot } from 'opsgram/testing'

describe('attach', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname] })
  })
  after(() => bot?.stop())

  it('notes the files of those who may send them', async () => {
    const [operator, guest] = [bot.user({ role: 'operator' }), bot.user({ role: 'guest' })]
    await operator.sendsFile('switches.csv', 'sw-12,A1')
    await operator.sees('switches.csv, 8 bytes: noted.')
    await guest.sendsFile('switches.csv', 'sw-12,A1')
    await guest.doesNotSee()
  })

  it('notices what is corrected', async () => {
    const message = await bot.owner.sends('sw-12 is in A2')
    await bot.owner.edits(message, 'sw-12 is in A1')
    await bot.owner.sees('Now it says: sw-12 is in A1')
  })

  it('logs where it is added', async () => {
    const group = bot.group({ members: [bot.owner] })
    bot.owner.telegram.addsBot(group, 'administrator')
    await bot.logged('attach.membership', { status: 'administrator' })
  })
})
