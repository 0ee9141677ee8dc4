import type { IncomingMessage, ServerResponse } from 'node:http'
import { type FastifyError, type FastifyInstance, type FastifyReply, fastify } from 'fastify'
import { refuse, refuseBroken } from '../../http/refusal.ts'
import type { PluginInstance } from '../../plugin/generation/instance.ts'
import type { HttpRoute } from '../../plugin/manifest/route.ts'
import { type RefusalCode, refusalOf } from './answers.ts'

/** A request at a route, as it came. */
export interface RouteCall {
  readonly request: IncomingMessage
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
}

export interface SiteParts {
  /** Called before the body is read. @throws whatever {@link refusalOf} knows */
  readonly admit: (request: IncomingMessage, route: HttpRoute) => Promise<void>
  /** @returns what the route answers */
  readonly run: (call: RouteCall, route: HttpRoute) => Promise<unknown>
  readonly failed: (request: IncomingMessage, error: unknown) => string
}

/** Bytes of a request's body. */
const bodyLimit = 1024 * 1024
export const apiPrefix = '/api/v1'

/** Answers the requests to one plugin. */
export type Site = (request: IncomingMessage, response: ServerResponse) => void

/**
 * The routes of one version of a plugin, on a Fastify of its own that never listens: Fastify takes no routes any
 * more once it does, and with the version its routes are gone.
 */
export async function createSite(plugin: PluginInstance, parts: SiteParts): Promise<Site> {
  const http = fastify({ bodyLimit, return503OnClosing: false, exposeHeadRoutes: false })
  http.removeContentTypeParser('text/plain')
  http.setNotFoundHandler((request, reply) => {
    const message = `${request.method} ${request.url.split('?')[0]} is no route of plugin ${plugin.name}`
    return refuse(reply, 404, 'OPS_ROUTE_UNKNOWN' satisfies RefusalCode, { detail: message })
  })
  http.setErrorHandler((error: FastifyError, request, reply) =>
    answerError(error, reply, () => parts.failed(request.raw, error)),
  )
  for (const route of plugin.routes) addRoute(http, plugin.name, route, parts)
  await http.ready()
  return http.routing
}

function addRoute(http: FastifyInstance, plugin: string, route: HttpRoute, parts: SiteParts): void {
  const path = route.path === '/' ? '' : route.path
  http.route({
    method: route.method,
    url: `${apiPrefix}/${plugin}${path}`,
    onRequest: (request) => parts.admit(request.raw, route),
    handler: async ({ raw, params, query, body }, reply) => {
      const answer = await parts.run({ request: raw, params, query, body }, route)
      if (answer === undefined) return reply.code(204).send()
      return reply
        .code(route.status)
        .type('application/json; charset=utf-8')
        .send(JSON.stringify(answer))
    },
  })
}

function answerError(error: FastifyError, reply: FastifyReply, failed: () => string): FastifyReply {
  const known = refusalOf(error)
  if (known !== undefined) return reply.code(known.status).headers(known.headers).send(known.body)
  const isFastifys = error.code?.startsWith('FST_') === true
  const broken = isFastifys || error.statusCode === 413 ? refuseBroken(reply, error) : undefined
  return broken ?? refuse(reply, 500, 'OPS_INTERNAL', { errorId: failed() })
}
