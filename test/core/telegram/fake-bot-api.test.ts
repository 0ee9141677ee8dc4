import { expect } from 'chai'
import type { TelegramError } from 'telegraf'
import { factsOf, type IncomingUpdate } from '../../../core/telegram/facts.ts'
import { createGateway, type Gateway } from '../../../core/telegram/gateway.ts'
import { html } from '../../../core/telegram/html.ts'
import { updateKinds } from '../../../core/telegram/kinds.ts'
import { createPoller, type Poller } from '../../../core/telegram/polling.ts'
import { maybeSent } from '../../../core/telegram/transport.ts'
import type { FakeBotApi } from '../../../core/testing/bot-api/api.ts'
import { startFakeBotApi } from '../../../core/testing/bot-api/server.ts'
import { silentLog } from '../../support/log.ts'
import { until } from '../../support/wait.ts'
import { rejection } from './api-server.ts'

describe('gateway and polling against the fake Bot API', () => {
  let api: FakeBotApi
  let gateway: Gateway
  let poller: Poller
  let updates: IncomingUpdate[]

  beforeEach(async () => {
    api = await startFakeBotApi()
    gateway = createGateway({ token: api.token, apiRoot: api.url, log: silentLog })
    updates = []
    poller = createPoller({
      transport: gateway.transport,
      log: silentLog,
      accept: async (batch) => {
        updates.push(...batch)
      },
    })
  })
  afterEach(async () => {
    await poller.stop()
    await gateway.close()
    await api.close()
  })

  it('an update comes in, a reply goes out, and the update is confirmed', async () => {
    poller.start()
    const ann = api.user()
    ann.sendText('/start')
    await until('the update', () => updates[0])
    const { kind, userId, text, lane } = factsOf(updates[0]!)
    expect({ kind, userId, text, lane }).to.deep.equal({
      kind: 'message',
      userId: ann.id,
      text: '/start',
      lane: `chat:${ann.id}`,
    })
    await gateway.telegram.sendText(ann.id, html`<b>hi</b>`)
    expect(api.messages(ann.id).at(-1)?.api).to.deep.include({ text: 'hi' })
    await poller.stop()
    expect(api.pending).to.equal(0)
    expect(api.confirmed).to.equal(1)
  })

  it('the server takes the whole list of kinds', async () => {
    poller.start()
    const call = await until('a poll', () => api.journal.last('getUpdates'))
    expect(call.params.allowed_updates).to.deep.equal([...updateKinds])
  })

  it('polling begins although a webhook is set', async () => {
    await gateway.telegram.setWebhook('https://example.org/hook')
    poller.start()
    api.user().sendText('hello')
    await until('the update', () => updates[0])
  })

  it('T8: takes polling back from another program with the same token', async () => {
    poller.start()
    await until('the held poll', () => api.backend.poll.busy)
    // Theirs may be handed the update first, or a 409: it stays ours as long as they don't confirm it.
    const theirs = gateway.call('getUpdates', { timeout: 50 }, { retry: false }).catch(() => [])
    const ours = () => api.journal.calls('getUpdates').find(({ status }) => status === 409)
    await until('our conflict', ours)
    api.user().sendText('hello')
    await until('the update', () => updates[0])
    await theirs
  })

  it('a send whose answer is lost is not repeated, and says that it may have arrived', async () => {
    const ann = api.user()
    for (const kind of ['reset', '5xx'] as const) {
      api.faults.add({ kind, method: 'sendMessage', when: 'after', times: 1 })
      expect(maybeSent(await rejection(gateway.telegram.sendMessage(ann.id, kind)))).to.equal(true)
    }
    expect(api.messages(ann.id).map((message) => message.api.text)).to.deep.equal(['reset', '5xx'])
  })

  it('an edit whose answer is lost is repeated and succeeds', async () => {
    const ann = api.user()
    const { message_id } = await gateway.telegram.sendMessage(ann.id, 'one')
    api.faults.add({ kind: 'reset', method: 'editMessageText', when: 'after', times: 1 })
    await gateway.telegram.editMessageText(ann.id, message_id, undefined, 'two')
    expect(api.messages(ann.id).at(-1)?.api).to.deep.include({ text: 'two' })
  })

  it('a deletion whose answer is lost is repeated and succeeds', async () => {
    const ann = api.user()
    const { message_id } = await gateway.telegram.sendMessage(ann.id, 'one')
    api.faults.add({ kind: 'reset', method: 'deleteMessage', when: 'after', times: 1 })
    expect(await gateway.telegram.deleteMessage(ann.id, message_id)).to.equal(true)
  })

  it('bad markup arrives as plain text', async () => {
    const ann = api.user()
    await gateway.telegram.sendMessage(ann.id, '<b>disk & <u>swap', { parse_mode: 'HTML' })
    expect(api.messages(ann.id).at(-1)?.api).to.deep.include({ text: 'disk & swap' })
  })

  it('a message to a group that became a supergroup arrives there', async () => {
    const group = api.group({ type: 'group' })
    const next = api.world.migrate(group)
    await gateway.telegram.sendMessage(group.id, 'moved')
    expect(api.messages(next.id).at(-1)?.api).to.deep.include({ text: 'moved' })
  })

  it('long text arrives whole, in order, in messages the server accepts', async () => {
    const ann = api.user()
    const lines = Array.from({ length: 300 }, (_, i) => `line ${i} <${'x'.repeat(30)}>`)
    await gateway.telegram.sendText(ann.id, html`<pre>${lines.join('\n')}</pre>`)
    const texts = api.messages(ann.id).map((message) => message.api.text)
    expect(texts.length).to.be.above(1)
    expect(texts.join('\n')).to.equal(lines.join('\n'))
  })

  it('T23: an upload keeps its reply and its buttons', async () => {
    const ann = api.user()
    const first = await gateway.telegram.sendMessage(ann.id, 'one')
    await gateway.telegram.sendDocument(
      ann.id,
      { source: Buffer.from('report'), filename: 'r.txt' },
      {
        reply_parameters: { message_id: first.message_id },
        reply_markup: { inline_keyboard: [[{ text: 'ok', callback_data: 'ok' }]] },
      },
    )
    const sent = api.messages(ann.id).at(-1)?.api
    expect(sent?.reply_to_message?.message_id).to.equal(first.message_id)
    expect(sent?.reply_markup).to.deep.equal({
      inline_keyboard: [[{ text: 'ok', callback_data: 'ok' }]],
    })
    const fileId = sent?.document?.file_id
    expect(String(await gateway.telegram.downloadFile(String(fileId)))).to.equal('report')
  })

  it('a person who blocked the bot is a 403 for the caller', async () => {
    const ann = api.user()
    api.faults.add({
      kind: 'error',
      method: 'sendMessage',
      status: 403,
      description: 'Forbidden: bot was blocked by the user',
    })
    const error = (await rejection(gateway.telegram.sendMessage(ann.id, 'x'))) as TelegramError
    expect(error.code).to.equal(403)
  })
})
