import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { z } from 'zod'
import { systemClock } from '../../../../core/clock.ts'
import type { ApiLogRow, HttpClient, HttpOptions } from '../../../../core/http/client/call.ts'
import { HttpCalls } from '../../../../core/http/client/client.ts'
import { createExchange } from '../../../../core/http/client/exchange.ts'
import { redactText } from '../../../../core/log/redact.ts'
import { freshFolder } from '../../../support/folders.ts'
import { silentLog } from '../../../support/log.ts'
import { rejected } from '../../../support/rejected.ts'

/** What a service does wrong, and what comes of it. */
interface Failure {
  /** What it answers; none: `address` is called. */
  readonly answers?: (response: ServerResponse) => void
  readonly address?: () => string
  readonly options?: HttpOptions
  readonly code: string
  /** In `api_logs`. */
  readonly row: Partial<ApiLogRow>
  /** How it is counted. */
  readonly outcome: string
  /** What the message has to tell. */
  readonly says?: RegExp
}

const limitMs = 200

describe('a service that fails is told by a code, on record, bounded in time and size, and used again when it is well', () => {
  const servers: Server[] = []
  const exchange = createExchange()
  let url: string
  let selfSigned: string
  let answers: (response: ServerResponse) => void
  let rows: ApiLogRow[]
  let measured: string[]
  let http: HttpClient

  async function listen(server: Server): Promise<number> {
    servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  before(async () => {
    url = `http://127.0.0.1:${await listen(createServer((_request, response) => answers(response)))}`
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(freshFolder(), name))
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const files = ['-keyout', key ?? '', '-out', cert ?? '', '-days', '2', '-subj', '/CN=localhost']
    execFileSync('openssl', ['req', '-x509', ...kind, ...files], { stdio: 'ignore' })
    const pair = { key: readFileSync(key ?? ''), cert: readFileSync(cert ?? '') }
    const tls = createTlsServer(pair, (_request, response) => answers(response))
    selfSigned = `https://localhost:${await listen(tls)}`
  })
  after(async () => {
    await exchange.close()
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
  })
  beforeEach(() => {
    rows = []
    measured = []
    http = new HttpCalls({
      exchange,
      clock: systemClock,
      log: silentLog,
      redact: redactText,
      record: (row) => rows.push(row),
      measured: (_service, outcome) => measured.push(outcome),
      userAgent: 'test',
      guard: () => undefined,
    }).for({ plugin: 'sample', signal: new AbortController().signal })
  })

  const status =
    (code: number, headers: Record<string, string> = {}, body = '') =>
    (response: ServerResponse) => {
      response.writeHead(code, headers)
      response.end(body)
    }
  /** Bytes for ever, one at a time. */
  const trickle = (response: ServerResponse) => {
    const timer = setInterval(() => response.write('x'), 10)
    response.on('close', () => clearInterval(timer))
  }
  /** Bytes for ever, as many as go. */
  const flood = (response: ServerResponse) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    }
    response.on('drain', more)
    more()
  }

  const failures: Readonly<Record<string, Failure>> = {
    'refuses connections': {
      address: () => 'http://127.0.0.1:1/',
      code: 'OPS_API_UNREACHABLE',
      row: { errorCode: 'OPS_API_UNREACHABLE' },
      outcome: 'unreachable',
      says: /127\.0\.0\.1:1/,
    },
    'has a name that is none': {
      address: () => 'http://nobody.invalid/',
      code: 'OPS_API_UNREACHABLE',
      row: { errorCode: 'OPS_API_UNREACHABLE' },
      outcome: 'unreachable',
    },
    'hangs before its answer': {
      answers: () => undefined,
      code: 'OPS_API_TIMEOUT',
      row: { errorCode: 'OPS_API_TIMEOUT' },
      outcome: 'timeout',
      says: /0\.2 s/,
    },
    'hangs within its answer': {
      answers: (response) => void response.write('half'),
      code: 'OPS_API_TIMEOUT',
      row: { errorCode: 'OPS_API_TIMEOUT' },
      outcome: 'timeout',
    },
    'answers in a trickle': {
      answers: trickle,
      code: 'OPS_API_TIMEOUT',
      row: { errorCode: 'OPS_API_TIMEOUT' },
      outcome: 'timeout',
    },
    'breaks off in its answer': {
      answers: (response) => {
        response.writeHead(200, { 'content-length': '100' })
        response.write('half', () => response.socket?.destroy())
      },
      code: 'OPS_API_UNREACHABLE',
      row: { errorCode: 'OPS_API_UNREACHABLE' },
      outcome: 'unreachable',
    },
    'has a certificate that nobody vouches for': {
      address: () => selfSigned,
      code: 'OPS_API_UNREACHABLE',
      row: { errorCode: 'OPS_API_UNREACHABLE' },
      outcome: 'unreachable',
      says: /self.signed certificate/i,
    },
    'speaks no TLS where it should': {
      address: () => url.replace('http:', 'https:'),
      code: 'OPS_API_UNREACHABLE',
      row: { errorCode: 'OPS_API_UNREACHABLE' },
      outcome: 'unreachable',
    },
    'answers 404': {
      answers: status(404, {}, 'no such ticket'),
      code: 'OPS_API_STATUS',
      row: { status: 404 },
      outcome: '4xx',
      says: /404: no such ticket/,
    },
    'answers 401 with what is secret': {
      answers: status(401, {}, 'password: hunter2'),
      code: 'OPS_API_STATUS',
      row: { status: 401 },
      outcome: '4xx',
      says: /401: password: \*\*\*/,
    },
    'answers 500': {
      answers: status(500, {}, 'oops'),
      code: 'OPS_API_STATUS',
      row: { status: 500 },
      outcome: '5xx',
    },
    'answers 429 for longer than anybody waits': {
      answers: status(429, { 'retry-after': '3600' }),
      options: { retries: 2 },
      code: 'OPS_API_STATUS',
      row: { status: 429, attempt: 1 },
      outcome: '4xx',
    },
    'answers without an end': {
      answers: flood,
      options: { maxBytes: 1_000_000 },
      code: 'OPS_API_TOO_LARGE',
      row: { errorCode: 'OPS_API_TOO_LARGE' },
      outcome: 'too-large',
    },
    'redirects to a private address': {
      answers: status(302, { location: 'http://10.0.0.1/admin' }),
      code: 'OPS_API_ADDRESS',
      row: { errorCode: 'OPS_API_ADDRESS' },
      outcome: 'address',
    },
    'redirects to itself': {
      answers: status(307, { location: '/' }),
      code: 'OPS_API_REDIRECT',
      row: { status: 307 },
      outcome: '3xx',
    },
    'redirects to what is no web address': {
      answers: status(302, { location: 'file:///etc/passwd' }),
      code: 'OPS_API_ADDRESS',
      row: { errorCode: 'OPS_API_ADDRESS' },
      outcome: 'address',
    },
    'sends a page in place of JSON': {
      answers: status(200, { 'content-type': 'text/html' }, '<html>'),
      code: 'OPS_API_BODY',
      row: { status: 200 },
      outcome: '2xx',
    },
    'sends broken JSON': {
      answers: status(200, { 'content-type': 'application/json' }, '{"a":'),
      code: 'OPS_API_BODY',
      row: { status: 200 },
      outcome: '2xx',
    },
    'sends other JSON than it should': {
      answers: status(200, { 'content-type': 'application/json' }, '{"a":"one"}'),
      code: 'OPS_API_BODY',
      row: { status: 200 },
      outcome: '2xx',
      says: /a: /,
    },
  }

  for (const [name, failure] of Object.entries(failures)) {
    it(name, async () => {
      answers = failure.answers ?? status(200)
      const began = performance.now()
      const error = await rejected(async () => {
        const response = await http.fetch(failure.address?.() ?? url, {
          retries: 0,
          timeoutMs: limitMs,
          ...failure.options,
        })
        return response.json(z.object({ a: z.number() }))
      })
      expect(error.code).to.equal(failure.code)
      if (failure.says !== undefined) expect(error.message).to.match(failure.says)
      expect(error.message).not.to.include('hunter2')
      // a redirect has a time limit each
      expect(performance.now() - began).to.be.below(limitMs * 10)
      expect(rows.at(-1)).to.include({ plugin: 'sample', ...failure.row })
      expect(measured.at(-1)).to.equal(failure.outcome)
      answers = status(200, { 'content-type': 'application/json' }, '{"a":1}')
      const well = await http.fetch(url, { retries: 0 })
      expect(well.json(z.object({ a: z.number() }))).to.deep.equal({ a: 1 })
    })
  }
})
