import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import { rejected } from '../../../support/rejected.ts'

const files = `import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'files',
  version: '1.0.0',
  commands: ({ command }) => ({
    hello: command({ description: 'x', run: () => 'hello' }),
    report: command({ description: 'x', async run(ctx) {
      await ctx.replyWithDocument({ source: Buffer.from('a,b'), filename: 'report.csv' }, { caption: 'As asked' })
    } }),
    note: command({ description: 'x', run: (ctx) => 'noted ' + ctx.message.photo.length }),
    tell: command({ description: 'x', async run(ctx) {
      return ctx.reply('told').then(() => undefined, (error) => 'failed: ' + error.response?.error_code)
    } }),
  }),
  events: ({ event }) => [
    event('message:document', (ctx) => 'got ' + ctx.message.document.file_name),
    event('edited_message:text', (ctx) => 'was edited to ' + ctx.editedMessage.text),
  ],
})
`

describe('the Telegram of a test bot', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot()
    await bot.dropPlugin('files', { 'index.ts': files })
  })
  after(() => bot?.stop())

  it('carries files both ways', async () => {
    await bot.owner.sendsFile('switches.csv', 'sw-12')
    await bot.owner.sees('got switches.csv')
    await bot.owner.sendsPhoto('bytes', { caption: '/note' })
    await bot.owner.sees('noted 1')
    await bot.owner.sends('/report')
    const { text, file } = await bot.owner.sees('report.csv')
    expect(text).to.equal('As asked')
    expect(file?.data.toString()).to.equal('a,b')
  })

  it('carries edits of people', async () => {
    const message = await bot.owner.sends('draft')
    await bot.owner.edits(message, 'final')
    await bot.owner.sees('was edited to final')
  })

  it('names the file that was seen instead', async () => {
    await bot.owner.sends('/report')
    const error = await rejected(bot.owner.sees('letter.pdf', { within: 500 }))
    expect(error.message).to.contain('(file report.csv) "As asked"')
    await bot.owner.sees('report.csv')
  })

  const faults: [
    fault: Parameters<TestBot['telegram']['fail']>[1],
    told: string,
    calls: string[],
  ][] = [
    [400, 'failed: 400', ['error', 'ok']],
    [403, 'failed: 403', ['error', 'ok']],
    ['reset', 'failed: undefined', ['fault', 'ok']],
  ]
  for (const [fault, told, expected] of faults) {
    it(`lets a call fail with ${String(fault)}`, async () => {
      bot.telegram.api.journal.clear()
      bot.telegram.fail('sendMessage', fault)
      await bot.owner.sends('/tell')
      await bot.owner.sees(told)
      const outcomes = bot.telegram.calls('sendMessage').map(({ outcome }) => outcome)
      expect(outcomes).to.have.length(expected.length)
    })
  }

  it('lets a chat that blocked the bot refuse it', async () => {
    bot.telegram.fail('sendMessage', 403, { chat: bot.owner.id })
    await bot.owner.sends('/hello')
    const { fields } = await bot.logged('answer.failed')
    expect(String(fields.error)).to.contain('bot was blocked by the user')
  })

  it('says what the log complains of when an event does not come', async () => {
    const error = await rejected(bot.logged('plugin.exploded', {}, { within: 50 }))
    expect(error.code).to.equal('OPS_TEST_DEADLINE')
    expect(error.message).to.contain("didn't log plugin.exploded within 50 ms")
  })
})
