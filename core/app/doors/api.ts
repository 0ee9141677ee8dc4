import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { messageOf } from '../../errors.ts'
import { refuse } from '../../http/refusal.ts'
import type { Logger } from '../../log/logger.ts'
import { refusalOf } from '../../update/api/answers.ts'
import type { Api, ApiRequest } from '../../update/api/api.ts'
import { apiPrefix } from '../../update/api/site.ts'
import { newErrorId } from '../../update/error-id.ts'

/** Serves `/api/v1`: the routes of plugins, and the document about them. */
export function serveApi(http: FastifyInstance, { api, log }: { api: Api; log: Logger }): void {
  http.get(`${apiPrefix}/openapi.json`, async (request, reply) => {
    try {
      return await api.describe(request.raw, reply.raw, requestOf(request))
    } catch (error) {
      return answer(reply, error, log)
    }
  })
  http.all(`${apiPrefix}/*`, {
    // before the body is read: the plugin's own instance reads it
    onRequest: async (request, reply) => {
      try {
        const site = await api.enter(request.raw, reply.raw, requestOf(request))
        reply.hijack()
        site(request.raw, reply.raw)
      } catch (error) {
        await answer(reply, error, log)
      }
    },
    handler: async () => undefined,
  })
}

function requestOf({ headers, ip, method, url }: FastifyRequest): ApiRequest {
  const path = url.split('?')[0] ?? ''
  return { authorization: headers.authorization, ip, method, path: path.slice(apiPrefix.length) }
}

function answer(reply: FastifyReply, error: unknown, log: Logger): FastifyReply {
  const known = refusalOf(error)
  if (known !== undefined) return reply.code(known.status).headers(known.headers).send(known.body)
  // a guard that threw lets nobody in: its tables can't be read, most likely
  const errorId = newErrorId()
  log.error('api.not-admitted', { errorId, message: messageOf(error), error })
  reply.header('retry-after', '2')
  return refuse(reply, 503, 'OPS_ROUTE_NO_GATE', { errorId })
}
