import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'

describe('assets', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname] })
  })
  after(() => bot?.stop())

  it('knows who took what last', async () => {
    const pavel = bot.user({ role: 'operator', firstName: 'Pavel' })
    await bot.owner.sends('/claim 4711')
    await bot.owner.sees('4711 is yours.')
    await pavel.sends('/claim 4711')
    await pavel.sees('4711 is yours.')
    await pavel.sends('/assets')
    await pavel.sees('4711: Pavel')
    const rows = await bot.database.query('select version from assets_assets')
    expect(rows).to.deep.equal([{ version: 2 }])
  })

  it('keeps it over a restart', async () => {
    await bot.restart()
    await bot.owner.sends('/assets')
    await bot.owner.sees('4711: Pavel')
  })
})
