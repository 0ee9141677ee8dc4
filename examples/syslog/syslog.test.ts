import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createTestBot, type TestBot } from 'opsgram/testing'

/** A port that nobody has at the moment. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}

describe('syslog', () => {
  let bot: TestBot
  let port: number
  before(async () => {
    port = await freePort()
    bot = await createTestBot({
      plugins: [import.meta.dirname],
      env: { SYSLOG_PORT: String(port) },
    })
  })
  after(() => bot?.stop())

  /** UDP promises nothing: sent until it is shown. */
  async function arrives(line: string): Promise<void> {
    const device = createSocket('udp4')
    try {
      for (let tries = 0; tries < 20; tries++) {
        device.send(line, port, '127.0.0.1')
        await bot.owner.sends('/syslog')
        if ((await bot.owner.sees()).text.includes(line)) return
      }
      throw new Error(`${line} did not arrive`)
    } finally {
      device.close()
    }
  }

  it('shows what devices send, also after a reload on the same port', async () => {
    await arrives('sw-12: fan failed')
    await bot.reload('syslog')
    await arrives('sw-12: fan is back')
  })

  it('leaves no socket behind', () => bot.expectNoLeftovers())
})
