import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { fastify } from 'fastify'
import { errorCodes } from '../../errors.ts'
import { listen, securityHeaders } from '../../http/server.ts'
import type { PlaygroundNotices } from '../../testing/playground/notices.ts'
import type { PlaygroundWorld } from '../../testing/playground/open.ts'
import { mountPlayground } from '../../testing/playground/playground.ts'

export interface FrontOptions {
  readonly host: string
  readonly port: number
  readonly world: PlaygroundWorld
  readonly notices: PlaygroundNotices
}

/** The address that people have in their browser; it stays while the bot behind it comes and goes. */
export interface Front {
  readonly url: string
  readonly port: number
  /** The address of the bot's own HTTP server; without one, requests to it are answered by 503. */
  target: string | undefined
  close(): Promise<void>
}

/**
 * Serves the playground, and passes all other requests on to the bot.
 * @throws OPS_PORT_IN_USE, OPS_PORT_FORBIDDEN, OPS_HTTP_HOST
 */
export async function openFront({ host, port, world, notices }: FrontOptions): Promise<Front> {
  const server = createServer()
  const site = fastify({ serverFactory: () => server, return503OnClosing: false })
  mountPlayground(site, { ...world, notices })
  site.get('/', (_request, reply) => reply.redirect('/playground'))
  await site.ready()
  const front: { target: string | undefined } = { target: undefined }
  server.on('request', (incoming: IncomingMessage, answer: ServerResponse) => {
    for (const [name, value] of Object.entries(securityHeaders)) answer.setHeader(name, value)
    if (/^\/(playground([/?].*)?)?$/.test(incoming.url ?? '/')) site.routing(incoming, answer)
    else passOn(incoming, answer, front.target)
  })
  const bound = await listen(server, { host, port })
  return Object.assign(front, {
    port: bound,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    async close() {
      server.close()
      await site.close()
      server.closeAllConnections()
    },
  })
}

function passOn(
  incoming: IncomingMessage,
  answer: ServerResponse,
  target: string | undefined,
): void {
  const refuse = () => {
    const { title, hint } = errorCodes.OPS_HTTP_NOT_READY
    if (answer.headersSent) return answer.destroy()
    answer.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1' })
    return answer.end(
      JSON.stringify({ error: { code: 'OPS_HTTP_NOT_READY', message: title, hint } }),
    )
  }
  if (target === undefined) return void refuse()
  const { method = 'GET', url = '/', headers } = incoming
  const passed = request(new URL(url, target), { method, headers }, (received) => {
    answer.writeHead(received.statusCode ?? 502, received.headers)
    received.pipe(answer)
    received.on('error', () => answer.destroy())
  })
  passed.on('error', refuse)
  answer.on('close', () => passed.destroy())
  incoming.pipe(passed)
}
