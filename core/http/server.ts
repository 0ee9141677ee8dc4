import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isIPv6, type Socket } from 'node:net'
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify'
import { codeOf, OpsError } from '../errors.ts'
import type { Logger } from '../log/logger.ts'
import type { HealthChecks } from './health.ts'
import { refusal, refuse, refuseBroken } from './refusal.ts'

export interface HttpServerOptions {
  readonly host: string
  /** 0 = any free port; `HttpServer.port` tells which. */
  readonly port: number
  readonly log: Logger
  readonly health: HealthChecks
  /** What a request may take to arrive, its body too, ms; default 30,000. */
  readonly requestMs?: number
  /** A path that is answered without the rest of the server, before and after `open` alike; POST alone. */
  readonly direct?: DirectRoute
  /** Addresses and networks of proxies whose X-Forwarded-… headers count. */
  readonly trustProxy?: readonly string[]
}

/** Something that is asked too often for a framework, and decides all by itself. */
export interface DirectRoute {
  readonly path: string
  readonly serve: (request: IncomingMessage, response: ServerResponse) => void
}

export interface HttpServer {
  readonly port: number
  /** `http://127.0.0.1:3000`, without a slash at the end. */
  readonly url: string
  /** Adds routes. They answer from `open` on; later than that is too late (Fastify takes none then). */
  mount(register: (http: FastifyInstance) => void): void
  /** Routes go live. Until then all but the health routes answer 503. */
  open(): Promise<void>
  /**
   * Takes no more connections, lets running requests end for so many milliseconds, cuts what is left.
   * Fastify's `preClose` hooks run first: streams that never end by themselves end there.
   */
  close(graceMs: number): Promise<void>
}

const bodyLimit = 1024 * 1024
/** A request that arrives slower holds a socket without need (slowloris). */
const headersTimeoutMs = 10_000
const requestTimeoutMs = 30_000
/** Longer than the 60 s of common proxies, or they would reuse a connection that we are closing. */
const keepAliveMs = 65_000

/** On every answer. */
export const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  'cache-control': 'no-store',
} as const

/**
 * Binds the port at once, before anything costly is opened: a second start by mistake ends here. Fastify
 * takes no routes once it listens, so the socket is ours: two instances stand behind it, one that knows
 * health alone and, from `open` on, the one with all routes.
 * @throws OPS_PORT_IN_USE, OPS_PORT_FORBIDDEN, OPS_HTTP_HOST
 */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { log, requestMs = requestTimeoutMs } = options
  const server = createServer({
    headersTimeout: Math.min(headersTimeoutMs, requestMs),
    requestTimeout: requestMs,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: Math.min(5_000, requestMs),
  })
  server.on('clientError', answerBrokenRequest)

  const front = createFastify(server, options, (_request, reply) => {
    reply.header('retry-after', '1')
    // browsers ask again by themselves: the page's address is printed before it is there
    reply.header('refresh', '1')
    return refuse(reply, 503, 'OPS_HTTP_NOT_READY')
  })
  const site = createFastify(server, options, (_request, reply) =>
    refuse(reply, 404, 'OPS_HTTP_NOT_FOUND'),
  )
  await front.ready()

  let current = front
  let closing = false
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { direct } = options
    if (isDirect(request, direct)) {
      direct.serve(request, response)
      return
    }
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value)
    // close() ends idle connections once; one that becomes idle later would hold it up
    if (closing) response.setHeader('connection', 'close')
    response.on('close', () => closing && setImmediate(() => server.closeIdleConnections()))
    current.routing(request, response)
  })

  const port = await listen(server, options)
  const url = `http://${isIPv6(options.host) ? `[${options.host}]` : options.host}:${port}`
  log.info('http.listening', { port, host: options.host, url })

  return {
    port,
    url,
    mount: (register) => register(site),
    async open() {
      if (!site.hasRoute({ method: 'GET', url: '/' })) addHome(site, options.health)
      await site.ready()
      current = site
    },
    async close(graceMs) {
      closing = true
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      const cut = setTimeout(() => server.closeAllConnections(), graceMs)
      await Promise.all([site.close(), front.close(), closed])
      clearTimeout(cut)
    },
  }
}

