import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { z } from 'zod'
import { systemClock } from '../../../../core/clock.ts'
import { isPublic } from '../../../../core/http/client/addresses.ts'
import type { ApiLogRow } from '../../../../core/http/client/call.ts'
import { Circuits } from '../../../../core/http/client/circuit.ts'
import { HttpCalls } from '../../../../core/http/client/client.ts'
import {
  createExchange,
  type Exchange,
  type Outgoing,
} from '../../../../core/http/client/exchange.ts'
import { redactText } from '../../../../core/log/redact.ts'
import { TestClock } from '../../../../core/testing/test-bot/clock.ts'
import { silentLog } from '../../../support/log.ts'
import { rejected } from '../../../support/rejected.ts'

const later = async <T>(work: () => T): Promise<T> => work()

type Handler = (request: IncomingMessage, response: ServerResponse) => void

describe('calls to other services', () => {
  let server: Server
  let url: string
  let handler: Handler
  let exchange: Exchange
  let rows: ApiLogRow[]
  let unsafe: number

  before(async () => {
    server = createServer((request, response) => handler(request, response))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    exchange = createExchange()
  })
  after(async () => {
    await exchange.close()
    server.closeAllConnections()
    server.close()
  })
  beforeEach(() => {
    rows = []
    unsafe = 0
  })

  /** @param clock one that stands still answers waits at once by being moved */
  function client(
    clock = systemClock,
    signal = new AbortController().signal,
    over: Pick<Exchange, 'send'> = exchange,
  ) {
    const calls = new HttpCalls({
      exchange: { ...exchange, ...over },
      clock,
      log: silentLog,
      redact: redactText,
      record: (row) => rows.push(row),
      userAgent: 'test',
      guard: () => undefined,
    })
    return calls.for({ plugin: 'sample', signal, onUnsafeCall: () => unsafe++ })
  }

  /** A clock on which every wait is over at once; how long they were. */
  function hurrying() {
    const waits: number[] = []
    const clock = new TestClock(Date.UTC(2026, 0, 1))
    clock.wait = async (ms) => {
      waits.push(ms)
      await clock.advance(ms)
    }
    return { clock, waits }
  }

  const answer =
    (status: number, body = '', headers: Record<string, string> = {}): Handler =>
    (_request, response) => {
      response.writeHead(status, headers)
      response.end(body)
    }

  /** Answers one after another, the last again and again. @returns how many came */
  function sequence(...handlers: Handler[]): () => number {
    let count = 0
    handler = (request, response) => {
      const next = handlers[Math.min(count++, handlers.length - 1)]
      next?.(request, response)
    }
    return () => count
  }

  it('send JSON, query and headers, and read JSON by a schema', async () => {
    handler = (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        response.setHeader('content-type', 'application/json; charset=utf-8')
        const { method, url, headers } = request
        const body = JSON.parse(Buffer.concat(chunks).toString())
        response.end(JSON.stringify({ method, url, token: headers['x-token'], body }))
      })
    }
    const response = await client().fetch(`${url}/a`, {
      method: 'post',
      query: { q: 'ä b', none: undefined },
      headers: { 'X-Token': 't' },
      json: { n: 1 },
    })
    const schema = z.object({
      method: z.string(),
      url: z.string(),
      token: z.string(),
      body: z.object({ n: z.number() }),
    })
    expect(response.json(schema)).to.deep.equal({
      method: 'POST',
      url: '/a?q=%C3%A4+b',
      token: 't',
      body: { n: 1 },
    })
    expect(unsafe).to.equal(1)
    expect((await rejected(later(() => response.json(z.object({ x: z.string() }))))).code).to.equal(
      'OPS_API_BODY',
    )
  })

  it('are on record by attempt, without secrets', async () => {
    sequence(answer(503), answer(200, 'ok'))
    const { clock } = hurrying()
    await client(clock).fetch(`${url.replace('//', '//me:pass@')}/a`, {
      query: { api_key: 'topsecret', page: 2 },
      service: 'netbox',
    })
    expect(
      rows.map(({ status, attempt, service, plugin }) => ({ status, attempt, service, plugin })),
    ).to.deep.equal([
      { status: 503, attempt: 1, service: 'netbox', plugin: 'sample' },
      { status: 200, attempt: 2, service: 'netbox', plugin: 'sample' },
    ])
    expect(rows[1]?.url).to.equal(`${url}/a?api_key=***&page=2`)
    expect(rows[1]).to.include({ receivedBytes: 2, sentBytes: 0 })
  })

  it('are on record without the keys that stand in a path, as in webhooks of Slack, Discord and Teams', async () => {
    const paths = {
      '/services/T024BE7LD/B024BE7LD/q7fOaRzN5dWcX2mTkLpV8sYb': '/services/T024BE7LD/B024BE7LD/***',
      '/webhooks/4711/aB3_dE5-gH7jK9mN1pQ3sT5vW7yZ9bD1/x': '/webhooks/4711/***/x',
      '/webhookb2/9f86d081884c7d659a2feaa0c55ad015/in': '/webhookb2/***/in',
      '/pods/nginx-deployment-66b6c48dd5-abcde': '/pods/nginx-deployment-66b6c48dd5-abcde',
      '/assets/1b4e28ba-2fa1-11d2-883f-0016d3cca427':
        '/assets/1b4e28ba-2fa1-11d2-883f-0016d3cca427',
      '/api/rear_and_front_ports_v2/internationalization/':
        '/api/rear_and_front_ports_v2/internationalization/',
    }
    handler = answer(400)
    for (const path of Object.keys(paths)) {
      const error = await rejected(client().fetch(`${url}${path}`, { method: 'POST', json: {} }))
      expect(error.message).to.include(Object.values(paths)[rows.length - 1])
    }
    expect(rows.map((row) => row.url)).to.deep.equal(
      Object.values(paths).map((path) => `${url}${path}`),
    )
  })

  it('tell what a refusal said without its secrets, also where the text is cut off', async () => {
    const token = `123456:${'Ab3'.repeat(12)}`
    handler = answer(401, `${'x'.repeat(480)}${token}`)
    const { message } = await rejected(client().fetch(url))
    expect(message)
      .to.include(`xx${token.slice(0, 7)}`)
      .and.not.include('Ab3')
  })

  it('are repeated where that can’t hurt, as long as the service asks', async () => {
    for (const [method, answers, expected] of [
      ['GET', [answer(502), answer(500), answer(200)], 3],
      ['POST', [answer(502), answer(200)], 1],
      ['POST', [answer(429, '', { 'retry-after': '7' }), answer(200)], 2],
      ['GET', [answer(404), answer(200)], 1],
      ['GET', [answer(503, '', { 'retry-after': '3600' }), answer(200)], 1],
    ] as const) {
      const count = sequence(...answers)
      const { clock, waits } = hurrying()
      await client(clock).fetch(url, { method, throwOnStatus: false })
      expect(count(), `${method} ${expected}`).to.equal(expected)
      if (method === 'POST' && expected === 2) expect(waits).to.deep.equal([7_000])
    }
    const repeatable = sequence(answer(502), answer(200))
    await client(hurrying().clock).fetch(url, { method: 'POST', repeatable: true })
    expect(repeatable()).to.equal(2)
  })

  it('fail with a code for what went wrong', async () => {
    const http = client()
    const once = { retries: 0, timeoutMs: 150 }
    const codeOf = async (work: Promise<unknown>) => (await rejected(work)).code
    handler = answer(418, 'short and stout')
    const refused = await rejected(http.fetch(url, once))
    expect(refused).to.include({ code: 'OPS_API_STATUS' })
    expect(refused.message).to.include('418: short and stout')
    handler = () => undefined
    expect(await codeOf(http.fetch(url, once))).to.equal('OPS_API_TIMEOUT')
    // a trickle is no answer either
    handler = (_request, response) => {
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => clearInterval(timer))
    }
    expect(await codeOf(http.fetch(url, once))).to.equal('OPS_API_TIMEOUT')
    handler = answer(200, 'x'.repeat(5_000))
    expect(await codeOf(http.fetch(url, { ...once, maxBytes: 1_000 }))).to.equal(
      'OPS_API_TOO_LARGE',
    )
    handler = (request) => request.socket.destroy()
    expect(await codeOf(http.fetch(url, once))).to.equal('OPS_API_UNREACHABLE')
    expect(await codeOf(http.fetch('http://127.0.0.1:1', once))).to.equal('OPS_API_UNREACHABLE')
    expect(await codeOf(http.fetch('ftp://example.net', once))).to.equal('OPS_API_ADDRESS')
    handler = answer(200, '<html>', { 'content-type': 'text/html' })
    const page = await http.fetch(url, once)
    expect(await codeOf(later(() => page.json(z.unknown())))).to.equal('OPS_API_BODY')
    handler = answer(302, '', { location: '/again' })
    expect(await codeOf(http.fetch(url, once))).to.equal('OPS_API_REDIRECT')
  })

  it('leave a service alone for a while that fails again and again', async () => {
    const clock = new TestClock(Date.UTC(2026, 0, 1))
    const http = client(clock)
    const count = sequence(answer(500))
    const fetch = () => http.fetch(url, { retries: 0, throwOnStatus: false, service: 'sick' })
    for (let call = 0; call < 5; call++) await fetch()
    expect((await rejected(fetch())).code).to.equal('OPS_API_CIRCUIT')
    expect(count()).to.equal(5)
    await clock.advance(15_000)
    handler = answer(200)
    expect((await fetch()).status).to.equal(200)
    expect((await fetch()).status).to.equal(200)
  })

  it('reach nothing inside by an address of a stranger, nor by a redirect', async () => {
    handler = answer(200, 'inside')
    const outside = { publicOnly: true, retries: 0 }
    for (const address of [
      url,
      'http://localhost/',
      'http://10.0.0.1/',
      'http://169.254.169.254/latest/meta-data',
      'http://[::1]/',
      'http://[::ffff:127.0.0.1]/',
      'http://2130706433/',
      'http://0x7f.1/',
      'file:///etc/passwd',
    ]) {
      expect((await rejected(client().fetch(address, outside))).code, address).to.equal(
        'OPS_API_ADDRESS',
      )
    }
    handler = answer(302, '', { location: 'http://127.0.0.2:1/inside' })
    expect((await rejected(client().fetch(url, { retries: 0 }))).code).to.equal('OPS_API_ADDRESS')
    for (const address of ['fec0::1', '::ffff:0:a00:1', '192.88.99.1']) {
      expect(isPublic(address), address).to.equal(false)
    }
    expect(isPublic('93.184.216.34')).to.equal(true)
    expect(isPublic('2606:2800:220:1:248:1893:25c8:1946')).to.equal(true)
  })

  it('by addresses of strangers spare nobody whom others call', async () => {
    const sick = { send: async () => ({ status: 500, headers: {}, body: Buffer.alloc(0) }) }
    const http = client(undefined, undefined, sick)
    const fetch = (publicOnly: boolean) =>
      http.fetch('http://git.example.org/', { publicOnly, retries: 0, throwOnStatus: false })
    for (let call = 0; call < 5; call++) await fetch(true)
    expect((await rejected(fetch(true))).code).to.equal('OPS_API_CIRCUIT')
    expect((await fetch(false)).status).to.equal(500)
  })

  it('take nothing along to another host but what says which answer is wanted', async () => {
    const sent: Outgoing[] = []
    const redirecting = {
      async send(outgoing: Outgoing) {
        const location = 'http://elsewhere.example.net/'
        const status = sent.push(outgoing) === 1 ? 302 : 200
        return { status, headers: { location }, body: Buffer.alloc(0) }
      },
    }
    const headers = { 'X-Auth': 'mine', 'X-Session': 'mine', Cookie: 'mine', Accept: 'text/plain' }
    await client(undefined, undefined, redirecting).fetch('http://git.example.org/', { headers })
    expect(sent.map((outgoing) => outgoing.headers)).to.deep.equal([
      {
        'user-agent': 'test',
        'x-auth': 'mine',
        'x-session': 'mine',
        cookie: 'mine',
        accept: 'text/plain',
      },
      { 'user-agent': 'test', accept: 'text/plain' },
    ])
  })

  it('to ever other services that fail don’t fill the memory', () => {
    const circuits = new Circuits(() => 0)
    for (let call = 0; call < 4; call++) circuits.failed('first')
    for (let host = 0; host < 1_000; host++) circuits.failed(`host ${host}`)
    expect(circuits.failed('first'), 'forgotten, so this one is its first').to.equal(false)
    for (let call = 0; call < 3; call++) circuits.failed('first')
    expect(circuits.failed('first')).to.equal(true)
  })

  it('follow redirects on the same host', async () => {
    sequence(answer(303, '', { location: '/there' }), (request, response) => {
      response.end(`${request.method} ${request.url}`)
    })
    const response = await client().fetch(url, { method: 'POST', json: {} })
    expect(response.text()).to.equal('GET /there')
  })

  it('run eight at a time to one host', async () => {
    let now = 0
    let most = 0
    handler = (_request, response) => {
      most = Math.max(most, ++now)
      setTimeout(() => {
        now--
        response.end()
      }, 5)
    }
    const http = client()
    await Promise.all(Array.from({ length: 30 }, () => http.fetch(url)))
    expect(most).to.equal(8)
  })

  it('end with who makes them', async () => {
    handler = () => undefined
    const ending = new AbortController()
    const call = client(systemClock, ending.signal).fetch(url)
    setTimeout(() => ending.abort(new Error('over')), 20)
    expect(await call.catch((error: Error) => error.message)).to.equal('over')
  })

  it('of clients that take a fetch are made like any other: repeated, on record, with what they send and expect', async () => {
    const seen: string[] = []
    handler = async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      const { method, url, headers } = request
      seen.push(`${method} ${url} ${headers['content-type']} ${headers['accept-encoding']} ${body}`)
      if (url === '/none') response.writeHead(204).end()
      else if (seen.length === 1) response.writeHead(503).end()
      else response.writeHead(404, { 'content-type': 'application/json' }).end('{"no":1}')
    }
    const own = client().asFetch({ service: 'sheets', repeatable: true })
    // as gaxios 8 calls it: its own options among those of fetch, and its data put on the response
    const options = {
      method: 'POST',
      headers: new Headers({ 'accept-encoding': 'gzip' }),
      body: new URLSearchParams({ a: 'b' }),
      responseType: 'json',
      retryConfig: {},
    }
    const calling = own(new URL('/rows', url), options)
    const response = Object.assign(await calling, { data: 1 })
    expect([response.status, await response.json()]).to.deep.equal([404, { no: 1 }])
    const form = 'POST /rows application/x-www-form-urlencoded;charset=UTF-8 undefined a=b'
    expect(seen).to.deep.equal([form, form])
    expect(rows.map(({ service, status, attempt }) => [service, status, attempt])).to.deep.equal([
      ['sheets', 503, 1],
      ['sheets', 404, 2],
    ])
    expect((await own(new Request(new URL('/none', url)))).body).to.equal(null)
    const gone = AbortSignal.abort(new Error('over'))
    const cut = await own(url, { signal: gone }).catch((error: Error) => error.message)
    expect(cut).to.equal('over')
  })

  it('of other clients are put on record too', () => {
    client().record({
      service: 'sheets',
      method: 'POST',
      url: 'https://x.example/?token=abc',
      ms: 5,
    })
    expect(rows[0]).to.include({
      url: 'https://x.example/?token=***',
      attempt: 1,
      plugin: 'sample',
    })
  })
})
