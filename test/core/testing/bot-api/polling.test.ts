import { expect } from 'chai'
import type { FakeBotApi } from '../../../../core/testing/bot-api/api.ts'
import { startFakeBotApi } from '../../../../core/testing/bot-api/server.ts'
import { until } from '../../../support/wait.ts'
import { call } from './caller.ts'

describe('fake Bot API: getUpdates', () => {
  let api: FakeBotApi
  let now: number

  beforeEach(async () => {
    now = Date.UTC(2026, 0, 1)
    api = await startFakeBotApi({ now: () => now, firstUpdateId: 100 })
  })

  afterEach(() => api.close())

  const ids = (answer: { result?: { update_id: number }[] }) =>
    answer.result?.map((update) => update.update_id)

  const says = (...texts: string[]) => {
    const ann = api.user()
    for (const text of texts) ann.sendText(text)
    return ann
  }

  /** A waiting poll, once it really waits. */
  const waiting = async (params: object = {}, signal?: AbortSignal) => {
    const poll = call(api, 'getUpdates', { timeout: 50, ...params }, signal)
    poll.catch(() => undefined)
    await until('a poll is held', () => api.backend.poll.busy)
    return { poll }
  }

  it('hands out the same updates until an offset confirms them', async () => {
    says('one', 'two', 'three')
    expect(ids(await call(api, 'getUpdates'))).to.deep.equal([100, 101, 102])
    now += 10_000
    expect(ids(await call(api, 'getUpdates'))).to.deep.equal([100, 101, 102])
    expect(ids(await call(api, 'getUpdates', { offset: 102 }))).to.deep.equal([102])
    expect([api.pending, api.confirmed]).to.deep.equal([1, 2])
  })

  it('keeps only the last ones for a negative offset', async () => {
    says('one', 'two', 'three')
    expect(ids(await call(api, 'getUpdates', { offset: -1 }))).to.deep.equal([102])
    expect(api.pending).to.equal(1)
  })

  it('clamps the limit to 1..100', async () => {
    says(...Array.from({ length: 120 }, (_, i) => `text ${i}`))
    expect((await call(api, 'getUpdates', { offset: 1, limit: 1000 })).result).to.have.length(100)
    expect((await call(api, 'getUpdates', { offset: 2, limit: 0 })).result).to.have.length(1)
  })

  it('slows a client down that repeats its offset at once', async () => {
    says('one', 'two')
    await call(api, 'getUpdates', { offset: 5 })
    expect(ids(await call(api, 'getUpdates', { offset: 5 }))).to.deep.equal([100])
  })

  it('answers a waiting poll with all that came within a moment', async () => {
    const { poll } = await waiting()
    says('one', 'two', 'three')
    expect(ids(await poll)).to.deep.equal([100, 101, 102])
  })

  it('ends the first of two waiting polls with 409', async () => {
    const { poll: first } = await waiting()
    const second = call(api, 'getUpdates', { timeout: 50 })
    const { status, description } = await first
    expect(status).to.equal(409)
    expect(description).to.equal(
      'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running',
    )
    await until('a poll is held', () => api.backend.poll.busy)
    says('for the second')
    expect(ids(await second)).to.deep.equal([100])
  })

  it('refuses with 409 while a webhook is set, and lets go when it is deleted', async () => {
    const { poll } = await waiting()
    await call(api, 'setWebhook', { url: 'https://bot.example.org/hook', secret_token: 'abc' })
    expect((await poll).description).to.equal('Conflict: terminated by setWebhook request')
    now += 5_000
    const refused = await call(api, 'getUpdates')
    expect(refused.error_code).to.equal(409)
    expect(refused.description).to.contain("can't use getUpdates method while webhook is active")
    expect((await call(api, 'getWebhookInfo')).result.url).to.equal('https://bot.example.org/hook')
    await call(api, 'deleteWebhook')
    expect((await call(api, 'getUpdates', { offset: 9 })).ok).to.equal(true)
  })

  it('forgets a poll whose client hung up', async () => {
    const client = new AbortController()
    await waiting({}, client.signal)
    client.abort()
    await until('no poll is held', () => !api.backend.poll.busy)
    says('still there')
    expect(ids(await call(api, 'getUpdates', { offset: 7 }))).to.deep.equal([100])
  })

  it('makes only the kinds asked for, from the moment they are asked for', async () => {
    const ann = says('before')
    const group = api.group({ members: [ann], bot: 'administrator' })
    ann.react(ann.sendText('in the group', { chat: group }), '👍')
    await call(api, 'getUpdates', { offset: 1, allowed_updates: ['message_reaction'] })
    ann.sendText('not wanted')
    ann.react(ann.sendText('not wanted either', { chat: group }), '👍')
    const kinds = async (offset: number, params = {}) =>
      (await call(api, 'getUpdates', { offset, ...params })).result.map(
        (update: object) => Object.keys(update)[1],
      )
    // The first reaction was not made: the default set has none. The setting holds without a repeat.
    expect(await kinds(2)).to.deep.equal(['message', 'message', 'message_reaction'])
    await call(api, 'getUpdates', { offset: 3, allowed_updates: [] })
    ann.react(group.messages[0]!, '🔥')
    ann.sendText('default again')
    expect((await kinds(4)).slice(3)).to.deep.equal(['message'])
  })

  it('lets messages go stale after 24 h, presses after 150 s, inline queries after 30 s', async () => {
    const ann = says('old')
    const sent = await call(api, 'sendMessage', {
      chat_id: ann.id,
      text: 'press',
      reply_markup: { inline_keyboard: [[{ text: 'Go', callback_data: 'go' }]] },
    })
    const press = ann.press(ann.chat.message(sent.result.message_id)!, 'Go')
    api.inject({ inline_query: { id: '1', from: ann.user, query: '', offset: '' } })
    now += 31_000
    expect(ids(await call(api, 'getUpdates', { offset: 1 }))).to.deep.equal([100, 101])
    now += 120_000
    expect(ids(await call(api, 'getUpdates', { offset: 2 }))).to.deep.equal([100])
    const late = await call(api, 'answerCallbackQuery', { callback_query_id: press.id })
    expect(late.description).to.equal(
      'Bad Request: query is too old and response timeout expired or query ID is invalid',
    )
    now += 24 * 3_600_000
    const client = new AbortController()
    await waiting({ offset: 3 }, client.signal)
    client.abort()
  })

  it('gives a kept database no update id twice after a restart', async () => {
    const later = await startFakeBotApi({ now: () => now + 1_000 })
    const sooner = await startFakeBotApi({ now: () => now })
    const first = sooner.inject({ message: {} }).update_id
    expect(later.inject({ message: {} }).update_id).to.be.above(first)
    await later.close()
    await sooner.close()
  })
})
