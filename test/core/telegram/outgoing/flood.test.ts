import { expect } from 'chai'
import { createGateway, type Gateway } from '../../../../core/telegram/gateway.ts'
import { silentLog } from '../../../support/log.ts'
import { until } from '../../../support/wait.ts'
import { startApi, type TestApi, token } from '../api-server.ts'

describe('a limit on the whole bot', () => {
  let api: TestApi
  let gateway: Gateway

  const send = (chat: number, text = 'x') => gateway.telegram.sendMessage(chat, text)
  const sentTo = (chat: number) => api.calls.filter(({ payload }) => payload.chat_id === chat)

  async function begin(script: Parameters<typeof startApi>[0]) {
    api = await startApi(script)
    gateway = createGateway({ token, apiRoot: api.root, log: silentLog })
  }
  afterEach(async () => {
    await gateway.close()
    await api.close()
  })

  const ok = { result: { message_id: 1 } }
  const limited = (retry_after: number) => ({ error: 429, parameters: { retry_after } })
  const three = () => Promise.allSettled([1, 2, 3].map((chat) => send(chat)))

  it('is found out by one call: the others wait for it instead of being limited each', async () => {
    let flood = true
    await begin(() => (flood ? limited(1) : ok))
    const first = three()
    await until('three limited chats', () => gateway.counts.limited === 3)
    const more = Promise.all([11, 12, 13, 14, 15, 16].map((chat) => send(chat)))
    await until('the one that asks', () => gateway.counts.limited === 4)
    flood = false
    await Promise.all([more, first])
    const asked = [11, 12, 13, 14, 15, 16].filter((chat) => sentTo(chat).length === 2)
    expect(asked, 'who was sent to twice').to.have.length(1)
    expect(gateway.counts.limited).to.equal(4)
  })

  it('that is none holds other chats up for no longer than one answer takes', async () => {
    await begin(({ payload }, count) =>
      Number(payload.chat_id) < 4 && count < 4 ? limited(20) : ok,
    )
    const begun = performance.now()
    const patience = { patienceMs: 1_000 }
    const refused = [1, 2, 3].map((chat) =>
      gateway.call('sendMessage', { chat_id: chat, text: 'x' }, patience).catch(() => 'limited'),
    )
    await until('three limited chats', () => gateway.counts.limited === 3)
    await Promise.all([11, 12, 13].map((chat) => send(chat)))
    expect(performance.now() - begun).to.be.below(10_000)
    expect(await Promise.all(refused)).to.deep.equal(['limited', 'limited', 'limited'])
    expect(api.calls).to.have.length(6)
  })

  it('is not concluded from groups, which have one of their own', async () => {
    await begin(({ payload }, count) =>
      Number(payload.chat_id) < 0 && count < 6 ? limited(1) : ok,
    )
    const groups = Promise.all([-1, -2, -3, -4].map((chat) => send(chat)))
    await until('the limited groups', () => gateway.counts.limited === 4)
    let answer = 0
    const slow = send(11).then(() => answer++)
    const fast = send(12).then(() => answer++)
    await Promise.all([slow, fast])
    expect(sentTo(-1), 'its pause is not over').to.have.length(1)
    await groups
  })

  it('does not end because the call that asks is given up', async () => {
    let hang = false
    await begin(({ payload }) => {
      if (payload.chat_id === 11 && hang) return 'hang'
      return hang ? ok : limited(1)
    })
    const first = three()
    await until('three limited chats', () => gateway.counts.limited === 3)
    hang = true
    const stop = new AbortController()
    const given = gateway
      .call('sendMessage', { chat_id: 11, text: 'x' }, { signal: stop.signal })
      .catch((error: unknown) => error)
    await until('the one that asks', () => sentTo(11).length === 1)
    const waiting = send(12)
    stop.abort(new Error('deadline'))
    expect(await given).to.have.property('message', 'deadline')
    // the next one asks in its place
    await waiting
    await first
  })
})
