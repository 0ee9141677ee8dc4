import { expect } from 'chai'
import type { BotProcess } from './support/bot-process.ts'
import { counterPlugin } from './support/counter-plugin.ts'
import { until } from './support/wait.ts'
import { WebhookBot } from './support/webhook-bot.ts'

describe('a bot by webhook that is started anew', function () {
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

  it('T4: loses nothing when it is killed between taking an update and answering it, and sets no webhook anew', async () => {
    const taken = bot.api.next('delivery', ({ status }) => status === 200, 30_000)
    tick(40, 3_000)
    await taken
    await bot.kill()
    tick(41)
    const calls = bot.api.journal.calls('getWebhookInfo').length
    await hooked.start()
    await saidTick(41)
    await until('it looked', () => bot.api.journal.calls('getWebhookInfo').length > calls)
    expect(setCalls()).to.have.length(1)
    expect((await ticks()).filter((number) => number >= 40 && number < 50)).to.deep.equal([40, 41])
  })

  it('ends at once with a second signal, and goes on with what ran when it is started anew', async () => {
    const taken = bot.api.next('delivery', ({ status }) => status === 200, 30_000)
    tick(50, 2_500)
    await taken
    bot.signal('SIGTERM')
    await bot.event('app.stopping')
    const first = performance.now()
    await until('a second has gone by', () => performance.now() - first > 1_050)
    bot.signal('SIGTERM')
    expect(await bot.exited()).to.equal(1)
    expect(bot.lines.some(({ event }) => event === 'app.stopped')).to.equal(false)
    await hooked.start()
    await saidTick(50)
    expect((await ticks()).filter((number) => number >= 50 && number < 60)).to.deep.equal([50])
  })

  it('lets the secret be replaced: both are taken, the new one is told, then the old one is nothing', async () => {
    expect(await bot.stop()).to.equal(0)
    expect(bot.api.journal.calls('deleteWebhook')).to.deep.equal([])
    await hooked.start({ WEBHOOK_SECRET: 'first-secret,second-secret' })
    await bot.event('webhook.set')
    expect(setCalls().at(-1)?.params.secret_token).to.equal('second-secret')
    tick(60)
    await saidTick(60)
    const known = JSON.stringify({ update_id: 7 })
    const statusOf = async (secret: string) => (await hooked.post(known, secret)).status
    expect(await statusOf('first-secret')).to.equal(200)
    expect(await statusOf('second-secret')).to.equal(200)
    expect(await statusOf('first-secret,second-secret')).to.equal(401)
    await bot.stop()
    const before = setCalls().length
    await hooked.start({ WEBHOOK_SECRET: 'second-secret' })
    expect(await statusOf('first-secret')).to.equal(401)
    expect(await statusOf('second-secret')).to.equal(200)
    tick(61)
    await saidTick(61)
    // Telegram knows the new one already
    expect(setCalls()).to.have.length(before)
    expect(JSON.stringify(bot.lines)).not.to.include('first-secret').and.not.include('second-secr')
  })

  it('loses nothing on the way from webhook to polling and back', async () => {
    for (let i = 70; i < 75; i++) tick(i, 50)
    await bot.stop()
    for (let i = 75; i < 80; i++) tick(i)
    await hooked.start({ UPDATES: 'polling' })
    for (let i = 80; i < 85; i++) tick(i, 50)
    await saidTick(81)
    await bot.kill()
    for (let i = 85; i < 90; i++) tick(i)
    await hooked.start({ UPDATES: 'webhook' })
    for (let i = 90; i < 95; i++) tick(i)
    await saidTick(94)
    const own = (await ticks()).filter((number) => number >= 70 && number < 100)
    expect(own).to.deep.equal(Array.from({ length: 25 }, (_, i) => 70 + i))
    for (const { params } of bot.api.journal.calls('deleteWebhook')) {
      expect(params.drop_pending_updates).to.equal(false)
    }
  })
})
