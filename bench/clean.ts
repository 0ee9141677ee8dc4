// The message log: how long old rows take to be deleted out of very many, and what updates notice of that.
import { cpSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { Agent, request } from 'undici'
import { startFakeBotApi } from '../core/testing/bot-api/server.ts'
import { sized } from './report/size.ts'
import { quantile } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import { Bot } from './subject/bot.ts'
import { writeFiles } from './subject/folder.ts'

/** A tenth of them is old. `CLEAN_ROWS` names another number. */
const rows = Number(process.env.CLEAN_ROWS ?? sized({ small: 100_000, full: 2_000_000 }))
const quietS = sized({ small: 5, full: 30 })
const perSecond = 100
const chats = 1_000
const secret = 'bench-secret'

const plugins = {
  'gate/index.ts': `
import { Authenticator, Authorizer, definePlugin } from 'opsgram'
const actor = { kind: 'user', id: '1', telegramId: 7, name: 'U', role: 'operator' } as const
export default definePlugin({
  name: 'gate',
  version: '1.0.0',
  setup: () => ({
    authenticator: { authenticate: async () => ({ admitted: true, actor }) },
    authorizer: { permissionsOf: async () => () => true },
  }),
  provides: { authenticator: Authenticator, authorizer: Authorizer },
  commands: ({ command }) => ({ echo: command({ description: 'Does nothing', run: async () => {} }) }),
})
`,
}

const server = process.env.TEST_DATABASE_URL
if (server === undefined) {
  console.log('No PostgreSQL: set TEST_DATABASE_URL.')
  process.exit()
}
const name = `opsgram_bench_${process.pid}`
const url = new URL(server)
url.pathname = `/${name}`
const admin = new pg.Client({ connectionString: server })
await admin.connect()
await admin.query(`create database ${name}`)
const api = await startFakeBotApi()
let updateId = 1

async function botWith(retentionDays: number): Promise<Bot> {
  const common = {
    UPDATES: 'webhook',
    // the fake has nothing to deliver
    WEBHOOK_URL: 'http://127.0.0.1:9',
    WEBHOOK_SECRET: secret,
    PLUGINS_WATCH: 'false',
    METRICS_TOKEN: secret.repeat(2),
    LOGGING_RETENTION_DAYS: String(retentionDays),
  }
  const own = new Bot({ api, env: common })
  writeFiles(own.plugins, plugins)
  cpSync(path.resolve('plugins/logging'), path.join(own.plugins, 'logging'), { recursive: true })
  return new Bot({ api, databaseUrl: url.href, env: { ...common, PLUGINS_DIR: own.plugins } })
}

async function fill(client: pg.Client): Promise<void> {
  const { rows: indexes } = await client.query<{ indexname: string; indexdef: string }>(
    "select indexname, indexdef from pg_indexes where tablename = 'message_logs' and indexname not like '%pkey'",
  )
  for (const { indexname } of indexes) await client.query(`drop index ${indexname}`)
  const share = 500_000
  for (let from = 0; from < rows; from += share) {
    await client.query(
      `insert into message_logs (direction, chat_id, message_id, kind, text, metadata, command, plugin, outcome, duration_ms, created_at)
       select case n % 2 when 0 then 'in' else 'out' end, n % ${chats}, n, 'message', 'a text of some forty characters, number ' || n,
         jsonb_build_object('updateId', n, 'from', n % ${chats}, 'chatType', 'private'), 'echo', 'gate', 'done', 12,
         now() - interval '100 days' * (1 - n::float8 / ${rows})
       from generate_series($1::int, $2::int) as n`,
      [from, Math.min(from + share, rows) - 1],
    )
  }
  for (const { indexdef } of indexes) await client.query(indexdef)
  await client.query('vacuum analyze message_logs')
}

/** Sends updates at an even pace until the signal. @returns ms to each answer, which says that it is stored */
async function send(bot: Bot, signal: AbortSignal): Promise<number[]> {
  const agent = new Agent({ connections: 50, pipelining: 1 })
  const latencies: number[] = []
  const began = performance.now()
  const under: Promise<void>[] = []
  for (let sent = 0; !signal.aborted; sent++) {
    await sleep(Math.max(0, began + (sent * 1_000) / perSecond - performance.now()))
    under.push(one(bot, agent, latencies))
  }
  await Promise.all(under)
  await agent.close()
  return latencies
}

async function one(bot: Bot, agent: Agent, latencies: number[]): Promise<void> {
  const id = updateId++
  const chat = 1 + (id % chats)
  const sent = performance.now()
  const { statusCode, body } = await request(`http://127.0.0.1:${bot.port}/telegram/webhook`, {
    dispatcher: agent,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': secret },
    body: JSON.stringify({
      update_id: id,
      message: {
        message_id: id,
        from: { id: chat, is_bot: false, first_name: 'Anna' },
        chat: { id: chat, first_name: 'Anna', type: 'private' },
        date: Math.floor(Date.now() / 1_000),
        text: '/echo',
        entities: [{ offset: 0, length: 5, type: 'bot_command' }],
      },
    }),
  })
  await body.dump()
  if (statusCode !== 200) throw new Error(`answered ${statusCode}`)
  latencies.push(performance.now() - sent)
}

/** What handling took, of the process so far: the bound of the bucket in which 99 of 100 are, ms. */
async function handledP99(bot: Bot): Promise<string> {
  const { body } = await request(`http://127.0.0.1:${bot.port}/metrics`, {
    headers: { authorization: `Bearer ${secret.repeat(2)}` },
  })
  const buckets = [
    ...(await body.text()).matchAll(
      /^opsgram_update_seconds_bucket\{le="([^"]+)",plugin="gate",outcome="done"\} (\d+)/gm,
    ),
  ].map(([, le, count]) => ({ le: Number(le), count: Number(count) }))
  const all = buckets.at(-1)?.count ?? 0
  const within = buckets.find(({ count }) => count >= all * 0.99)
  return within === undefined ? '?' : `≤ ${within.le * 1_000}`
}

