import { expect } from 'chai'
import { createTestBot } from 'opsgram/testing'

describe('rack', () => {
  it('shows tables that a phone need not break, and lines with markup', async () => {
    await using bot = await createTestBot({ plugins: [import.meta.dirname] })
    await bot.owner.sends('/rack')
    const { text, message } = await bot.owner.sees('db-1')
    expect(Math.max(...text.split('\n').map((line) => line.length))).to.be.at.most(34)
    expect(message.entities.map(({ type }) => type)).to.deep.equal(['pre'])
    await bot.owner.sends('/hosts')
    const lines = await bot.owner.sees('sw-12 up 1 hr, 5 min')
    expect(lines.message.entities.map(({ type }) => type)).to.include.members([
      ...['bold', 'code', 'text_link'],
    ])
  })
})
