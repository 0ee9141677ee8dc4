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

  it('tells people what it keeps about them, and forgets it with them', async () => {
    const gina = bot.user({ role: 'guest', firstName: 'Gina' })
    await gina.sends('/claim 4712')
    await gina.sees('4712 is yours.')
    await gina.sends('/mydata')
    await gina.sees('All that I keep')
    const { text } = bot.telegram.sentFile(gina)
    expect(JSON.parse(text).assets[0]).to.include({ tag: '4712' })
    await bot.owner.sends(`/forget ${gina.id}`)
    await bot.owner.presses('Yes, do it')
    await bot.owner.sees('is forgotten')
    await bot.owner.sends('/assets')
    await bot.owner.sees('4712: nobody')
  })
})
