import { connect } from 'node:net'
import { expect } from 'chai'
import { HealthChecks } from '../../../core/http/health.ts'
import { createHttpServer, type HttpServer } from '../../../core/http/server.ts'
import { recordingLog } from '../../support/log.ts'
import { rejected } from '../../support/rejected.ts'
import { until } from '../../support/wait.ts'

describe('HTTP server', () => {
  const open: HttpServer[] = []
  afterEach(async () => {
    await Promise.all(open.splice(0).map((server) => server.close(0)))
  })

  async function start(options: { host?: string; port?: number } = {}) {
    const { log, lines } = recordingLog()
    const health = new HealthChecks({ version: '1.2.3', log })
    const server = await createHttpServer({
      host: options.host ?? '127.0.0.1',
      port: options.port ?? 0,
      log,
      health,
    })
    open.push(server)
    const get = (path: string, init?: RequestInit) => fetch(server.url + path, init)
    return { server, lines, health, get }
  }

  it('listens at once and tells its port in the log', async () => {
    const { server, lines } = await start()
    const line = lines.find(({ event }) => event === 'http.listening')
    expect(line?.fields.port).to.equal(server.port).and.be.above(0)
  })

  it('lives but is not ready before its routes are open', async () => {
    const { server, health, get } = await start()
    server.mount((http) => http.get('/hello', async () => ({ hello: true })))
    const live = await get('/healthz')
    expect(live.status).to.equal(200)
    expect(await live.json()).to.include({ status: 'ok', version: '1.2.3' })
    expect((await get('/readyz')).status).to.equal(503)
    const early = await get('/hello')
    expect(early.status).to.equal(503)
    expect(early.headers.get('retry-after')).to.equal('1')
    expect(await codeIn(early)).to.equal('OPS_HTTP_NOT_READY')

    await server.open()
    health.phase = 'ready'
    expect(await (await get('/hello')).json()).to.deep.equal({ hello: true })
    const ready = await get('/readyz')
    expect(ready.status).to.equal(200)
    expect(await ready.json()).to.deep.equal({ status: 'ready', checks: {} })
  })

  it('refuses a port in use and says how to start on another', async () => {
    const { server } = await start()
    const error = await rejected(start({ port: server.port }))
    expect(error.code).to.equal('OPS_PORT_IN_USE')
    expect(error.message).to.include('HTTP_PORT').and.include(String(server.port))
    expect(error.hint).to.include('HTTP_PORT=0 make start')
  })

  it('refuses an address that is not of this machine', async () => {
    const error = await rejected(start({ host: '192.0.2.1' }))
    expect(error.code).to.equal('OPS_HTTP_HOST')
    expect(error.message).to.include('192.0.2.1')
  })

  it('says what it is at / unless something else is mounted there', async () => {
    const plain = await start()
    await plain.server.open()
    expect(await (await plain.get('/')).json()).to.include({ name: 'Opsgram', version: '1.2.3' })
    const mounted = await start()
    mounted.server.mount((http) => http.get('/', async (_, reply) => reply.redirect('/playground')))
    await mounted.server.open()
    const answer = await mounted.get('/', { redirect: 'manual' })
    expect(answer.headers.get('location')).to.equal('/playground')
  })

  it('answers what it does not know, what is broken and what is too large in JSON with a code', async () => {
    const { server, get } = await start()
    server.mount((http) => http.post('/echo', async (request) => request.body))
    await server.open()
    const missing = await get('/nothing')
    expect(missing.status).to.equal(404)
    expect(await codeIn(missing)).to.equal('OPS_HTTP_NOT_FOUND')
    const send = (body: string) =>
      get('/echo', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const broken = await send('{"a":')
    expect(broken.status).to.equal(400)
    expect(await codeIn(broken)).to.equal('OPS_HTTP_BAD_REQUEST')
    const large = await send(JSON.stringify('x'.repeat(1024 * 1024)))
    expect(large.status).to.equal(413)
    expect(await codeIn(large)).to.equal('OPS_HTTP_TOO_LARGE')
    const badUrl = await get('/%E0%A4%A')
    expect(badUrl.status).to.equal(400)
    expect(await codeIn(badUrl)).to.equal('OPS_HTTP_BAD_REQUEST')
    expect(badUrl.headers.get('x-content-type-options')).to.equal('nosniff')
  })

  it('never shows the message or the stack of a failure, and logs it under the id it answers', async () => {
    const { server, lines, get } = await start()
    server.mount((http) =>
      http.get('/fails', async () => {
        throw new Error('secret inside')
      }),
    )
    await server.open()
    const answer = await get('/fails')
    expect(answer.status).to.equal(500)
    const text = await answer.text()
    expect(text).not.to.include('secret inside').and.not.include('    at ')
    const { request } = JSON.parse(text).error
    const line = lines.find(({ event }) => event === 'http.failed')
    expect(line?.fields.request).to.equal(request)
    expect(line?.fields.error).to.be.an.instanceof(Error)
  })

  it('sets headers that keep browsers from guessing, framing and caching', async () => {
    const { get } = await start()
    const { headers } = await get('/healthz')
    expect(headers.get('x-content-type-options')).to.equal('nosniff')
    expect(headers.get('x-frame-options')).to.equal('DENY')
    expect(headers.get('content-security-policy')).to.include("default-src 'none'")
    expect(headers.get('cache-control')).to.equal('no-store')
    expect(headers.get('referrer-policy')).to.equal('no-referrer')
  })

  it('answers garbage with 400 in JSON and goes on', async () => {
    const { server, get } = await start()
    const answer = await new Promise<string>((resolve, reject) => {
      let text = ''
      connect(server.port, '127.0.0.1')
        .on('data', (chunk) => {
          text += chunk.toString()
        })
        .on('close', () => resolve(text))
        .on('error', reject)
        .end('this is not HTTP\r\n\r\n')
    })
    expect(answer)
      .to.match(/^HTTP\/1\.1 400 /)
      .and.include('OPS_HTTP_BAD_REQUEST')
    expect((await get('/healthz')).status).to.equal(200)
  })

  it('lets a running request end when it closes', async () => {
    const { server, get } = await start()
    let finish: (() => void) | undefined
    server.mount((http) =>
      http.get('/slow', async () => {
        await new Promise<void>((resolve) => {
          finish = resolve
        })
        return { done: true }
      }),
    )
    await server.open()
    const answer = get('/slow')
    await until('the request arrives', () => finish)
    const closed = server.close(60_000)
    finish?.()
    expect(await (await answer).json()).to.deep.equal({ done: true })
    const started = performance.now()
    await closed
    expect(performance.now() - started).to.be.below(30_000)
  })

  it('cuts a request that outlasts the grace', async () => {
    const { server, get } = await start()
    let arrived = false
    server.mount((http) =>
      http.get('/endless', () => {
        arrived = true
        return new Promise(() => undefined)
      }),
    )
    await server.open()
    const answer = get('/endless').catch((error: unknown) => error)
    await until('the request arrives', () => arrived)
    await server.close(50)
    expect(await answer).to.be.an.instanceof(Error)
    expect(await get('/healthz').catch((error: unknown) => error)).to.be.an.instanceof(Error)
  })
})

async function codeIn(answer: Response): Promise<unknown> {
  const body = JSON.parse(await answer.text())
  expect(body.error.message).to.be.a('string')
  expect(body.error.hint).to.be.a('string')
  return body.error.code
}
