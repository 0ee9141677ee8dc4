import type { FastifyInstance, FastifyReply } from 'fastify'
import { TelegramError } from 'telegraf'
import type { Config } from '../../../config/config.ts'
import { codeOf, type ErrorCode, errorCodes } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import { type FileLinks, fileLinkPath } from '../../telegram/files/links.ts'
import type { Gateway } from '../../telegram/gateway.ts'

export interface FileRouteParts {
  links: FileLinks
  gateway: Gateway
  log: Logger
}

/** Where links begin: the public address where there is one, else the HTTP server's own. */
export function linkBase({ webhook }: Config['telegram'], ownUrl: string): string {
  return webhook === undefined ? ownUrl : webhook.url.slice(0, -webhook.path.length)
}

/** Serves what file links lead to: the content, streamed from Telegram, never its address. */
export function serveFileLinks(http: FastifyInstance, { links, gateway, log }: FileRouteParts) {
  http.get<{ Params: { fileId: string }; Querystring: { until?: string; key?: string } }>(
    `${fileLinkPath}/:fileId`,
    // a link is no invitation to fetch 20 MB for nothing
    { exposeHeadRoute: false },
    async (request, reply) => {
      const { fileId } = request.params
      const { until = '', key = '' } = request.query
      // what is old and what was never a link look the same
      if (!links.holds(fileId, until, key)) return refuse(reply, 404, 'OPS_HTTP_NOT_FOUND')
      const stopped = new AbortController()
      reply.raw.once('close', () => stopped.abort())
      try {
        const file = await gateway.telegram.openFile(fileId, { signal: stopped.signal })
        reply.header('content-type', 'application/octet-stream')
        // never shown: a page that somebody sent would run as ours
        reply.header('content-disposition', `attachment; filename*=UTF-8''${quoted(file.name)}`)
        if (file.bytes !== undefined) reply.header('content-length', file.bytes)
        return reply.send(file.stream)
      } catch (error) {
        log.warn('http.file.failed', { request: request.id, error })
        if (error instanceof TelegramError && error.code < 500) {
          return refuse(reply, 404, 'OPS_HTTP_NOT_FOUND')
        }
        const code = codeOf(error)
        const isSize = code === 'OPS_TELEGRAM_FILE_SIZE'
        return refuse(reply, 502, isSize ? code : 'OPS_TELEGRAM_UNREACHABLE')
      }
    },
  )
}

function refuse(reply: FastifyReply, status: number, code: ErrorCode): FastifyReply {
  const { title, hint } = errorCodes[code]
  return reply.code(status).send({ error: { code, message: title, hint } })
}

/** RFC 8187: all but letters, digits and some marks is percent-encoded. */
function quoted(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)
}
