import { createHmac } from 'node:crypto'
import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'

describe('dcim', () => {
  let bot: TestBot
  before(async () => {
    const owner = 4711
    bot = await createTestBot({
      plugins: [import.meta.dirname],
      owners: [{ id: owner }],
      env: { DCIM_SECRET: 'old,new', DCIM_CHAT: String(owner) },
    })
  })
  after(() => bot?.stop())

  it('tells what NetBox sends', async () => {
    const body = JSON.stringify({
      event: 'updated',
      username: 'anna',
      data: { id: 7, display: 'sw-12' },
    })
    const signature = createHmac('sha512', 'new').update(body).digest('hex')
    const response = await fetch(`${bot.url}/hooks/dcim/netbox`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-hook-signature': signature },
      body,
    })
    expect(response.status).to.equal(202)
    await bot.owner.sees('anna updated sw-12')
  })
})
