import { createTestBot, type TestBot } from 'opsgram/testing'

describe('doors', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname] })
  })
  after(() => bot?.stop())

  const cases = [
    { role: 'guest', text: '/doors list', answer: 'lab, store' },
    { role: 'guest', text: '/doors open lab', answer: 'You are not allowed to use /doors open.' },
    { role: 'operator', text: '/doors open lab', answer: 'The lab is open.' },
    { role: 'operator', text: '/doors open vault', answer: 'Not the vault.' },
    { role: 'owner', text: '/doors open vault', answer: 'The vault is open.' },
  ]
  for (const { role, text, answer } of cases) {
    it(`answers ${text} of an ${role} by “${answer}”`, async () => {
      const person = role === 'owner' ? bot.owner : bot.user({ role })
      await person.sends(text)
      await person.sees(answer)
    })
  }
})
