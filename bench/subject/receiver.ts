// A child of the webhook benchmark: takes updates as others do it, and keeps none.
import { createServer, type RequestListener } from 'node:http'
// biome-ignore lint/style/noRestrictedImports: the peer that is measured against
import { Telegraf } from 'telegraf'

const secret = process.argv[3] ?? ''

const receivers: Readonly<Record<string, () => RequestListener>> = {
  /** The least that a receiver can do: the body parsed, 200. */
  raw: () => (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      JSON.parse(Buffer.concat(chunks).toString())
      response.writeHead(200, { 'content-length': '0' })
      response.end()
    })
  },
  /** Three middlewares and a command, as ours has them. */
  telegraf: () => {
    const bot = new Telegraf('42:bench')
    bot.botInfo = {
      id: 42,
      is_bot: true,
      first_name: 'Bench',
      username: 'bench_bot',
      can_join_groups: true,
      can_read_all_group_messages: false,
      supports_inline_queries: false,
    }
    const pass = (_ctx: unknown, next: () => Promise<void>) => next()
    bot.use(pass, pass, pass)
    bot.command('echo', async () => undefined)
    return bot.webhookCallback('/telegram/webhook', { secretToken: secret })
  },
}

const make = receivers[process.argv[2] ?? '']
if (make === undefined) throw new Error(`no receiver ${process.argv[2]}`)
const server = createServer({ keepAliveTimeout: 65_000 }, make())
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.(typeof address === 'object' ? address?.port : 0)
})
process.on('disconnect', () => process.exit(0))
