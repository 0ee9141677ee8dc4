import { expect } from 'chai'
import { createTestBot } from 'opsgram/testing'

describe('visit', () => {
  it('asks for what it needs, one after the other', async () => {
    await using bot = await createTestBot({ plugins: [import.meta.dirname] })
    const pavel = bot.user({ role: 'operator' })
    await pavel.sends('/visit')
    await pavel.sees('Who comes?')
    await pavel.sends('Acme')
    await pavel.sees('How many people of Acme?')
    await pavel.sends('20')
    await pavel.sees(/at most 8/)
    await pavel.sends('2')
    const { buttons } = await pavel.sees('What for?')
    expect(buttons).to.deep.equal(['work', 'tour', 'Back', 'Cancel'])
    await pavel.presses('tour')
    await pavel.sees('Announced: Acme, 2, tour.')
  })
})
