import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { BotProcess } from './support/bot-process.ts'
import { counterPlugin } from './support/counter-plugin.ts'
import { testKind } from './support/database.ts'
import { until } from './support/wait.ts'
import { WebhookBot } from './support/webhook-bot.ts'

interface Check {
  readonly status: string
  readonly detail: string
}

async function checkOf(bot: BotProcess): Promise<Check> {
  const { body } = await bot.http('/readyz')
  return (body as { checks: { webhook: Check } }).checks.webhook
}

describe('a bot by webhook', function () {
  this.timeout(200_000)
  let hooked: WebhookBot
  let bot: BotProcess

  before(async () => {
    hooked = await WebhookBot.create({ plugins: counterPlugin })
    bot = hooked.process
    await hooked.start()
    await bot.event('webhook.set')
  })
  after(() => hooked.close())

  const setCalls = () => bot.api.journal.calls('setWebhook')
  const tick = (number: number, ms = 0) => bot.person(bot.ownerId).sendText(`/tick ${number} ${ms}`)
  const saidTick = (number: number) =>
    until(`tick ${number}`, () => bot.said(bot.ownerId).includes(`tick ${number}`), 60_000)
  const ticks = async () => (await bot.ask(bot.ownerId, '/ticks')).split(' ').slice(1).map(Number)

  it('T16: tells Telegram where it is once it can be reached, with its secret and every kind', async () => {
    const [call] = setCalls()
    expect(call?.params).to.deep.include({
      url: `http://127.0.0.1:${hooked.proxy.port}/telegram/webhook`,
      secret_token: 'first-secret',
      drop_pending_updates: false,
      max_connections: 100,
    })
    expect(call?.params.allowed_updates).to.include.members(['message', 'chat_member'])
    const events = bot.lines.map(({ event }) => event)
    expect(events.indexOf('app.started')).to.be.below(events.indexOf('webhook.set'))
    expect(bot.api.journal.calls('getUpdates')).to.deep.equal([])
  })

  it('answers people, and is well', async () => {
    tick(1)
    await saidTick(1)
    await until('it is well', async () => (await checkOf(bot)).status === 'up')
    expect((await bot.http('/readyz')).status).to.equal(200)
  })

  it('T12, T15: says 200 when the update is safe, before its handler ends and whatever that does', async () => {
    const delivery = bot.api.next('delivery', () => true, 30_000)
    const before = bot.said(bot.ownerId).length
    tick(2, 1_500)
    expect((await delivery).status).to.equal(200)
    expect(bot.said(bot.ownerId)).to.have.length(before)
    await saidTick(2)
    const failing = bot.api.next('delivery', () => true, 30_000)
    const answer = await bot.ask(bot.ownerId, '/fail')
    expect((await failing).status).to.equal(200)
    expect(answer).to.include('E-')
    // what a handler says goes out by a call of its own, whose failure would be noticed
    expect(bot.api.journal.last('sendMessage')?.outcome).to.equal('ok')
  })

  it('T19: handles an update once, however often it is sent, and whatever its number is', async () => {
    const { api } = bot
    const text = (number: number) => ({
      update_id: number,
      message: {
        message_id: number % 1_000_000,
        date: Math.floor(Date.now() / 1_000),
        chat: { id: bot.ownerId, type: 'private', first_name: 'A' },
        from: { id: bot.ownerId, is_bot: false, first_name: 'A' },
        text: `/tick ${number}`,
        entities: [{ type: 'bot_command', offset: 0, length: 5 }],
      },
    })
    // after a quiet week the next number is any, also a lower one
    const numbers = [2_000_000_000, 5_000, 1_999_999_999, 7]
    for (const number of numbers) {
      const body = JSON.stringify(text(number))
      const answers = await Promise.all([1, 2, 3].map(() => hooked.post(body, 'first-secret')))
      expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 200])
      await saidTick(number)
      expect((await hooked.post(body, 'first-secret')).status).to.equal(200)
    }
    const counted = (await ticks()).filter((number) => numbers.includes(number))
    expect(counted).to.deep.equal(numbers)
    for (const number of numbers) {
      const said = api.messages(bot.ownerId).filter((m) => m.byBot && m.text === `tick ${number}`)
      expect(said).to.have.length(1)
    }
  })

  it('lives through what is no update, or none that anybody knows', async () => {
    const statuses: number[] = []
    for (const body of ['null', '{', '[]', '{"update_id":"1"}', 'x'.repeat(2 ** 20 + 1)]) {
      statuses.push((await hooked.post(body, 'first-secret')).status)
    }
    expect(statuses).to.deep.equal([400, 400, 400, 400, 413])
    const strange = [
      { telepathy: { text: 'hi' } },
      {},
      { message: null },
      { message: 'text' },
      { message: { chat: { id: 'x' }, text: { a: 1 } } },
      { callback_query: [] },
      { message: { text: '\u0000', chat: { id: bot.ownerId, type: 'private' } } },
    ]
    for (const [i, update] of strange.entries()) {
      const body = JSON.stringify({ update_id: 100_000 + i, ...update })
      expect((await hooked.post(body, 'first-secret')).status, body).to.equal(200)
    }
    expect((await hooked.post('{"update_id":1}')).status).to.equal(401)
    tick(3)
    await saidTick(3)
  })

  it('says that Telegram cannot reach it, and that it can again', async () => {
    hooked.proxy.cut()
    tick(100)
    await until('it says so', async () => {
      const { status, detail } = await checkOf(bot)
      return status === 'degraded' && /failed: Connection/.test(detail)
    })
    expect((await bot.http('/readyz')).status).to.equal(200)
    hooked.proxy.mend()
    await saidTick(100)
    await until('it is well', async () => (await checkOf(bot)).status === 'up')
  })

  it('sets its webhook back when somebody takes it away', async () => {
    const { delivery } = bot.api.backend
    delivery.set(undefined)
    bot.forget()
    await bot.event('webhook.set')
    tick(110)
    await saidTick(110)
  })

  if (testKind === 'postgres') {
    it('says 503 and when to come again while the database is away, and answers once', async () => {
      const cut = await bot.cutDatabase()
      const refused = bot.api.next('delivery', ({ status }) => status === 503, 60_000)
      tick(120)
      const attempt = await refused
      expect(attempt.retryAfter).to.be.within(1, 60)
      await cut.end()
      await saidTick(120)
      expect((await ticks()).filter((number) => number === 120)).to.deep.equal([120])
    })
  }
})

