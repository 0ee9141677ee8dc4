import { expect } from 'chai'
import { Bot, InputFile } from 'grammy'
import type { Chat, MessageEntity, User } from 'grammy/types'
// biome-ignore lint/style/noRestrictedImports: a client we did not write keeps the fake honest; the product never launches one
import { Telegraf } from 'telegraf'
import type { FakeBotApi } from '../../../../core/testing/bot-api/api.ts'
import { startFakeBotApi } from '../../../../core/testing/bot-api/server.ts'

const picture = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

/** /start by polling → a reply with a button, a picture by multipart, a press, an edit. */
async function talk(api: FakeBotApi): Promise<void> {
  const ann = api.user({ firstName: 'Ann' })
  const photo = api.next('message', (m) => m.byBot && m.api.photo !== undefined)
  const reply = api.next('message', (m) => m.byBot && m.text === 'Hello, Ann')
  ann.sendText('/start')
  const edited = api.next('edit')
  const press = ann.press(await reply, 'More')
  expect((await press.answered).text).to.equal('here')
  expect((await edited).text).to.equal('More it is')
  const sent = await photo
  expect(sent.text).to.equal('a picture')
  expect(sent.api.photo?.[0]).to.include({ width: 1, height: 1, file_size: picture.length })
}

describe('fake Bot API: clients nobody here wrote', () => {
  let api: FakeBotApi

  beforeEach(async () => {
    api = await startFakeBotApi()
  })

  afterEach(() => api.close())

  it('makes people, chats and entities that fit the types of grammY', () => {
    const ann = api.user()
    const message = ann.sendText('/start')
    // The compiler is the judge here; the values only have to be there.
    const user: Required<Pick<User, 'id' | 'is_bot' | 'first_name'>> = ann.user
    const chat: Chat['type'] = message.api.chat.type
    const entity: MessageEntity['type'] = message.entities[0]!.type
    expect([user.is_bot, chat, entity]).to.deep.equal([false, 'private', 'bot_command'])
  })

  it('serves grammY', async () => {
    const bot = new Bot(api.token, { client: { apiRoot: api.url } })
    bot.command('start', async (ctx) => {
      await ctx.reply(`Hello, ${ctx.from?.first_name}`, {
        reply_markup: { inline_keyboard: [[{ text: 'More', callback_data: 'more' }]] },
      })
      await ctx.replyWithPhoto(new InputFile(picture, 'p.png'), { caption: 'a picture' })
    })
    bot.callbackQuery('more', async (ctx) => {
      await ctx.answerCallbackQuery('here')
      await ctx.editMessageText('More it is')
    })
    const running = bot.start()
    await talk(api)
    await bot.stop()
    await running
    expect(api.pending).to.equal(0)
  })

  it('serves Telegraf', async () => {
    const bot = new Telegraf(api.token, { telegram: { apiRoot: api.url } })
    bot.start(async (ctx) => {
      await ctx.reply(`Hello, ${ctx.from.first_name}`, {
        reply_markup: { inline_keyboard: [[{ text: 'More', callback_data: 'more' }]] },
      })
      await ctx.replyWithPhoto({ source: picture, filename: 'p.png' }, { caption: 'a picture' })
    })
    bot.action('more', async (ctx) => {
      await ctx.answerCbQuery('here')
      await ctx.editMessageText('More it is')
    })
    const running = bot.launch()
    await talk(api)
    bot.stop()
    await running
    expect(api.pending).to.equal(0)
  })
})
