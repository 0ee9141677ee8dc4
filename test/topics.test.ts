import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import type { Chat } from '../core/testing/bot-api/world/chat.ts'

const plugin = `
import { buttons, definePlugin, edit, html, message } from 'opsgram'

const file = { source: Buffer.from('report'), filename: 'report.txt' }

export default definePlugin({
  name: 'topics',
  version: '1.0.0',
  actions: ({ action }) => ({
    more: action({ label: 'More', run: () => 'pressed' }),
    long: action({ label: 'Long', run: () => edit('x'.repeat(5000)) }),
  }),
  commands: ({ command }) => ({
    all: command({
      description: 'Answer in every way',
      async run(ctx) {
        await ctx.sendChatAction('typing')
        await ctx.reply('replied')
        await ctx.reply(html\`<b>markup</b>\`)
        await ctx.replyWithDocument(file)
        await ctx.sendMessage('sent')
        await ctx.replyWithMediaGroup([
          { type: 'document', media: file }, { type: 'document', media: file },
        ])
        return message('line '.repeat(2000), buttons(ctx.button('more', {}), ctx.button('long', {})))
      },
    }),
    huge: command({ description: 'A file', run: () => 'line '.repeat(9000) }),
    fails: command({ description: 'Fails', run() { throw new Error('no') } }),
  }),
})
`

describe('answers in a forum', function () {
  this.timeout(60_000)
  let bot: TestBot
  let forum: Chat
  let topic: number

  before(async () => {
    bot = await createTestBot()
    await bot.dropPlugin('topics', { 'index.ts': plugin })
    forum = bot.group({ forum: true, members: [bot.owner] })
    topic = bot.telegram.api.world.topic(forum, 'Night shift')
  })
  after(() => bot.stop())

  /** The topics of the bot's messages since the last look. */
  let looked = 0
  async function topicsOfAnswers(): Promise<(number | undefined)[]> {
    await bot.settled()
    const own = bot.telegram.api.messages(forum.id).filter(({ byBot }) => byBot)
    const fresh = own.slice(looked)
    looked = own.length
    return fresh.map(({ api }) => api.message_thread_id)
  }
  const all = (length: number, id: number | undefined) => Array.from({ length }, () => id)

  it('stay in the topic they came from: replies, files, albums, returned messages in all their parts', async () => {
    await bot.owner.in(forum).sends('/all', { threadId: topic })
    expect(await topicsOfAnswers()).to.deep.equal(all(9, topic))
    expect(bot.telegram.calls('sendChatAction').at(-1)?.params).to.include({
      message_thread_id: topic,
    })
  })

  it('to presses too, also when the edited message would be too long', async () => {
    await bot.owner.in(forum).presses('More')
    await bot.owner.in(forum).presses('Long')
    expect(await topicsOfAnswers()).to.deep.equal(all(3, topic))
  })

  it('so do long texts that become a file, and the sentence about a failure', async () => {
    await bot.owner.in(forum).sends('/huge', { threadId: topic })
    expect(await topicsOfAnswers()).to.deep.equal(all(1, topic))
    await bot.owner.in(forum).sends('/fails', { threadId: topic })
    expect(await topicsOfAnswers()).to.deep.equal(all(1, topic))
  })

  it('stay in General when they came from there', async () => {
    await bot.owner.in(forum).sends('/all')
    expect(await topicsOfAnswers()).to.deep.equal(all(9, undefined))
  })
})
