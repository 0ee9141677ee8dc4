import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { Bot, GrammyError, InputFile, webhookCallback } from 'grammy'
import type { Chat, MessageEntity, User } from 'grammy/types'
import { Bot as NodeBot, InputFile as NodeFile } from 'node-telegram-bot-api'
// biome-ignore lint/style/noRestrictedImports: a client we did not write keeps the fake honest; the product never launches one
import { Telegraf, TelegramError } from 'telegraf'
import type { FakeBotApi } from '../../../../core/testing/bot-api/api.ts'
import { startFakeBotApi } from '../../../../core/testing/bot-api/server.ts'
import { until } from '../../../support/wait.ts'

const picture = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

const markup = { inline_keyboard: [[{ text: 'More', callback_data: 'more' }]] }
const unknownChat = 4242
const chatNotFound = 'Bad Request: chat not found'

/** /start by polling → a reply with markup and a button, a picture by multipart, a press, an edit. */
async function talk(api: FakeBotApi, deadlineMs = 5_000): Promise<void> {
  const ann = api.user({ firstName: 'Ann' })
  const photo = api.next('message', (m) => m.byBot && m.api.photo !== undefined, deadlineMs)
  const reply = api.next('message', (m) => m.byBot && m.text === 'Hello, Ann', deadlineMs)
  ann.sendText('/start')
  const edited = api.next('edit', () => true, deadlineMs)
  const greeting = await reply
  expect(greeting.entities).to.deep.equal([{ type: 'bold', offset: 0, length: 5 }])
  const press = ann.press(greeting, 'More')
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
      await ctx.reply(`*Hello*, ${ctx.from?.first_name}`, {
        parse_mode: 'MarkdownV2',
        reply_markup: markup,
      })
      await ctx.replyWithPhoto(new InputFile(picture, 'p.png'), { caption: 'a picture' })
    })
    bot.callbackQuery('more', async (ctx) => {
      await ctx.answerCallbackQuery('here')
      await ctx.editMessageText('More it is')
    })
    const running = bot.start()
    await talk(api)
    const error = await bot.api.sendMessage(unknownChat, 'x').catch((e: unknown) => e)
    expect(error).to.be.instanceOf(GrammyError)
    expect(error).to.include({ error_code: 400, description: chatNotFound })
    await bot.stop()
    await running
    expect(api.pending).to.equal(0)
  })

  it('serves Telegraf', async () => {
    const bot = new Telegraf(api.token, { telegram: { apiRoot: api.url } })
    bot.start(async (ctx) => {
      await ctx.reply(`*Hello*, ${ctx.from.first_name}`, {
        parse_mode: 'MarkdownV2',
        reply_markup: markup,
      })
      await ctx.replyWithPhoto({ source: picture, filename: 'p.png' }, { caption: 'a picture' })
    })
    bot.action('more', async (ctx) => {
      await ctx.answerCbQuery('here')
      await ctx.editMessageText('More it is')
    })
    const running = bot.launch()
    await talk(api)
    const error = await bot.telegram.sendMessage(unknownChat, 'x').catch((e: unknown) => e)
    expect(error).to.be.instanceOf(TelegramError)
    expect(error).to.include({ code: 400, description: chatNotFound })
    bot.stop()
    await running
    expect(api.pending).to.equal(0)
  })

  it('serves node-telegram-bot-api', async () => {
    const bot = new NodeBot(api.token, { apiRoot: api.url })
    bot.command('start', async (ctx) => {
      const { id } = ctx.chat!
      await ctx.api.sendMessage({
        chat_id: id,
        text: `*Hello*, ${ctx.from?.first_name}`,
        parse_mode: 'MarkdownV2',
        reply_markup: markup,
      })
      const photo = new NodeFile(picture, { filename: 'p.png' })
      await ctx.api.sendPhoto({ chat_id: id, photo, caption: 'a picture' })
    })
    bot.on('callback_query', async (ctx) => {
      await ctx.answerCallbackQuery({ text: 'here' })
      const { chat, message_id } = ctx.callbackQuery!.message!
      await ctx.api.editMessageText({ chat_id: chat.id, message_id, text: 'More it is' })
    })
    const running = bot.startPolling()
    await talk(api)
    const error = await bot.api
      .sendMessage({ chat_id: unknownChat, text: 'x' })
      .catch((e: unknown) => e)
    expect(error).to.include({ errorCode: 400, description: chatNotFound })
    bot.stop()
    await running
  })

  it('delivers to Telegraf’s webhook, and does what it answers there', async () => {
    const bot = new Telegraf(api.token, { telegram: { apiRoot: api.url } })
    bot.start(async (ctx) => {
      await ctx.replyWithMarkdownV2(`*Hello*, ${ctx.from.first_name}`, { reply_markup: markup })
      await ctx.replyWithPhoto({ source: picture, filename: 'p.png' }, { caption: 'a picture' })
    })
    bot.action('more', async (ctx) => {
      // goes out in the answer to the delivery
      await ctx.answerCbQuery('here')
      await ctx.editMessageText('More it is')
    })
    const receiver = createServer(bot.webhookCallback('/hook', { secretToken: 's3cret' }))
    await delivered(receiver, async (url) => {
      await bot.telegram.setWebhook(url, { secret_token: 's3cret' })
    })
    expect(api.journal.calls('answerCallbackQuery')).to.have.length(1)
  })

  it('delivers to grammY’s webhook', async () => {
    const bot = new Bot(api.token, { client: { apiRoot: api.url } })
    bot.command('start', async (ctx) => {
      await ctx.reply(`*Hello*, ${ctx.from?.first_name}`, {
        parse_mode: 'MarkdownV2',
        reply_markup: markup,
      })
      await ctx.replyWithPhoto(new InputFile(picture, 'p.png'), { caption: 'a picture' })
    })
    bot.callbackQuery('more', async (ctx) => {
      await ctx.answerCallbackQuery('here')
      await ctx.editMessageText('More it is')
    })
    const receiver = createServer(webhookCallback(bot, 'http', { secretToken: 's3cret' }))
    await delivered(receiver, async (url) => {
      await bot.api.setWebhook(url, { secret_token: 's3cret' })
    })
  })

  /** The whole talk by webhook, to a receiver that is told where it is. */
  async function delivered(receiver: Server, set: (url: string) => Promise<void>): Promise<void> {
    receiver.listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    const address = receiver.address()
    try {
      await set(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/hook`)
      await talk(api)
      await until('nothing waits', () => api.pending === 0)
      expect(api.backend.delivery.lastError).to.equal(undefined)
    } finally {
      receiver.closeAllConnections()
      receiver.close()
    }
  }

  it('serves python-telegram-bot (Debian: python3-python-telegram-bot)', async function () {
    const python = '/usr/bin/python3'
    if (spawnSync(python, ['-c', 'import telegram.ext']).status !== 0) {
      // another language's client; the package is not asked for, neither here nor in CI
      this.skip()
    }
    this.timeout(60_000)
    const script = fileURLToPath(new URL('./fixtures/python-bot.py', import.meta.url))
    const child = spawn(python, [script, api.token, api.url], { stdio: ['pipe', 'pipe', 'pipe'] })
    let said = ''
    for (const out of [child.stdout, child.stderr]) {
      out.on('data', (data) => {
        said += data
      })
    }
    const ended = once(child, 'exit')
    try {
      await talk(api, 30_000)
      const refused = () => api.journal.calls('sendMessage').find(({ status }) => status === 400)
      await until('the refused call', refused)
      child.stdin.end()
      expect((await ended)[0], said).to.equal(0)
      expect(said).to.include('BadRequest: Chat not found')
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('lets one program poll: the other one hears 409 with the reason', async () => {
    const bot = new Bot(api.token, { client: { apiRoot: api.url } })
    const running = bot.start().catch((error: unknown) => error)
    await api.next('call', ({ method }) => method === 'deleteWebhook')
    const taken = new Telegraf(api.token, { telegram: { apiRoot: api.url } }).telegram
    // asked again when the first poll of the other one had not begun yet
    for (;;) {
      await taken.callApi('getUpdates', { timeout: 0 })
      if (api.journal.calls('getUpdates').some(({ status }) => status === 409)) break
    }
    expect(await running).to.include({
      error_code: 409,
      description:
        'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running',
    })
    await taken.setWebhook('https://example.org/hook')
    const error = await taken.callApi('getUpdates', { timeout: 0 }).catch((e: unknown) => e)
    expect(error).to.include({
      code: 409,
      description:
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
    })
  })
})
