import { createTestBot, type TestBot } from 'opsgram/testing'

describe('approve', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname] })
  })
  after(() => bot?.stop())

  it('lets somebody else approve, who may', async () => {
    const [operator, admin] = [bot.user({ role: 'operator' }), bot.user({ role: 'admin' })]
    const group = bot.group({ members: [operator, admin, bot.owner] })
    await operator.in(group).sends('/restart db-1')
    await operator.in(group).sees('wants to restart db-1')
    await operator.in(group).presses('Approve')
    await operator.in(group).seesAlert('You are not allowed')
    await admin.in(group).presses('Withdraw')
    await admin.in(group).seesAlert('This button is for somebody else')
    await admin.in(group).presses('Approve')
    await admin.in(group).sees('db-1 is being restarted; Admin approved it.')
  })

  it('lets nobody approve what they asked for', async () => {
    await bot.owner.sends('/restart db-1')
    await bot.owner.presses('Approve')
    await bot.owner.seesAlert('Somebody else has to approve it.')
    await bot.owner.presses('Withdraw')
    await bot.owner.sees('db-1 is left alone.')
  })
})
