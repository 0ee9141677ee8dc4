import { join } from 'node:path'
import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'

const worklog = join(import.meta.dirname, '../../../../plugins/worklog')

describe('the inbox', () => {
  let bot: TestBot

  before(async function () {
    this.timeout(30_000)
    bot = await createTestBot({ plugins: [worklog] })
  })

  after(() => bot.stop())

  it('takes out of an update what no database stores, for everybody who reads it', async () => {
    await bot.owner.sends('/log 1h replaced\0 a \ud800 switch, not a \\u0000')
    await bot.owner.sees('replaced a \ufffd switch, not a \\u0000')
    const rows = await bot.database.query<{ text: string }>('select text from worklog_entries')
    expect(rows).to.deep.equal([{ text: 'replaced a \ufffd switch, not a \\u0000' }])
  })

  it('answers a stranger whose name no database stores', async () => {
    const stranger = bot.user({ firstName: 'A\0nna \udc00' })
    await stranger.sends('hello')
    await stranger.sees(String(stranger.id))
  })
})
