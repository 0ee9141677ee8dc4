import { inspect } from 'node:util'
import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'

const plugin = `
import { definePlugin } from 'opsgram'

export default definePlugin({
  name: 'files',
  version: '1.0.0',
  events: ({ event }) => [
    event('message:document', async (ctx) => {
      const { file_id } = ctx.message.document
      const content = await ctx.telegram.downloadFile(file_id)
      return content.length + ' bytes: ' + (await ctx.telegram.getFileLink(file_id))
    }),
  ],
})
`

describe('links to files', function () {
  this.timeout(60_000)
  let bot: TestBot

  beforeEach(async () => {
    bot = await createTestBot()
    await bot.dropPlugin('files', { 'index.ts': plugin })
  })
  afterEach(() => bot.stop())

  /** Sends a file to the bot; the link that it answers with. */
  async function linkTo(content: string, name: string): Promise<string> {
    const { api } = bot.telegram
    api.world.personById(bot.owner.id)?.sendDocument({ data: Buffer.from(content), name })
    const answer = await api.next('message', ({ byBot, text }) => byBot && text.includes('bytes: '))
    const [, size, link] = /^(\d+) bytes: (\S+)$/.exec(answer.text) ?? []
    expect(Number(size)).to.equal(content.length)
    return String(link)
  }

  it('T27: lead to our own server, which gives the content and not the token', async () => {
    const { token } = bot.telegram.api
    const link = await linkTo('<script>report</script>', 'Bericht "Mai".html')
    expect(link).to.match(/^http:\/\/127\.0\.0\.1:\d+\/telegram\/files\//)
    const response = await fetch(link)
    expect(await response.text()).to.equal('<script>report</script>')
    expect(response.headers.get('content-type')).to.equal('application/octet-stream')
    expect(response.headers.get('content-disposition')).to.match(/^attachment; filename\*=UTF-8''/)
    expect(response.headers.get('x-content-type-options')).to.equal('nosniff')
    await bot.settled()
    const said = inspect([link, bot.log, bot.telegram.calls('sendMessage')], { depth: 20 })
    expect(said).to.not.include(token.slice(12))
  })

  it('open nothing when they are changed, of another file, or older than an hour', async () => {
    const link = new URL(await linkTo('report', 'report.txt'))
    const statusOf = async (change: (url: URL) => void) => {
      const changed = new URL(link)
      change(changed)
      return (await fetch(changed)).status
    }
    const until = Number(link.searchParams.get('until'))
    const statuses = [
      await statusOf((url) => url.searchParams.set('until', String(until + 1))),
      await statusOf((url) => url.searchParams.set('key', 'x'.repeat(43))),
      await statusOf((url) => url.searchParams.delete('key')),
      await statusOf((url) => {
        url.pathname += 'x'
      }),
    ]
    expect(statuses).to.deep.equal([404, 404, 404, 404])
    expect(await statusOf(() => undefined)).to.equal(200)
    await bot.clock.advance(3_600_001)
    expect(await statusOf(() => undefined)).to.equal(404)
  })

  it('say so when Telegram gives no file', async () => {
    const link = await linkTo('report', 'report.txt')
    bot.telegram.fail('getFile', 400, { description: 'Bad Request: invalid file_id' })
    expect((await fetch(link)).status).to.equal(404)
    bot.telegram.fail('getFile', { kind: 'hang' }, { times: 1 })
    const stop = AbortSignal.timeout(200)
    await fetch(link, { signal: stop }).catch(() => undefined)
    bot.telegram.fail('getFile', { kind: 'garbage' }, { times: 9 })
    const failed = await fetch(link)
    expect(failed.status).to.equal(502)
    expect(await failed.json()).to.have.nested.property('error.code', 'OPS_TELEGRAM_UNREACHABLE')
  })
})