function isDirect(request: IncomingMessage, route: DirectRoute | undefined): route is DirectRoute {
  if (route === undefined || request.method !== 'POST') return false
  const { url = '' } = request
  return url === route.path || url.startsWith(`${route.path}?`)
}

function createFastify(
  server: Server,
  { log, health, trustProxy }: HttpServerOptions,
  otherwise: (request: FastifyRequest, reply: FastifyReply) => FastifyReply,
): FastifyInstance {
  const http = fastify({
    serverFactory: () => server,
    bodyLimit,
    return503OnClosing: false,
    ...(trustProxy !== undefined && trustProxy.length > 0 && { trustProxy: [...trustProxy] }),
    genReqId: () => randomBytes(4).toString('hex'),
    frameworkErrors: (error, request, reply) => answerError(error, request.id, reply, log),
  })
  http.setErrorHandler((error: FastifyError, request, reply) =>
    answerError(error, request.id, reply, log),
  )
  http.setNotFoundHandler(otherwise)
  http.addHook('onResponse', async (request, reply) => {
    log.debug('http.answered', {
      request: request.id,
      method: request.method,
      url: request.url,
      ip: request.ip,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
    })
  })
  http.get('/healthz', async () => health.liveness())
  http.get('/readyz', async (_request, reply) => {
    const readiness = await health.readiness()
    return reply.code(readiness.status === 'ready' ? 200 : 503).send(readiness)
  })
  return http
}

function addHome(http: FastifyInstance, health: HealthChecks): void {
  http.get('/', async () => ({
    name: 'Opsgram',
    version: health.liveness().version,
    links: { health: '/healthz', readiness: '/readyz' },
  }))
}

function answerError(error: FastifyError, request: string, reply: FastifyReply, log: Logger) {
  const refused = refuseBroken(reply, error)
  if (refused !== undefined) return refused
  log.error('http.failed', { request, error })
  return refuse(reply, 500, 'OPS_INTERNAL', { request })
}

/** Requests that never became one: not HTTP, endless headers, too slow. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket) {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const [status, reason] = brokenRequests[error.code ?? ''] ?? [400, 'Bad Request']
  const body = JSON.stringify(refusal('OPS_HTTP_BAD_REQUEST'))
  socket.end(
    [
      `HTTP/1.1 ${status} ${reason}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  )
}

const brokenRequests: Readonly<Record<string, readonly [number, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
}

/** @returns the port. @throws OPS_PORT_IN_USE, OPS_PORT_FORBIDDEN, OPS_HTTP_HOST */
export async function listen(
  server: Server,
  { host, port }: Pick<HttpServerOptions, 'host' | 'port'>,
): Promise<number> {
  try {
    server.listen({ host, port })
    await once(server, 'listening')
  } catch (error) {
    throw listenError(error, host, port)
  }
  const address = server.address()
  if (address === null || typeof address === 'string') {
    throw new OpsError('OPS_INTERNAL', `The HTTP server listens on ${address}, which is no port`)
  }
  return address.port
}

function listenError(cause: unknown, host: string, port: number): OpsError {
  const details = { variable: 'HTTP_PORT', host, port }
  switch (codeOf(cause)) {
    case 'EADDRINUSE':
      return new OpsError(
        'OPS_PORT_IN_USE',
        `HTTP_PORT ${port} on ${host} is used by another program`,
        {
          cause,
          details,
        },
      )
    case 'EACCES':
    case 'EPERM':
      return new OpsError('OPS_PORT_FORBIDDEN', `HTTP_PORT ${port} may not be used by this user`, {
        cause,
        details,
      })
    default:
      return new OpsError(
        'OPS_HTTP_HOST',
        `HTTP_HOST ${host} can't be listened on (${codeOf(cause)})`,
        {
          cause,
          details: { variable: 'HTTP_HOST', host, port },
        },
      )
  }
}
