import { expect } from 'chai'
import { createGateway, type Gateway, type SentCall } from '../../../../core/telegram/gateway.ts'
import { silentLog } from '../../../support/log.ts'
import { until } from '../../../support/wait.ts'
import { rejection, startApi, type TestApi, token } from '../api-server.ts'

describe('edits of one message', () => {
  let api: TestApi
  let gateway: Gateway
  let sent: SentCall[]
  /** Calls that have arrived and not been answered yet: each is let go by its text. */
  let held: Map<string, () => void>

  const textsOf = () => api.calls.map(({ payload }) => payload.text ?? payload.reply_markup)
  const edit = (text: string, options: { chat?: number; signal?: AbortSignal } = {}) =>
    gateway.call(
      'editMessageText',
      { chat_id: options.chat ?? 1, message_id: 7, text },
      { signal: options.signal },
    )

  /** The server answers an edit when the test lets it. */
  async function holding(answer: (text: string) => object = (text) => ({ result: { text } })) {
    held = new Map()
    api = await startApi(async ({ payload }) => {
      const text = String(payload.text ?? 'buttons')
      await new Promise<void>((resolve) => held.set(text, resolve))
      return answer(text) as { result: unknown }
    })
    gateway = createGateway({ token, apiRoot: api.root, log: silentLog })
    sent = []
    gateway.sent.on('call', (call) => sent.push(call))
  }
  const letGo = async (text: string) => (await until(text, () => held.get(text)))()

  afterEach(async () => {
    for (const release of held.values()) release()
    await gateway.close()
    await api.close()
  })

  it('the newest wins: what waits behind one that is being sent gives way to it', async () => {
    await holding()
    const edits = ['1', '2', '3', '4'].map((text) => edit(text))
    await letGo('1')
    await letGo('4')
    expect(await Promise.all(edits)).to.deep.equal([
      { text: '1' },
      { text: '4' },
      { text: '4' },
      { text: '4' },
    ])
    expect(textsOf()).to.deep.equal(['1', '4'])
    expect(gateway.counts.superseded).to.equal(2)
    expect(
      sent.map(({ text }) => text),
      'only what was sent is told of',
    ).to.deep.equal(['1', '4'])
  })

  it('leave in the order in which they were made', async () => {
    await holding()
    const text = edit('1')
    const buttons = gateway.call('editMessageReplyMarkup', { chat_id: 1, message_id: 7 })
    await until('the first', () => api.calls.length === 1)
    await letGo('1')
    await letGo('buttons')
    await Promise.all([text, buttons])
    expect(api.calls.map(({ method }) => method)).to.deep.equal([
      'editMessageText',
      'editMessageReplyMarkup',
    ])
  })

  it('a change of buttons gives way to a newer text, which brings its own, also when that ends first', async () => {
    await holding()
    const first = edit('1')
    const buttons = gateway.call('editMessageReplyMarkup', { chat_id: 1, message_id: 7 })
    const last = edit('2')
    await letGo('1')
    await letGo('2')
    await Promise.all([first, buttons, last])
    expect(api.calls).to.have.length(2)
  })

  it('a newer change of buttons takes no text away', async () => {
    await holding()
    const first = edit('1')
    const text = edit('2')
    const buttons = gateway.call('editMessageReplyMarkup', { chat_id: 1, message_id: 7 })
    for (const each of ['1', '2', 'buttons']) await letGo(each)
    await Promise.all([first, text, buttons])
    expect(api.calls).to.have.length(3)
  })

  it('those of other messages wait for nothing', async () => {
    await holding()
    const slow = edit('1')
    const other = edit('2', { chat: 2 })
    await letGo('2')
    expect(await other).to.deep.equal({ text: '2' })
    await letGo('1')
    await slow
  })

  it('one that its caller gave up gives the way back', async () => {
    await holding()
    const stop = new AbortController()
    const first = edit('1')
    const second = edit('2')
    const third = rejection(edit('3', { signal: stop.signal }))
    const reason = new Error('deadline')
    stop.abort(reason)
    expect(await third).to.equal(reason)
    await letGo('1')
    await letGo('2')
    expect(await Promise.all([first, second])).to.deep.equal([{ text: '1' }, { text: '2' }])
  })

  it('what the newest is refused, those that gave way to it are told too', async () => {
    await holding((text) =>
      text === '3' ? { error: 400, description: 'Bad Request: no' } : { result: true },
    )
    const first = edit('1')
    const others = [rejection(edit('2')), rejection(edit('3'))]
    await letGo('1')
    await letGo('3')
    await first
    for (const error of await Promise.all(others)) expect(error).to.have.property('code', 400)
  })

  it('of many during a pause only the last is sent when it ends', async () => {
    let limited = false
    held = new Map()
    api = await startApi(({ payload }) => {
      if (limited) return { result: { text: payload.text } }
      limited = true
      return { error: 429, parameters: { retry_after: 1 } }
    })
    gateway = createGateway({ token, apiRoot: api.root, log: silentLog })
    const first = edit('1')
    await until('the 429', () => gateway.counts.limited === 1)
    const others = ['2', '3', '4'].map((text) => edit(text))
    expect(await Promise.all([first, ...others])).to.deep.equal(Array(4).fill({ text: '4' }))
    expect(textsOf()).to.deep.equal(['1', '4'])
  })
})
