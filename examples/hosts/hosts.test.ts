import { createTestBot, type TestBot } from 'opsgram/testing'

describe('hosts', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname] })
  })
  after(() => bot?.stop())

  it('reads arguments by position, by name and in quotes', async () => {
    await bot.owner.sends('/silence sw-12')
    await bot.owner.sees('sw-12: warnings silenced for 60 min (no reason given).')
    await bot.owner.sends('/mute sw-12 1h30 all the fan is being replaced')
    await bot.owner.sees('sw-12: all silenced for 90 min (the fan is being replaced).')
    await bot.owner.sends('/silence sw-12 reason="new fan" level=all')
    await bot.owner.sees('sw-12: all silenced for 60 min (new fan).')
  })

  it('says what an argument should have been', async () => {
    await bot.owner.sends('/silence sw-99')
    await bot.owner.sees('the name of a host is expected')
  })

  it('shows hosts in private alone', async () => {
    await bot.owner.sends('/hosts list switch')
    await bot.owner.sees('sw-12, sw-13')
    await bot.owner.sends('/hosts show db-1')
    await bot.owner.sees('db-1: a server in room A1')
    const group = bot.group({ members: [bot.owner] })
    await bot.owner.in(group).sends('/hosts show db-1')
    await bot.owner.in(group).sees('works in a private chat')
  })
})
