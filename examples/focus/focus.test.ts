import { createTestBot } from 'opsgram/testing'

const plugins = [import.meta.dirname]

describe('focus', () => {
  it('remembers the host of each person in each chat, over restarts, for eight hours', async () => {
    await using bot = await createTestBot({ plugins })
    const pavel = bot.user({ role: 'operator' })
    await bot.owner.sends('/on sw-12')
    await bot.owner.sees('From now on: sw-12.')
    await pavel.sends('/look')
    await pavel.sees('Choose one')
    await bot.restart()
    await bot.owner.sends('/look')
    await bot.owner.sees('sw-12, for the 1. time.')
    await bot.clock.advance(9 * 3_600_000)
    await bot.owner.sends('/look')
    await bot.owner.sees('Choose one')
  })
})