describe('a webhook with a certificate of its own', function () {
  this.timeout(120_000)

  it('gives it to Telegram, and refuses to start without it or with a private key', async () => {
    const hooked = await WebhookBot.create({ firstParty: false })
    const bot = hooked.process
    try {
      const file = join(bot.folder, 'webhook.pem')
      mkdirSync(bot.folder, { recursive: true })
      Object.assign(bot.env, { WEBHOOK_CERT: file, WEBHOOK_IP: '127.0.0.1' })
      const refusal = async () => {
        bot.spawn()
        expect(await bot.exited()).to.equal(1)
        return bot.stderr
      }
      expect(await refusal())
        .to.include('OPS_WEBHOOK_CERT')
        .and.include('cannot be read')
      const key = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'
      const certificate = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
      writeFileSync(file, key + certificate)
      expect(await refusal())
        .to.include('private key')
        .and.not.include('AAAA')
      writeFileSync(file, certificate)
      await hooked.start()
      await bot.event('webhook.set')
      const call = bot.api.journal.last('setWebhook')
      expect(call?.params).to.deep.include({
        certificate: { file: 'webhook.pem', bytes: certificate.length },
        ip_address: '127.0.0.1',
      })
      expect(JSON.parse(String(call?.params.allowed_updates))).to.include('message')
    } finally {
      await hooked.close()
    }
  })
})
