import { EventEmitter } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { type FastifyInstance, fastify } from 'fastify'
import type { FakeBotApi } from '../../../../core/testing/bot-api/api.ts'
import { startFakeBotApi } from '../../../../core/testing/bot-api/server.ts'
import type { PlaygroundNotice } from '../../../../core/testing/playground/notices.ts'
import { mountPlayground } from '../../../../core/testing/playground/playground.ts'
import { createScene, playgroundIds } from '../../../../core/testing/playground/scene.ts'

const { owner, operator, stranger, group } = playgroundIds

describe('playground', () => {
  let api: FakeBotApi
  let http: FastifyInstance
  let events: EventEmitter<{ notice: [PlaygroundNotice] }>

  beforeEach(async () => {
    api = await startFakeBotApi()
    http = fastify({ return503OnClosing: false })
    events = new EventEmitter()
    mountPlayground(http, { api, people: createScene(api), notices: events })
    await http.ready()
  })

  afterEach(async () => {
    await http.close()
    await api.close()
  })

  const get = (url: string, headers: Record<string, string> = {}) =>
    http.inject({ url: `/playground${url}`, headers: { host: '127.0.0.1:3000', ...headers } })

  const post = (action: string, payload: object, headers: Record<string, string> = {}) =>
    http.inject({
      method: 'POST',
      url: `/playground/${action}`,
      headers: { host: 'localhost:3000', ...headers },
      payload,
    })

  const reply = (chat: number, text: string, more: object = {}) =>
    fetch(`${api.url}/bot${api.token}/sendMessage`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ chat_id: chat, text, ...more }),
    })

  it('serves a page that can load nothing from outside', async () => {
    const page = await get('')
    expect(page.statusCode).to.equal(200)
    expect(page.headers['content-type']).to.equal('text/html; charset=utf-8')
    expect(page.headers['content-security-policy'])
      .to.contain("default-src 'none'")
      .and.not.match(/unsafe|https?:/)
    const assets = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((found) => found[1])
    expect(assets).to.have.length.above(3)
    for (const asset of assets) {
      expect(asset).to.match(/^\/playground\/assets\//)
      expect((await get(asset!.slice('/playground'.length))).statusCode).to.equal(200)
    }
    expect((await get('/assets/..%2Fplayground.ts')).statusCode).to.equal(404)
  })

  it('never makes markup from text', async () => {
    const dir = join(import.meta.dirname, '../../../../core/testing/playground/page')
    const scripts = (await readdir(dir)).filter((name) => name.endsWith('.js'))
    for (const name of scripts) {
      const source = await readFile(join(dir, name), 'utf8')
      expect(source, name).not.to.match(
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/,
      )
    }
  })

  describe('lets in only this machine', () => {
    const refused: [string, object][] = [
      ['another address', { remoteAddress: '10.0.0.9' }],
      ['a foreign Host header', { headers: { host: 'rebound.example:3000' } }],
      [
        'a request through a proxy',
        { headers: { host: 'localhost', 'x-forwarded-for': '1.2.3.4' } },
      ],
      ['another origin', { headers: { host: 'localhost', origin: 'https://evil.example' } }],
      ['an opaque origin', { headers: { host: 'localhost', origin: 'null' } }],
      ['another site', { headers: { host: 'localhost', 'sec-fetch-site': 'cross-site' } }],
      [
        'another port of this machine',
        { headers: { host: 'localhost', 'sec-fetch-site': 'same-site' } },
      ],
    ]
    for (const [what, request] of refused) {
      it(`refuses ${what} with 403`, async () => {
        const body = { as: owner, chat: owner, text: 'hi' }
        const calls = [
          { url: '/playground/state' },
          { method: 'POST' as const, url: '/playground/messages', payload: body },
        ]
        for (const call of calls) {
          const answer = await http.inject({ headers: { host: 'localhost' }, ...call, ...request })
          expect(answer.statusCode, call.url).to.equal(403)
        }
        expect(api.pending).to.equal(0)
      })
    }

    it('opens by a link from elsewhere, which sends nothing', async () => {
      const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
      expect((await get('', headers)).statusCode).to.equal(200)
    })

    it('answers [::1] and its own origin', async () => {
      const headers = {
        host: '[::1]:3000',
        origin: 'http://[::1]:3000',
        'sec-fetch-site': 'same-origin',
      }
      const answer = await post('messages', { as: owner, chat: owner, text: 'hi' }, headers)
      expect(answer.statusCode).to.equal(200)
    })

    it('takes no form of another website', async () => {
      const answer = await http.inject({
        method: 'POST',
        url: '/playground/messages',
        headers: { host: 'localhost', 'content-type': 'text/plain' },
        payload: JSON.stringify({ as: owner, chat: owner, text: 'hi' }),
      })
      expect(answer.statusCode).to.equal(415)
    })
  })

  it('shows people with ids that Telegram never gives, and their chats', async () => {
    const state = (await get('/state')).json()
    expect(state.people.map((p: { note: string }) => p.note)).to.deep.equal([
      'owner',
      'operator',
      'stranger',
    ])
    for (const id of Object.values(playgroundIds)) expect(Math.abs(id)).to.be.at.least(8e15)
    expect(state.chats.map((c: { type: string }) => c.type)).to.deep.equal([
      'private',
      'private',
      'private',
      'supergroup',
      'supergroup',
    ])
  })

  it('writes, edits, answers, reacts and deletes as the person chosen', async () => {
    const first = (await post('messages', { as: operator, chat: group, text: '/status' })).json()
    const update = api.backend.queue.peek(1)[0] as { message?: object } | undefined
    expect(update?.message).to.deep.include({ text: '/status', message_id: first.id })
    await post('edits', { as: operator, chat: group, message: first.id, text: '/status all' })
    await post('messages', { as: stranger, chat: group, text: 'why?', replyTo: first.id })
    await post('reactions', { as: owner, chat: group, message: first.id, emoji: '👍' })
    const { messages } = (await get('/state')).json()
    expect(messages[0]).to.deep.include({
      text: '/status all',
      edited: true,
      reactions: [{ emoji: '👍', by: [owner] }],
    })
    expect(messages[1].reply).to.deep.equal({
      id: first.id,
      name: 'Pavel Operator',
      text: '/status all',
    })
    await post('deletions', { as: operator, chat: group, message: first.id })
    expect((await get('/state')).json().messages).to.have.length(1)
  })

  it('presses a button and tells the page the answer', async () => {
    await reply(owner, 'press', {
      reply_markup: { inline_keyboard: [[{ text: 'Go', callback_data: 'v1:go' }]] },
    })
    const message = api.messages(owner)[0]!
    const body = { as: owner, chat: owner, message: message.id, data: 'v1:go' }
    const { press } = (await post('presses', body)).json()
    expect(press).to.be.a('string')
    const forged = await post('presses', { ...body, data: 'v1:other' })
    expect(forged.statusCode).to.equal(400)
    expect(forged.json().error.message).to.contain('no button')
  })

  it('lets nobody speak in a chat that is not theirs, or edit what others wrote', async () => {
    const { id } = (await post('messages', { as: owner, chat: group, text: 'mine' })).json()
    const foreign = [
      post('messages', { as: stranger, chat: owner, text: 'hi' }),
      post('messages', { as: 42, chat: 42, text: 'hi' }),
      post('edits', { as: stranger, chat: group, message: id, text: 'changed' }),
      post('messages', { as: owner, chat: owner, text: ' ' }),
      post('messages', { as: 'owner', chat: owner, text: 'hi' }),
    ]
    for (const answer of await Promise.all(foreign)) expect(answer.statusCode).to.equal(400)
  })

  it('shows each person the menu of commands that Telegram would', async () => {
    api.world.commands.set([{ command: 'all', description: 'For all' }], undefined, '')
    const mine = { type: 'chat', chat_id: owner }
    api.world.commands.set([{ command: 'admin', description: 'For one' }], mine, '')
    const names = async (as: number) =>
      (await get(`/commands?as=${as}&chat=${as}`))
        .json()
        .commands.map((c: { command: string }) => c.command)
    expect(await names(owner)).to.deep.equal(['admin'])
    expect(await names(stranger)).to.deep.equal(['all'])
  })

  it('takes files and gives them back; only real pictures are shown', async () => {
    const upload = (name: string, kind: string, payload: Buffer) =>
      http.inject({
        method: 'POST',
        url: `/playground/files?${new URLSearchParams({ as: String(owner), chat: String(owner), name, kind, mime: 'image/png', caption: 'see /help' })}`,
        headers: { host: 'localhost', 'content-type': 'application/octet-stream' },
        payload,
      })
    const png = Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000020806000000', 'hex')
    await upload('a.png', 'photo', png)
    await upload('page.png', 'document', Buffer.from('<script>alert(1)</script>'))
    const [photo, page] = (await get('/state')).json().messages
    expect(photo.media).to.include({ kind: 'photo', width: 1, height: 2 })
    expect(photo.entities[0].type).to.equal('bot_command')
    const shown = await get(`/files/${photo.media.file}`)
    expect(shown.rawPayload).to.deep.equal(png)
    expect(shown.headers).to.include({
      'content-type': 'image/png',
      'x-content-type-options': 'nosniff',
    })
    const hidden = await get(`/files/${page.media.file}`)
    expect(hidden.headers['content-type']).to.equal('application/octet-stream')
    expect(hidden.headers['content-disposition']).to.match(/^attachment/)
    expect(hidden.headers['content-security-policy']).to.contain('sandbox')
  })

  it('streams what happens, and lets go when the server closes', async () => {
    const address = await http.listen({ port: 0, host: '127.0.0.1' })
    const stream = await fetch(`${address}/playground/events`)
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    const read = async (until: string) => {
      while (!text.includes(until)) {
        const { value, done } = await reader.read()
        if (done) throw new Error(`the stream ended before ${until}`)
        text += value
      }
    }
    await read('retry')
    await reply(owner, '<b>hi</b>', { parse_mode: 'HTML' })
    await read('event: message\ndata: {"chat":8000000000000001')
    events.emit('notice', {
      type: 'reload',
      ok: false,
      change: 'reload',
      plugin: 'ping',
      code: 'OPS_INTERNAL',
      frame: '> 1',
    })
    await read('event: reload\ndata: {"type":"reload","ok":false,"change":"reload","plugin":"ping"')
    await http.close()
    expect((await reader.read()).done).to.equal(true)
    expect(api.listenerCount('message') + events.listenerCount('notice')).to.equal(0)
  })

  it('remembers a failed reload for pages that open later, until it is put right', async () => {
    const failed = async () =>
      (await get('/state')).json().failed.map((n: { plugin: string }) => n.plugin)
    events.emit('notice', {
      type: 'reload',
      change: 'reload',
      ok: false,
      plugin: 'ping',
      message: 'broken',
    })
    expect(await failed()).to.deep.equal(['ping'])
    events.emit('notice', {
      type: 'reload',
      change: 'reload',
      ok: true,
      plugin: 'ping',
      generation: 2,
      ms: 20,
    })
    expect(await failed()).to.deep.equal([])
  })
})
