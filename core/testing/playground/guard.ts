import type { FastifyReply, FastifyRequest } from 'fastify'
import { isLoopbackHost } from '../bot-api/loopback.ts'

const loopbackAddresses = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1'])
/** A proxy on this machine makes strangers look local; it gives itself away by these. */
const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via']

/** Why a request may not come in, or undefined. */
export function refusalOf(request: FastifyRequest): string | undefined {
  const { headers, method, socket } = request.raw
  if (!loopbackAddresses.has(socket.remoteAddress ?? '')) {
    return 'The playground answers this machine only.'
  }
  if (!isLoopbackHost(headers.host)) return 'The Host header is not localhost or 127.0.0.1.'
  if (proxyHeaders.some((name) => headers[name] !== undefined)) {
    return 'The request came through a proxy.'
  }
  const site = headers['sec-fetch-site']
  const navigation = method === 'GET' && headers['sec-fetch-mode'] === 'navigate'
  if (!navigation && site !== undefined && site !== 'same-origin' && site !== 'none') {
    return 'Another website may not use the playground.'
  }
  if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`) {
    return 'Another website may not use the playground.'
  }
  return undefined
}

/** Everything under /playground goes through here, pages and events too. */
export async function guard(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const refusal = refusalOf(request)
  if (refusal === undefined) return
  await reply.code(403).send({ error: { message: refusal } })
}
