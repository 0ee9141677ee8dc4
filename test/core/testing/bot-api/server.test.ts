import { request } from 'node:http'
import { expect } from 'chai'
import type { FakeBotApi } from '../../../../core/testing/bot-api/api.ts'
import { startFakeBotApi } from '../../../../core/testing/bot-api/server.ts'
import { until } from '../../../support/wait.ts'
import { call } from './caller.ts'

describe('fake Bot API: server', () => {
  let api: FakeBotApi

  beforeEach(async () => {
    api = await startFakeBotApi()
  })

  afterEach(() => api.close())

  it('takes parameters as JSON, form, multipart and query, and names in any case', async () => {
    const ann = api.user()
    const base = `${api.url}/bot${api.token}`
    const fields = { chat_id: String(ann.id), text: 'Привет & 1' }
    const form = new FormData()
    form.set('chat_id', fields.chat_id)
    form.set('text', fields.text)
    await call(api, 'SENDMESSAGE', { chat_id: ann.id, text: fields.text })
    await fetch(`${base}/sendmessage`, { method: 'POST', body: new URLSearchParams(fields) })
    await fetch(`${base}/sendMessage`, { method: 'POST', body: form })
    await fetch(`${base}/sendMessage?${new URLSearchParams(fields)}`)
    expect(api.messages(ann.id).map((m) => m.text)).to.deep.equal(Array(4).fill('Привет & 1'))
    expect(api.journal.calls().map((c) => c.method)).to.deep.equal(Array(4).fill('sendMessage'))
  })

  it('answers 401 to a wrong token and 404 to an unknown method', async () => {
    const wrong = await fetch(`${api.url}/bot1:wrong/getMe`)
    expect([wrong.status, await wrong.json()]).to.deep.equal([
      401,
      { ok: false, error_code: 401, description: 'Unauthorized' },
    ])
    expect(await call(api, 'sendNothing')).to.include({ status: 404, ok: false })
  })

  it('answers 400 to a body that is no JSON object', async () => {
    for (const body of ['{"a":', '[1]', 'null']) {
      const answer = await fetch(`${api.url}/bot${api.token}/getMe`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      expect(answer.status).to.equal(400)
    }
  })

  it('refuses websites: by name, by origin, and as a picture on a page', async () => {
    const statusWith = (headers: Record<string, string>) =>
      new Promise((resolve, reject) => {
        request(`${api.url}/bot${api.token}/getMe`, { headers }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
          .on('error', reject)
          .end()
      })
    expect(await statusWith({})).to.equal(200)
    expect(await statusWith({ host: 'evil.example' })).to.equal(403)
    expect(await statusWith({ origin: 'http://evil.example' })).to.equal(403)
    expect(await statusWith({ 'sec-fetch-site': 'cross-site' })).to.equal(403)
  })

  it('stores an upload and serves it back by getFile', async () => {
    const ann = api.user()
    const data = Buffer.from([0, 255, 13, 10, 45, 45, 0x80])
    const form = new FormData()
    form.set('chat_id', String(ann.id))
    form.set('caption', '<b>report</b>')
    form.set('parse_mode', 'HTML')
    form.set('reply_parameters', JSON.stringify({ message_id: ann.sendText('hi').id }))
    form.set('document', new Blob([data]), 'отчёт.bin')
    const sent = await fetch(`${api.url}/bot${api.token}/sendDocument`, {
      method: 'POST',
      body: form,
    })
    const { result } = (await sent.json()) as { result: { document: { file_id: string } } }
    expect(result).to.deep.include({
      caption: 'report',
      caption_entities: [{ type: 'bold', offset: 0, length: 6 }],
    })
    expect(result.document).to.include({ file_name: 'отчёт.bin', file_size: 7 })
    const file = await call(api, 'getFile', { file_id: result.document.file_id })
    const url = `${api.url}/file/bot${api.token}/${file.result.file_path}`
    expect(Buffer.from(await (await fetch(url)).arrayBuffer())).to.deep.equal(data)
    // And once more by its id, without bytes.
    const again = { chat_id: ann.id, document: result.document.file_id }
    expect((await call(api, 'sendDocument', again)).ok).to.equal(true)
    const outside = { chat_id: ann.id, document: 'https://example.org/file' }
    expect((await call(api, 'sendDocument', outside)).status).to.equal(400)
  })

  it('sends an album whole, or not at all', async () => {
    const ann = api.user()
    const form = new FormData()
    form.set('chat_id', String(ann.id))
    form.set('one', new Blob(['1']), 'a.png')
    const media = [
      { type: 'photo', media: 'attach://one' },
      { type: 'photo', media: 'attach://two' },
    ]
    form.set('media', JSON.stringify(media))
    const post = () =>
      fetch(`${api.url}/bot${api.token}/sendMediaGroup`, { method: 'POST', body: form })
    expect((await post()).status).to.equal(400)
    expect(api.messages(ann.id)).to.have.length(0)
    form.set('two', new Blob(['2']), 'b.png')
    expect((await post()).status).to.equal(200)
    expect(api.messages(ann.id)).to.have.length(2)
  })

  it('shows the menu of the narrowest scope, in the language of the person first', async () => {
    const ann = api.user({ languageCode: 'ru' })
    const group = api.group({ administrators: [ann], members: [api.user()] })
    const set = (name: string, scope?: object, language_code?: string) =>
      call(api, 'setMyCommands', {
        commands: [{ command: name, description: name }],
        ...(scope && { scope }),
        ...(language_code && { language_code }),
      })
    const seen = (chat = ann.chat) => api.world.commands.seenBy(ann.id, chat, 'ru')[0]?.command
    await set('plain')
    expect([seen(), seen(group)]).to.deep.equal(['plain', 'plain'])
    await set('russian', undefined, 'ru')
    expect(seen()).to.equal('russian')
    await set('private', { type: 'all_private_chats' })
    await set('groups', { type: 'all_group_chats' })
    await set('admins', { type: 'all_chat_administrators' })
    expect([seen(), seen(group)]).to.deep.equal(['private', 'admins'])
    await set('mine', { type: 'chat', chat_id: ann.id })
    await set('member', { type: 'chat_member', chat_id: group.id, user_id: ann.id })
    expect([seen(), seen(group)]).to.deep.equal(['mine', 'member'])
    await call(api, 'deleteMyCommands', { scope: { type: 'chat', chat_id: ann.id } })
    expect(seen()).to.equal('private')
    expect((await set('Bad Name')).description).to.equal('Bad Request: BOT_COMMAND_INVALID')
    expect((await call(api, 'getMyCommands', { language_code: 'ru' })).result).to.deep.equal([
      { command: 'russian', description: 'russian' },
    ])
  })

  describe('faults', () => {
    const send = (text = 'hi', chatId = api.user().id) =>
      call(api, 'sendMessage', { chat_id: chatId, text })

    it('says 429 in the text, the parameters and the header, as often as asked', async () => {
      const fault = api.faults.add({ method: 'sendmessage', kind: '429', retryAfter: 7, times: 1 })
      const answer = await send()
      expect(answer).to.include({
        status: 429,
        description: 'Too Many Requests: retry after 7',
      })
      expect(answer.parameters).to.deep.equal({ retry_after: 7 })
      expect(answer.headers.get('retry-after')).to.equal('7')
      expect((await send()).ok).to.equal(true)
      expect(fault.hits).to.equal(1)
    })

    it('cuts the connection before or after the message is there', async () => {
      const ann = api.user()
      const broken = (when: 'before' | 'after') => {
        api.faults.add({ kind: 'reset', when, times: 1 })
        return send(when, ann.id).then(
          () => false,
          () => true,
        )
      }
      expect(await broken('before')).to.equal(true)
      expect(await broken('after')).to.equal(true)
      expect(api.messages(ann.id).map((m) => m.text)).to.deep.equal(['after'])
      expect(api.journal.last('sendMessage')?.outcome).to.equal('broken')
    })

    it('answers 5xx, garbage, chosen errors, late or never', async () => {
      const ann = api.user()
      api.faults.add({ kind: '5xx', when: 'after', times: 1 })
      expect((await send('x', ann.id)).status).to.equal(502)
      expect(api.messages(ann.id)).to.have.length(1)
      api.faults.add({ kind: 'garbage', times: 1 })
      const garbage = await fetch(`${api.url}/bot${api.token}/getMe`)
      expect(await garbage.text()).to.contain('<html>')
      api.faults.add({
        kind: 'error',
        chat: ann.id,
        status: 403,
        description: 'Forbidden: user is deactivated',
      })
      expect((await send('x', ann.id)).status).to.equal(403)
      expect((await send('x')).ok).to.equal(true)
      api.faults.clear()
      api.faults.add({ kind: 'latency', ms: 30, method: /^send/, times: 1 })
      const began = performance.now()
      await send()
      expect(performance.now() - began).to.be.above(28)
      api.faults.add({ kind: 'hang', method: 'getMe' })
      const client = new AbortController()
      const hung = call(api, 'getMe', {}, client.signal).catch(() => 'gave up')
      await until('the call', () => api.journal.last()?.method === 'getMe')
      client.abort()
      expect(await hung).to.equal('gave up')
    })

    it('hands updates out twice', async () => {
      api.faults.add({ method: 'getUpdates', kind: 'duplicate', times: 1 })
      api.user().sendText('once')
      const first = (await call(api, 'getUpdates')).result
      const second = (await call(api, 'getUpdates', { offset: first[0].update_id + 1 })).result
      expect(second).to.deep.equal(first)
    })
  })

  it('keeps only the newest calls in the journal, and counts them all', async () => {
    const small = await startFakeBotApi({ journalLimit: 3 })
    for (let i = 0; i < 8; i++) await call(small, 'getMe', { i })
    expect(small.journal.calls().map((c) => c.params.i)).to.deep.equal([5, 6, 7])
    expect(small.journal.counts).to.deep.equal({ getMe: 8 })
    await small.close()
  })
})
