import { expect } from 'chai'
import type { IncomingUpdate } from '../../../core/telegram/facts.ts'
import { classicUpdateKinds, updateKinds } from '../../../core/telegram/kinds.ts'
import { createPoller, type Poller } from '../../../core/telegram/polling.ts'
import { createTransport, type Transport } from '../../../core/telegram/transport.ts'
import { recordingLog } from '../../support/log.ts'
import { until } from '../../support/wait.ts'
import { startApi, type TestApi, token } from './api-server.ts'

const update = (id: number) => ({ update_id: id, message: { text: `m${id}` } })

describe('polling', () => {
  let api: TestApi
  let transport: Transport
  let poller: Poller
  let logs: ReturnType<typeof recordingLog>
  let accepted: IncomingUpdate[][]

  const linesOf = (event: string) => logs.lines.filter((line) => line.event === event)

  async function begin(
    script: Parameters<typeof startApi>[0],
    accept: (updates: readonly IncomingUpdate[]) => Promise<void> = async () => undefined,
  ) {
    // The poll that confirms the last offset is answered at once, as Telegram does.
    api = await startApi((call, count) =>
      call.payload.timeout === 0 ? { result: [] } : script(call, count),
    )
    transport = createTransport({ token, apiRoot: api.root })
    logs = recordingLog()
    accepted = []
    poller = createPoller({
      transport,
      log: logs.log,
      accept: (updates) => {
        accepted.push([...updates])
        return accept(updates)
      },
    })
    poller.start()
  }

  afterEach(async () => {
    await poller.stop()
    await transport.close()
    await api.close()
  })

  it('asks for every kind explicitly and moves the offset once a batch is accepted', async () => {
    await begin((_, count) => (count === 1 ? { result: [update(7), update(8)] } : 'hang'))
    await until('the second poll', () => api.calls.length === 2)
    expect(api.calls[0]?.payload).to.deep.equal({
      limit: 100,
      timeout: 50,
      allowed_updates: [...updateKinds],
    })
    expect(api.calls[1]?.payload.offset).to.equal(9)
    expect(accepted.flat().map((one) => one.update_id)).to.deep.equal([7, 8])
  })

  it('T4: fetches the same batch again when accept throws', async () => {
    let failures = 1
    await begin(
      ({ payload }) => (payload.offset === undefined ? { result: [update(1), update(2)] } : 'hang'),
      async () => {
        if (failures-- > 0) throw new Error('database away')
      },
    )
    await until('the batch came twice', () => accepted.length === 2)
    expect(accepted[1]).to.deep.equal(accepted[0])
    expect(linesOf('telegram.polling.accept-failed')).to.have.length(1)
    await until('the offset moved', () => api.calls.some(({ payload }) => payload.offset === 3))
  })

  it('fetches nothing while accept is busy: that is the back-pressure', async () => {
    const gate = Promise.withResolvers<void>()
    await begin(
      (_, count) => (count === 1 ? { result: [update(1)] } : 'hang'),
      () => gate.promise,
    )
    await until('accept runs', () => accepted.length === 1)
    await new Promise((resolve) => setImmediate(resolve))
    expect(api.calls).to.have.length(1)
    gate.resolve()
    await until('the next poll', () => api.calls.length === 2)
  })

  for (const code of [401, 404]) {
    it(`T9: stops with OPS_TOKEN_REFUSED on ${code}`, async () => {
      await begin(() => ({ error: code, description: 'Unauthorized' }))
      const error = await poller.failed
      expect(error.code).to.equal('OPS_TOKEN_REFUSED')
      expect(api.calls).to.have.length(1)
    })
  }

  it('T8: outlives 409 of another poller and warns once', async () => {
    await begin((_, count) =>
      count <= 3
        ? { error: 409, description: 'Conflict: terminated by other getUpdates request' }
        : 'hang',
    )
    await until('the fourth poll', () => api.of('getUpdates').length === 4)
    expect(linesOf('telegram.polling.conflict')).to.have.length(1)
    expect(api.of('deleteWebhook')).to.have.length(0)
  })

  it('deletes a webhook that is in the way and keeps its pending updates', async () => {
    let webhook = true
    await begin(({ method }) => {
      if (method === 'deleteWebhook') {
        webhook = false
        return { result: true }
      }
      return webhook
        ? {
            error: 409,
            description:
              "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
          }
        : 'hang'
    })
    await until('polling goes on', () => api.of('getUpdates').length === 2)
    expect(api.of('deleteWebhook').map(({ payload }) => payload)).to.deep.equal([
      { drop_pending_updates: false },
    ])
  })

  it('outlives 5xx, resets, HTML and garbage', async () => {
    await begin((_, count) => {
      if (count === 1) return { error: 502, description: 'Bad Gateway' }
      if (count === 2) return 'reset'
      if (count === 3) return (response) => response.writeHead(502).end('<html>Bad Gateway</html>')
      if (count === 4) return { result: [{ update_id: 'x' }] }
      if (count === 5) return { result: [update(1)] }
      return 'hang'
    })
    await until('the update came', () => accepted.length === 1)
    expect(linesOf('telegram.polling.retrying')).to.have.length(4)
  })

  it('an update without an id holds up no other', async () => {
    await begin((_, count) => (count === 1 ? { result: [{ message: {} }, update(3)] } : 'hang'))
    await until('the second poll', () => api.calls.length === 2)
    expect(accepted).to.deep.equal([[update(3)]])
    expect(api.calls[1]?.payload.offset).to.equal(4)
    expect(linesOf('telegram.polling.malformed')).to.have.length(1)
  })

  it('falls back to the kinds of Bot API 7.1 when the server refuses the list', async () => {
    await begin(({ payload }) =>
      (payload.allowed_updates as string[]).includes('subscription')
        ? { error: 400, description: "Bad Request: can't parse allowed_updates" }
        : 'hang',
    )
    await until('the second poll', () => api.calls.length === 2)
    expect(api.calls[1]?.payload.allowed_updates).to.deep.equal([...classicUpdateKinds])
    expect(linesOf('telegram.polling.kinds-refused')).to.have.length(1)
  })

  it('does not spin on a server that never long-polls', async () => {
    await begin(() => ({ result: [] }))
    await until('five polls', () => api.calls.length === 5)
    const gaps = api.calls.slice(1).map((call, i) => call.at - (api.calls[i]?.at ?? 0))
    expect(gaps[0]).to.be.at.least(45)
    expect(gaps[3]).to.be.at.least(350)
  })

  it('drops the offset when the server has confirmed it, so a jump of ids loses nothing', async () => {
    await begin((_, count) => {
      if (count === 1) return { result: [update(900)] }
      if (count === 2) return { result: [] }
      if (count === 3) return { result: [update(5)] }
      return 'hang'
    })
    await until('the fourth poll', () => api.calls.length === 4)
    expect(api.calls.map(({ payload }) => payload.offset)).to.deep.equal([
      undefined,
      901,
      undefined,
      6,
    ])
  })

  it('T1: start returns at once, and tells by a promise when polling ends for good', async () => {
    await begin(() => ({ error: 401, description: 'Unauthorized' }))
    // begin has started it and gone on; polling itself ends here
    expect(await poller.failed).to.have.property('code', 'OPS_TOKEN_REFUSED')
    expect(api.calls).to.have.length(1)
  })

  it('T2: stop is possible before the start and right after it', async () => {
    await begin(() => 'hang')
    await poller.stop()
    const polls = api.calls.length
    expect(polls).to.be.at.most(1)
    const unused = createPoller({
      transport,
      accept: async () => undefined,
      log: logs.log,
    })
    await unused.stop()
    expect(api.calls).to.have.length(polls)
  })

  it('T10: stop ends a held poll at once, and may be called twice', async () => {
    await begin(() => 'hang')
    await until('the held poll', () => api.calls.length === 1)
    const begun = performance.now()
    await Promise.all([poller.stop(), poller.stop()])
    expect(performance.now() - begun, 'of the 50 s that it is held').to.be.below(10_000)
    expect(api.calls).to.have.length(1)
  })

  it('T11: stop lets a running accept end and tells the server of it', async () => {
    const gate = Promise.withResolvers<void>()
    await begin(
      (_, count) => (count === 1 ? { result: [update(41)] } : 'hang'),
      () => gate.promise,
    )
    await until('accept runs', () => accepted.length === 1)
    const stopped = poller.stop()
    gate.resolve()
    await stopped
    expect(api.calls).to.have.length(2)
    expect(api.calls[1]?.payload).to.include({ offset: 42, limit: 1, timeout: 0 })
  })

  it('T10: stop ends a back-off wait at once', async () => {
    await begin(() => ({ error: 429, parameters: { retry_after: 600 } }))
    await until('the wait', () => linesOf('telegram.polling.retrying').length === 1)
    const begun = performance.now()
    await poller.stop()
    expect(performance.now() - begun, 'of the 600 s that were asked for').to.be.below(10_000)
  })

  it('stop does not wait for ever, neither for accept nor for a server that hangs', async () => {
    await begin(
      (_, count) => (count === 1 ? { result: [update(1)] } : 'hang'),
      () => new Promise(() => undefined),
    )
    await until('accept runs', () => accepted.length === 1)
    const begun = performance.now()
    await poller.stop()
    expect(performance.now() - begun).to.be.at.least(900)
    expect(api.calls, 'what was not accepted is not confirmed').to.have.length(1)
  })
})
