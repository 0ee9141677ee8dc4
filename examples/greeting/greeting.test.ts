import { createTestBot } from 'opsgram/testing'

describe('greeting', () => {
  it('speaks the language of whoever asks', async () => {
    await using bot = await createTestBot({
      plugins: [import.meta.dirname],
      now: '2026-03-02T08:00:00Z',
    })
    await bot.owner.sends('/hello 1')
    await bot.owner.sees('Hello, Olga! 3/2/2026\nThere is 1 alarm.')
    const boris = bot.user({ role: 'guest', firstName: 'Борис', languageCode: 'ru' })
    await boris.sends('/hello 3')
    await boris.sees('Здравствуйте, Борис! 02.03.2026\nЕсть 3 тревоги.')
  })
})
