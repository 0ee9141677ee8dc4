import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import type { FakeBotApi } from '../../../../core/testing/bot-api/api.ts'
import { startFakeBotApi } from '../../../../core/testing/bot-api/server.ts'
import { retryDelay } from '../../../../core/testing/bot-api/updates/retry.ts'
import { until } from '../../../support/wait.ts'
import { call } from './caller.ts'

interface Delivered {
  readonly text: string
  readonly chat: number
  readonly kind: string
  readonly secret: unknown
  answer(status: number, headers?: Record<string, string>, body?: string): void
}

describe('fake Bot API: the webhook', () => {
  let api: FakeBotApi
  let now: number
  let receiver: Server
  let url: string
  /** What has arrived and waits for its answer, or had it. */
  let arrived: Delivered[]

  beforeEach(async () => {
    now = Date.now()
    api = await startFakeBotApi({ now: () => now })
    arrived = []
    receiver = createServer((request, response) => void receive(request, response))
    receiver.listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    const address = receiver.address()
    url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/hook?x=1`
  })
  afterEach(async () => {
    await api.close()
    receiver.closeAllConnections()
    receiver.close()
  })

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    expect(request.url).to.equal('/hook?x=1')
    expect(request.headers['content-type']).to.equal('application/json')
    const update = JSON.parse(await text(request))
    const kind = Object.keys(update).find((key) => key !== 'update_id') ?? ''
    const { message = {} } = update
    arrived.push({
      text: message.text ?? update[kind].data,
      chat: message.chat?.id,
      kind,
      secret: request.headers['x-telegram-bot-api-secret-token'],
      answer: (status, headers = {}, body = '') => response.writeHead(status, headers).end(body),
    })
  }

  const set = (params: object = {}) => call(api, 'setWebhook', { url, ...params })
  const texts = () => arrived.map((delivered) => delivered.text)
  const arrival = (count: number) => until(`${count} arrived`, () => arrived[count - 1])

  it('gets each update with the secret, one chat’s in order and one at a time', async () => {
    const [ann, bob] = [api.user(), api.user()]
    ann.sendText('a1')
    ann.sendText('a2')
    bob.sendText('b1')
    await set({ secret_token: 's3cret' })
    await arrival(2)
    expect(texts()).to.have.members(['a1', 'b1'])
    expect(arrived[0]?.secret).to.equal('s3cret')
    expect(api.pending).to.equal(3)
    arrived.find(({ chat }) => chat === ann.id)?.answer(200)
    await arrival(3)
    expect(texts()[2]).to.equal('a2')
    for (const delivered of arrived.slice(1)) delivered.answer(204)
    await until('nothing waits', () => api.pending === 0)
    expect(api.confirmed).to.equal(3)
    ann.sendText('a3')
    await arrival(4)
  })

  it('gets what failed again before anything newer of that chat, and the presses meanwhile', async () => {
    const ann = api.user()
    await set()
    ann.sendText('first')
    ann.sendText('second')
    ;(await arrival(1)).answer(500)
    ;(await arrival(2)).answer(503, { 'retry-after': '1' })
    const failedAt = performance.now()
    const button = { inline_keyboard: [[{ text: 'Go', callback_data: 'go' }]] }
    const params = { chat_id: ann.id, text: 'press', reply_markup: button }
    const sent = await call(api, 'sendMessage', params)
    ann.press(ann.chat.message(sent.result.message_id)!, 'Go')
    const press = await arrival(3)
    expect(press.kind).to.equal('callback_query')
    press.answer(200)
    const again = await arrival(4)
    expect(performance.now() - failedAt).to.be.above(900)
    expect(texts()).to.deep.equal(['first', 'first', 'go', 'first'])
    const info = await call(api, 'getWebhookInfo')
    expect(info.result.last_error_message).to.equal(
      'Wrong response from the webhook: 503 Service Unavailable',
    )
    expect(info.result.last_error_date).to.equal(Math.floor(now / 1_000))
    expect(info.result.pending_update_count).to.equal(2)
    again.answer(200)
    ;(await arrival(5)).answer(200)
    expect(texts()[4]).to.equal('second')
  })

  it('has at most max_connections at a time', async () => {
    for (let i = 0; i < 5; i++) api.user().sendText(`${i}`)
    await set({ max_connections: 2 })
    await arrival(2)
    arrived[0]?.answer(200)
    await arrival(3)
    expect(arrived).to.have.length(3)
    for (let i = 1; i < 5; i++) (await arrival(i + 1)).answer(200)
    await until('nothing waits', () => api.pending === 0)
  })

  it('never gets what has grown too old while it failed', async () => {
    const ann = api.user()
    await set()
    ann.sendText('old')
    ;(await arrival(1)).answer(500)
    await arrival(2)
    now += 24 * 3_600_000 + 1
    arrived[1]?.answer(500)
    await until('it is forgotten', () => api.pending === 0)
    ann.sendText('new')
    ;(await arrival(3)).answer(200)
    expect(texts()).to.deep.equal(['old', 'old', 'new'])
  })

  it('is taken away by 410 for 23 hours', async () => {
    await set()
    api.user().sendText('x')
    ;(await arrival(1)).answer(410)
    await arrival(2)
    now += 23 * 3_600_000
    arrived[1]?.answer(410)
    await until('it is gone', () => api.backend.delivery.webhook === undefined)
    expect(api.pending).to.equal(1)
  })

  it('may answer with a call, except one that asks for something', async () => {
    const ann = api.user()
    await set()
    ann.sendText('hi')
    const json = { 'content-type': 'application/json' }
    const reply = { method: 'sendMessage', chat_id: ann.id, text: 'hello' }
    ;(await arrival(1)).answer(200, json, JSON.stringify(reply))
    await until('the answer is said', () => ann.chat.messages.at(-1)?.text === 'hello')
    ann.sendText('again')
    ;(await arrival(2)).answer(200, json, JSON.stringify({ method: 'getMe' }))
    await until('nothing waits', () => api.pending === 0)
    expect(api.journal.calls('getMe')).to.deep.equal([])
  })

  it('counts a receiver that is not there as a failure', async () => {
    receiver.close()
    await once(receiver, 'close')
    await set()
    api.user().sendText('x')
    const { status } = await api.next('delivery')
    expect(status).to.equal(undefined)
    const info = await call(api, 'getWebhookInfo')
    expect(info.result.last_error_message).to.equal('Connection refused')
  })

  it('set twice in a second is refused, unless nothing is new', async () => {
    expect((await set()).ok).to.equal(true)
    expect((await set()).ok).to.equal(true)
    const refused = await set({ max_connections: 3 })
    expect(refused.status).to.equal(429)
    expect(refused.parameters).to.deep.equal({ retry_after: 1 })
    now += 1_000
    expect((await set({ max_connections: 3 })).ok).to.equal(true)
  })

  it('gives back what it had when it is deleted: polling gets it', async () => {
    const ann = api.user()
    await set()
    ann.sendText('one')
    ann.sendText('two')
    ;(await arrival(1)).answer(500)
    await call(api, 'deleteWebhook')
    const { result } = await call(api, 'getUpdates')
    expect(
      result.map((update: { message: { text: string } }) => update.message.text),
    ).to.deep.equal(['one', 'two'])
  })
})

describe('a failed delivery', () => {
  it('is tried again at once, then after 2, 4, 8 s and so on up to a random 60 to 120 s', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8, 20].map((n) => retryDelay(n, undefined, () => 0.5))
    expect(waits).to.deep.equal([0, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 90_000, 90_000])
    expect(retryDelay(30, undefined, () => 0)).to.equal(60_000)
  })

  it('waits as long as the receiver asks, up to an hour', () => {
    expect(retryDelay(1, 7)).to.equal(7_000)
    expect(retryDelay(9, 100_000)).to.equal(3_600_000)
  })
})
