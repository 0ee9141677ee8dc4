import { expect } from 'chai'
import { createTestBot } from 'opsgram/testing'

describe('tickets', () => {
  it('says what people can mend, and puts all else on record under an id', async () => {
    await using bot = await createTestBot({ plugins: [import.meta.dirname] })
    await bot.owner.sends('/close 7')
    await bot.owner.sees('Ticket 7 is closed.')
    await bot.owner.sends('/close 7')
    await bot.owner.sees('There is no open ticket 7.')
    await bot.owner.sends('/close x')
    await bot.owner.sees('Usage: /close <id>')

    await bot.owner.sends('/outage')
    await bot.owner.sends('/close 8')
    const { text } = await bot.owner.sees(/E-[A-Z0-9]{5}/)
    expect(text).not.to.include('503')
    const errorId = /E-[A-Z0-9]{5}/.exec(text)?.[0]
    const { fields } = await bot.logged('update.failed', { plugin: 'tickets', errorId })
    expect(String(fields.error)).to.include('the ticket system answers 503')
  })
})
