import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { ZodError, z } from 'zod'
import { messageOf, OpsError } from '../../errors.ts'
import type { FakeBotApi } from '../bot-api/api.ts'
import { Actions, jsonActions } from './actions.ts'
import { guard } from './guard.ts'
import type { PlaygroundNotices } from './notices.ts'
import type { PlaygroundPerson } from './scene.ts'
import { EventStream } from './stream.ts'
import { sceneView } from './view.ts'

export interface PlaygroundOptions {
  readonly api: FakeBotApi
  /** Whom the page can speak for; `createScene` makes them. */
  readonly people: readonly PlaygroundPerson[]
  /** What banners tell. */
  readonly notices?: PlaygroundNotices
}

const pageDir = join(import.meta.dirname, 'page')
const uploadLimit = 20 * 1024 * 1024

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/**
 * Adds the playground to an HTTP server: a page at `/playground` where a person chats with the bot as
 * several people, and the JSON and events behind it. Everything answers this machine only.
 */
export function mountPlayground(http: FastifyInstance, options: PlaygroundOptions): void {
  http.register(async (site) => addRoutes(site, options), { prefix: '/playground' })
}

async function addRoutes(
  site: FastifyInstance,
  { api, people, notices }: PlaygroundOptions,
): Promise<void> {
  const assets = await readAssets()
  const actions = new Actions(api, people)
  const stream = new EventStream(api, notices)
  // Before Fastify waits for open connections: these never end by themselves.
  site.addHook('preClose', async () => stream.close())
  site.addHook('onRequest', guard)
  site.setErrorHandler((error, _request, reply) => answerError(error, reply))
  site.removeAllContentTypeParsers()
  // Only JSON and raw bytes: neither can be sent by another website's form without being asked first.
  site.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    parseJson(String(body), done),
  )
  site.addContentTypeParser(
    'application/octet-stream',
    { parseAs: 'buffer', bodyLimit: uploadLimit },
    (_request, body, done) => done(null, body),
  )

  site.get('/', async (_request, reply) => sendAsset(reply, assets, 'index.html'))
  site.get<{ Params: { name: string } }>('/assets/:name', async ({ params }, reply) =>
    sendAsset(reply, assets, params.name),
  )
  site.get('/state', async () => ({ ...sceneView(api, people), failed: stream.failed }))
  site.get('/events', (_request, reply) => {
    reply.hijack()
    stream.open(reply.raw)
  })
  site.get('/commands', async ({ query }) => {
    const { as, chat } = z.object({ as: z.coerce.number(), chat: z.coerce.number() }).parse(query)
    return actions.commands(as, chat)
  })
  site.get<{ Params: { id: string } }>('/files/:id', async ({ params, query }, reply) => {
    const { name } = z.object({ name: z.string().optional() }).parse(query)
    return sendFile(reply, api, params.id, name)
  })
  for (const action of jsonActions) {
    site.post(`/${action}`, async ({ body }) => actions[action](body))
  }
  site.post<{ Body: Buffer }>('/files', async ({ query, body }) => actions.file(query, body))
}

async function readAssets(): Promise<ReadonlyMap<string, Buffer>> {
  const names = await readdir(pageDir)
  return new Map(
    await Promise.all(
      names.map(async (name) => [name, await readFile(join(pageDir, name))] as const),
    ),
  )
}

function sendAsset(reply: FastifyReply, assets: ReadonlyMap<string, Buffer>, name: string) {
  const data = assets.get(name)
  if (!data) return reply.code(404).send({ error: { message: 'There is no such file.' } })
  return reply
    .header('content-security-policy', pagePolicy)
    .header('x-content-type-options', 'nosniff')
    .header('referrer-policy', 'no-referrer')
    .header('cache-control', 'no-cache')
    .type(types[extname(name)] ?? 'application/octet-stream')
    .send(data)
}

function sendFile(reply: FastifyReply, api: FakeBotApi, id: string, name: string | undefined) {
  const file = api.world.files.get(id)
  if (!file) throw new OpsError('OPS_TEST_MISSING', `There is no file ${id}`)
  const mime = imageType(file.data)
  const disposition = mime && name === undefined ? 'inline' : 'attachment'
  const filename = encodeURIComponent(name ?? file.name)
  return reply
    .header('content-security-policy', "default-src 'none'; sandbox")
    .header('x-content-type-options', 'nosniff')
    .header('cache-control', 'private, max-age=3600')
    .header('content-disposition', `${disposition}; filename*=UTF-8''${filename}`)
    .type(mime ?? 'application/octet-stream')
    .send(file.data)
}

/**
 * Pictures that a browser may show, known by their first bytes: what a sender says of its file is only a
 * claim. All else is downloaded only, or a file could run as a page.
 */
function imageType(data: Buffer): string | undefined {
  const head = data.toString('latin1', 0, 12)
  if (head.startsWith('\x89PNG')) return 'image/png'
  if (head.startsWith('\xff\xd8\xff')) return 'image/jpeg'
  if (head.startsWith('GIF8')) return 'image/gif'
  if (head.startsWith('RIFF') && head.endsWith('WEBP')) return 'image/webp'
  return undefined
}

function parseJson(body: string, done: (error: Error | null, value?: unknown) => void): void {
  try {
    done(null, JSON.parse(body))
  } catch (error) {
    done(new OpsError('OPS_TEST_MISSING', 'The body is no JSON', { cause: error }))
  }
}

function answerError(error: unknown, reply: FastifyReply): FastifyReply {
  if (error instanceof OpsError || error instanceof ZodError) {
    const message = error instanceof ZodError ? z.prettifyError(error) : error.message
    return reply.code(400).send({ error: { message } })
  }
  const status =
    error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
      ? error.statusCode
      : 500
  return reply.code(status).send({ error: { message: messageOf(error) } })
}