function lineOf(what: string, deleted: string, latencies: number[], handled: string): string[] {
  return [
    what,
    deleted,
    String(latencies.length),
    ...[0.5, 0.95, 0.99].map((share) => quantile(latencies, share).toFixed(1)),
    handled,
  ]
}

const client = new pg.Client({ connectionString: url.href })
try {
  const first = await botWith(36_500)
  await first.start()
  await first.stop()
  await client.connect()
  const filling = performance.now()
  await fill(client)
  const { rows: sizes } = await client.query<{ size: string }>(
    "select pg_size_pretty(pg_total_relation_size('message_logs')) as size",
  )
  console.log(
    `${rows} rows, ${sizes[0]?.size} with indexes, filled in ${Math.round((performance.now() - filling) / 1_000)} s\n`,
  )
  const quiet = await botWith(36_500)
  await quiet.start()
  await send(quiet, AbortSignal.timeout(3_000))
  const before = await send(quiet, AbortSignal.timeout(quietS * 1_000))
  const beforeHandled = await handledP99(quiet)
  await quiet.stop()
  const busy = await botWith(90)
  await busy.start()
  const cleaned = busy.line(({ event }) => event === 'logging.cleaned', 3_600_000)
  // the first cleaning begins two seconds after the start
  await send(busy, AbortSignal.timeout(2_000))
  const began = performance.now()
  const end = new AbortController()
  const sending = send(busy, end.signal)
  const { rows: deleted } = await cleaned
  end.abort()
  const seconds = (performance.now() - began) / 1_000
  const during = await sending
  const duringHandled = await handledP99(busy)
  // others on the machine may have become louder meanwhile
  const after = await send(busy, AbortSignal.timeout(quietS * 1_000))
  await busy.stop()
  printTable(
    ['updates', 'deleted', 'number', 'stored p50, ms', 'p95', 'p99', 'handled p99, ms'],
    [
      lineOf('alone', '', before, beforeHandled),
      lineOf('beside the cleaning', `${deleted} in ${seconds.toFixed(0)} s`, during, duringHandled),
      lineOf('after it', '', after, ''),
    ],
  )
} finally {
  await client.end()
  await admin.query(`drop database if exists ${name} with (force)`)
  await admin.end()
  await api.close()
}
process.exit()
