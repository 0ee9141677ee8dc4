import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { HealthChecks } from '../../../../core/http/health.ts'
import { createHttpServer, type HttpServer } from '../../../../core/http/server.ts'
import type { IncomingUpdate } from '../../../../core/telegram/facts.ts'
import { WebhookFront } from '../../../../core/telegram/webhook/front.ts'
import { recordingLog } from '../../../support/log.ts'
import { until } from '../../../support/wait.ts'

const path = '/telegram/webhook'
const mib = 1024 * 1024
const update = { update_id: 7, message: { text: 'Привет' } }

describe('webhook front', () => {
  let server: HttpServer
  let front: WebhookFront
  let accepted: IncomingUpdate[]
  let accept: (update: IncomingUpdate) => Promise<void>
  let isFull: boolean
  let lines: ReturnType<typeof recordingLog>['lines']

  beforeEach(async () => {
    accepted = []
    isFull = false
    accept = async (given) => void accepted.push(given)
    const recorded = recordingLog()
    lines = recorded.lines
    const { log } = recorded
    front = new WebhookFront({
      secrets: ['old-secret', 'new-secret'],
      addressOf: () => '203.0.113.9',
      acceptMs: 1_000,
      log,
    })
    const health = new HealthChecks({ version: '1', log })
    const direct = { path, serve: front.serve }
    server = await createHttpServer({ host: '127.0.0.1', port: 0, log, health, direct })
    server.mount((http) => http.post('/other', async () => ({ other: true })))
    await server.open()
    open()
  })
  afterEach(() => server.close(0))

  function open(): void {
    front.open({
      accept: (given) => accept(given),
      get isFull() {
        return isFull
      },
    })
  }

  type Body = string | Buffer

  async function post(
    body: Body,
    headers: Record<string, string> = { 'x-telegram-bot-api-secret-token': 'new-secret' },
  ) {
    const bytes = typeof body === 'string' ? body : new Uint8Array(body)
    const response = await fetch(server.url + path, { method: 'POST', headers, body: bytes })
    const answer = await response.text()
    return { status: response.status, headers: response.headers, answer }
  }

  const secret = (text: string) => ({ 'x-telegram-bot-api-secret-token': text })
  const codeIn = (answer: string) => JSON.parse(answer).error.code

  it('answers 200 with nothing in it once an update is taken over', async () => {
    const durable = Promise.withResolvers<void>()
    accept = async (given) => {
      accepted.push(given)
      await durable.promise
    }
    let answered = false
    const answer = post(JSON.stringify(update)).finally(() => {
      answered = true
    })
    await until('it is being stored', () => accepted[0])
    // not before it is durable: another request passes meanwhile
    expect((await post('x', secret('wrong'))).status).to.equal(401)
    expect(answered).to.equal(false)
    durable.resolve()
    expect(await answer).to.include({ status: 200, answer: '' })
    expect(accepted).to.deep.equal([update])
    expect(front.acceptedAt).to.be.closeTo(Date.now(), 60_000)
  })

  it('T18: takes the old secret and the new one, and nothing else: not both at once, not a part, not none', async () => {
    const body = JSON.stringify(update)
    for (const known of ['old-secret', 'new-secret']) {
      expect((await post(body, secret(known))).status).to.equal(200)
    }
    const wrong = [
      'old-secret,new-secret',
      'old-secre',
      'old-secret2',
      'OLD-SECRET',
      '',
      'x'.repeat(5_000),
    ]
    for (const headers of [...wrong.map(secret), {}, { authorization: 'old-secret' }]) {
      const refused = await post(body, headers)
      expect(refused.status).to.equal(401)
      expect(codeIn(refused.answer)).to.equal('OPS_WEBHOOK_SECRET')
    }
    expect(accepted).to.have.length(2)
    // both tokens stood in Telegraf's log
    expect(JSON.stringify(lines)).not.to.include('secret2').and.not.include('new-secret')
  })

  it('tells the log where refused requests come from, once a minute and no oftener', async () => {
    for (let i = 0; i < 20; i++) await post('x', secret('wrong'))
    const told = lines.filter(({ event }) => event === 'webhook.refused')
    expect(told.map(({ fields }) => fields)).to.have.length(1)
    expect(told[0]?.fields).to.include({ ip: '203.0.113.9', times: 1 })
  })

  it('looks at the secret first, then at the size, then at the shape, then whether there is room', async () => {
    isFull = true
    const large = 'x'.repeat(mib + 1)
    expect((await post(large, secret('wrong'))).status).to.equal(401)
    expect((await post(large)).status).to.equal(413)
    expect((await post('x')).status).to.equal(400)
    const full = await post(JSON.stringify(update))
    expect(full.status).to.equal(503)
    expect(Number(full.headers.get('retry-after'))).to.be.above(0)
    expect(codeIn(full.answer)).to.equal('OPS_WEBHOOK_FULL')
    isFull = false
    expect((await post(JSON.stringify(update))).status).to.equal(200)
  })

  it('T14: refuses what is no update: garbage, null, lists, ids that are no whole numbers', async () => {
    const bodies = [
      '',
      ' ',
      'null',
      '[]',
      '[{"update_id":1}]',
      '7',
      '"x"',
      '{',
      '{}',
      '{"update_id":"7"}',
      '{"update_id":7.5}',
      '{"update_id":-7}',
      '{"update_id":null}',
      '{"update_id":1e400}',
      '{"update_id":9007199254740993}',
      '<html>',
      '\u0000',
      `{"update_id":7}{"update_id":8}`,
      '['.repeat(200_000),
    ]
    for (const body of bodies) {
      const { status, answer } = await post(body)
      expect(status, body.slice(0, 40)).to.equal(400)
      expect(codeIn(answer)).to.equal('OPS_WEBHOOK_UPDATE')
    }
    const notUtf8 = Buffer.concat([
      Buffer.from('{"update_id":7,"a":"'),
      Buffer.from([0xd0]),
      Buffer.from('"}'),
    ])
    expect((await post(notUtf8)).status).to.equal(400)
    expect(accepted).to.deep.equal([])
  })

  it('takes an update of a kind that nobody knows, and one of nothing', async () => {
    for (const body of ['{"update_id":7,"telepathy":{"a":[1]}}', '{"update_id":8}']) {
      expect((await post(body)).status).to.equal(200)
    }
    expect(accepted).to.deep.equal([{ update_id: 7, telepathy: { a: [1] } }, { update_id: 8 }])
  })

  it('T13: reads characters that are split between chunks', async () => {
    const bytes = Buffer.from(JSON.stringify(update))
    const request = httpRequest(server.url + path, {
      method: 'POST',
      headers: secret('old-secret'),
    })
    const answer = once(request, 'response')
    for (const byte of bytes) {
      await new Promise((resolve) => request.write(Buffer.from([byte]), resolve))
    }
    request.end()
    expect((await answer)[0].statusCode).to.equal(200)
    expect(accepted).to.deep.equal([update])
  })

  it('takes exactly 1 MiB', async () => {
    const frame = '{"update_id":7,"a":""}'
    const body = frame.replace('""', `"${'x'.repeat(mib - frame.length)}"`)
    expect(Buffer.byteLength(body)).to.equal(mib)
    expect((await post(body)).status).to.equal(200)
    expect((await post(body.replace('x"', 'xx"'))).status).to.equal(413)
  })

  for (const framing of ['content-length', 'chunked'] as const) {
    for (const [status, token] of [
      [413, 'old-secret'],
      [401, 'wrong'],
    ] as const) {
      it(`answers ${status} while the sender still sends, and it can be read: ${framing}`, async () => {
        const size = 50 * mib
        const request = httpRequest(server.url + path, {
          method: 'POST',
          headers: {
            ...secret(token),
            ...(framing === 'chunked' ? {} : { 'content-length': size }),
          },
        })
        const broken = new Promise((_, reject) => request.once('error', reject))
        const response = once(request, 'response').then(async ([answer]) => ({
          status: answer.statusCode,
          code: codeIn(await text(answer)),
        }))
        // never ends: the answer may not wait for that
        for (let sent = 0; sent < 3 * mib; sent += 65_536) request.write(Buffer.alloc(65_536))
        const answer = await Promise.race([response, broken])
        expect(answer).to.deep.equal({
          status,
          code: status === 413 ? 'OPS_HTTP_TOO_LARGE' : 'OPS_WEBHOOK_SECRET',
        })
        request.on('error', () => undefined)
        request.destroy()
      })
    }
  }

  it('goes on using a connection after a refusal', async () => {
    const socket = connect(server.port, '127.0.0.1')
    let got = ''
    socket.on('data', (chunk) => {
      got += String(chunk)
    })
    const request = (token: string, body: string) =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\nX-Telegram-Bot-Api-Secret-Token: ${token}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    socket.write(
      request('wrong', '{}') +
        request('new-secret', '{}') +
        request('new-secret', '{"update_id":1}'),
    )
    await until('three answers', () => got.split('HTTP/1.1 ').length === 4)
    expect([...got.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).to.deep.equal([
      '401',
      '400',
      '200',
    ])
    socket.destroy()
  })

  it('cuts off who sends without an end after a refusal', async () => {
    const socket = connect(server.port, '127.0.0.1')
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => undefined)
    socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`)
    const drip = setInterval(() => socket.write('1\r\nx\r\n'), 20)
    await closed
    clearInterval(drip)
  }).timeout(20_000)

  it('answers 503 with Retry-After when an update cannot be stored, and takes it the next time', async () => {
    accept = async () => {
      throw new Error('the database is away')
    }
    const first = await post(JSON.stringify(update))
    expect(first.status).to.equal(503)
    expect(Number(first.headers.get('retry-after'))).to.be.within(1, 60)
    expect(codeIn(first.answer)).to.equal('OPS_WEBHOOK_NOT_STORED')
    expect(first.answer).not.to.include('away')
    expect(lines.find(({ event }) => event === 'webhook.not-stored')?.fields.code).to.equal(
      'OPS_WEBHOOK_NOT_STORED',
    )
    accept = async (given) => void accepted.push(given)
    expect((await post(JSON.stringify(update))).status).to.equal(200)
  })

  it('answers 503 for a storing that hangs', async () => {
    accept = () => new Promise(() => undefined)
    expect((await post(JSON.stringify(update))).status).to.equal(503)
  })

  it('takes no more when it closes, and answers what it had begun', async () => {
    const durable = Promise.withResolvers<void>()
    accept = async (given) => {
      accepted.push(given)
      await durable.promise
    }
    const begun = post(JSON.stringify(update))
    await until('it is being stored', () => accepted[0])
    let closed = false
    const closing = front.close().then(() => {
      closed = true
    })
    const late = await post(JSON.stringify({ update_id: 8 }))
    expect(late.status).to.equal(503)
    expect(late.headers.get('connection')).to.equal('close')
    expect(closed).to.equal(false)
    durable.resolve()
    expect((await begun).status).to.equal(200)
    await closing
    expect(accepted).to.have.length(1)
  })

  it('leaves all other methods and paths to the server', async () => {
    expect((await fetch(server.url + path)).status).to.equal(404)
    expect((await fetch(`${server.url}${path}/more`, { method: 'POST' })).status).to.equal(404)
    expect(await (await fetch(`${server.url}/other`, { method: 'POST' })).json()).to.deep.equal({
      other: true,
    })
    const query = await fetch(`${server.url}${path}?a=1`, {
      method: 'POST',
      headers: secret('old-secret'),
      body: JSON.stringify(update),
    })
    expect(query.status).to.equal(200)
  })
})

describe('a webhook front that is not open yet', () => {
  it('says so to Telegram alone, before the program has started', async () => {
    const { log } = recordingLog()
    const front = new WebhookFront({ secrets: ['s'], addressOf: () => undefined, log })
    const server = await createHttpServer({
      host: '127.0.0.1',
      port: 0,
      log,
      health: new HealthChecks({ version: '1', log }),
      direct: { path, serve: front.serve },
    })
    const post = (token: string) =>
      fetch(server.url + path, {
        method: 'POST',
        headers: { 'x-telegram-bot-api-secret-token': token },
        body: JSON.stringify(update),
      })
    expect((await post('wrong')).status).to.equal(401)
    const early = await post('s')
    expect(early.status).to.equal(503)
    expect(early.headers.get('retry-after')).to.equal('1')
    await server.close(0)
  })

  it('ends requests that arrive too slowly, headers or body', async () => {
    const { log } = recordingLog()
    const front = new WebhookFront({ secrets: ['s'], addressOf: () => undefined, log })
    const server = await createHttpServer({
      host: '127.0.0.1',
      port: 0,
      log,
      health: new HealthChecks({ version: '1', log }),
      requestMs: 300,
      direct: { path, serve: front.serve },
    })
    const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nX-Telegram-Bot-Api-Secret-Token: s\r\n`
    for (const begin of [head, `${head}Content-Length: 1000\r\n\r\n{`]) {
      const socket = connect(server.port, '127.0.0.1')
      let got = ''
      socket.on('data', (chunk) => {
        got += String(chunk)
      })
      socket.on('error', () => undefined)
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.write(begin)
      const drip = setInterval(() => socket.write('a'), 50)
      await closed
      clearInterval(drip)
      expect(got).to.match(/^HTTP\/1\.1 408 /)
    }
    await server.close(0)
  })
})
