import type { FastifyInstance, FastifyRequest } from 'fastify'
import { errorCodes } from '../../errors.ts'
import { secretCheck } from '../../telegram/webhook/secret.ts'
import type { Metrics } from './metrics.ts'

const loopback: ReadonlySet<string | undefined> = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1'])

/** What a proxy adds: behind one on this machine everybody would be on loopback. */
const forwarding = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'] as const

/**
 * `GET /metrics`: for programs on this machine, and for whoever has the token.
 *
 * @param token METRICS_TOKEN; none: from elsewhere nobody reads them
 * @param isBehindProxy a proxy passes requests on to this server, perhaps on this machine: whoever asks needs the token
 */
export function serveMetrics(
  http: FastifyInstance,
  parts: {
    metrics: Pick<Metrics, 'contentType' | 'text'>
    token: string | undefined
    isBehindProxy: boolean
  },
): void {
  const { metrics, token, isBehindProxy } = parts
  const isToken = secretCheck(token === undefined ? [] : [token])
  http.get('/metrics', async (request, reply) => {
    const isOwnMachine = !isBehindProxy && isLocal(request)
    if (!isOwnMachine && !isToken(bearerOf(request))) {
      const { title, hint } = errorCodes.OPS_METRICS_TOKEN
      return reply
        .status(401)
        .header('www-authenticate', 'Bearer')
        .send({ error: { code: 'OPS_METRICS_TOKEN', message: title, hint } })
    }
    return reply.type(metrics.contentType).send(await metrics.text())
  })
}

function isLocal({ raw: { socket, headers } }: FastifyRequest): boolean {
  return (
    loopback.has(socket.remoteAddress) && forwarding.every((name) => headers[name] === undefined)
  )
}

function bearerOf({ headers: { authorization } }: FastifyRequest): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
}
