// Updates over HTTP: what one costs the process that takes it, until it is handled. Ours stores each before it says 200;
// the others store nothing.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { startFakeBotApi } from '../core/testing/bot-api/server.ts'
import { sized } from './report/size.ts'
import { median, quantile, spread } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import { Bot } from './subject/bot.ts'
import { settledCpuOf } from './subject/cpu.ts'
import { Deliverer } from './subject/deliverer.ts'
import { type Files, writeFiles } from './subject/folder.ts'

const runs = sized({ small: 3, full: 7 })
const updatesPerRun = sized({ small: 2_000, full: 10_000 })
/** The engine compiles what it finds to be hot: a program of more code needs more updates until then. */
const warmUp = sized({ small: 3_000, full: 30_000 })
const connections = 50
const chats = 1_000
const secret = 'bench-secret'

/** Lets everybody in. */
const gate: Files = {
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
})
`,
}

/** Three middlewares, one command that does nothing: as the peers have it. */
const echo: Files = {
  'echo/index.ts': `
import { definePlugin } from 'opsgram'
const pass = { phase: 'context', run: async (_ctx, next) => { await next() } } as const
export default definePlugin({
  name: 'echo',
  version: '1.0.0',
  middleware: ({ middleware }) => [middleware(pass), middleware(pass), middleware(pass)],
  commands: ({ command }) => ({ echo: command({ description: 'Does nothing', run: async () => {} }) }),
})
`,
}

/** Those that look people up and keep what came. */
const firstParty = ['auth', 'logging']
const others = readdirSync(path.resolve(import.meta.dirname, '../plugins')).filter(
  (plugin) => !firstParty.includes(plugin),
)

interface Subject {
  readonly name: string
  readonly pid: number
  readonly deliverer: Deliverer
  close(): Promise<void>
}

async function peer(name: string, kind: string): Promise<Subject> {
  const file = path.resolve(import.meta.dirname, 'subject/receiver.ts')
  const child: ChildProcess = fork(file, [kind, secret], { execArgv: ['--import', 'tsx'] })
  const [port] = (await once(child, 'message')) as [number]
  const deliverer = new Deliverer({ port, secret, connections })
  return {
    name,
    pid: child.pid ?? 0,
    deliverer,
    async close() {
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  }
}

async function start(
  name: string,
  { plugins, env, databaseUrl }: { plugins: Files; env: object; databaseUrl: string | undefined },
): Promise<Subject> {
  const api = await startFakeBotApi()
  const bot = new Bot({
    api,
    env: {
      UPDATES: 'webhook',
      // the fake has nothing to deliver
      WEBHOOK_URL: 'http://127.0.0.1:9',
      WEBHOOK_SECRET: secret,
      PLUGINS_WATCH: 'false',
      // a thousand people at thousands of updates a second: each is counted, nobody refused
      RATE_LIMIT_PERSON: '100000/1m',
      ...env,
    },
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
  })
  writeFiles(bot.plugins, plugins)
  await bot.start()
  const deliverer = new Deliverer({ port: bot.port, secret, connections })
  return {
    name,
    pid: bot.pid,
    deliverer,
    async close() {
      await bot.stop()
      await api.close()
    },
  }
}

/** The first-party plugins stay out: they would log and look people up. */
function ours(name: string, databaseUrl?: string): Promise<Subject> {
  const plugins = { ...gate, ...echo }
  const env = { PLUGINS_DISABLED: [...firstParty, ...others].join(',') }
  return start(name, { plugins, env, databaseUrl })
}

/** With those of them that see each update, and people that they know. */
async function watched(name: string, databaseUrl: string): Promise<Subject> {
  const env = { PLUGINS_DISABLED: others.join(',') }
  const subject = await start(name, { plugins: echo, env, databaseUrl })
  await asked(
    databaseUrl,
    `insert into bot_users (id, telegram_id, first_name, username, language, role, status, metadata, created_at, version)
     select lpad(i::text, 26, '0'), i, 'Anna', 'anna', 'en', 'operator', 'active', '{}', now(), 1
     from generate_series(1, ${chats}) i`,
  )
  return {
    ...subject,
    async close() {
      await subject.close()
      const [row] = await asked(
        databaseUrl,
        `select count(*)::int as rows from message_logs
         where direction = 'in' and outcome = 'done' and command = 'echo'`,
      )
      if (row?.rows !== warmUp + runs * updatesPerRun) {
        throw new Error(`${row?.rows} updates are in the message log as done: it was not measured`)
      }
    },
  }
}

async function asked(url: string, sql: string): Promise<{ rows?: number }[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

async function withDatabases(server: string, work: (urls: readonly string[]) => Promise<void>) {
  const names = [1, 2].map((number) => `opsgram_bench_${process.pid}_${number}`)
  try {
    for (const name of names) await asked(server, `create database ${name}`)
    await work(
      names.map((name) => {
        const url = new URL(server)
        url.pathname = `/${name}`
        return url.href
      }),
    )
  } finally {
    for (const name of names) await asked(server, `drop database if exists ${name} with (force)`)
  }
}

interface Sample {
  readonly cpuUs: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

async function measure({ pid, deliverer }: Subject, updates: number): Promise<Sample> {
  const before = await settledCpuOf(pid)
  const { perSecond, latencies } = await deliverer.send(updates, chats)
  const cpuUs = ((await settledCpuOf(pid)) - before) / updates
  return { cpuUs, perSecond, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
}

async function compare(subjects: readonly Subject[]): Promise<void> {
  for (const subject of subjects) await measure(subject, warmUp)
  const samples = new Map<string, Sample[]>(subjects.map(({ name }) => [name, []]))
  // in turns, so that a busy moment hits all of them
  for (let run = 0; run < runs; run++) {
    for (const subject of subjects) {
      samples.get(subject.name)?.push(await measure(subject, updatesPerRun))
    }
  }
  const of = (name: string, field: keyof Sample) =>
    (samples.get(name) ?? []).map((sample) => sample[field])
  const ratio = (name: string, field: keyof Sample, to: string) =>
    `${(median(of(name, field)) / median(of(to, field))).toFixed(2)}×`
  printTable(
    [
      '',
      'CPU µs an update',
      'to Telegraf',
      'updates/s',
      'to Telegraf',
      'to raw',
      'p50 ms',
      'p99 ms',
    ],
    subjects.map(({ name }) => [
      name,
      spread(of(name, 'cpuUs'), 0),
      ratio(name, 'cpuUs', telegraf),
      spread(of(name, 'perSecond'), 0),
      ratio(name, 'perSecond', telegraf),
      ratio(name, 'perSecond', raw),
      median(of(name, 'p50')).toFixed(1),
      median(of(name, 'p99')).toFixed(1),
    ]),
  )
  const [without, more] = [of(plain, 'cpuUs'), of(full, 'cpuUs')]
  const added = more.map((cpuUs, run) => cpuUs - (without[run] ?? 0))
  if (added.length > 0) console.log(`\nauth and logging add ${spread(added, 0)} µs an update.`)
}

const raw = 'node:http, JSON.parse, 200'
const telegraf = 'Telegraf webhookCallback'
const plain = 'opsgram, PostgreSQL'
const full = 'the same with auth and logging'

async function run([url, watchedUrl]: readonly string[]): Promise<void> {
  const subjects: Subject[] = []
  try {
    subjects.push(await peer(raw, 'raw'))
    subjects.push(await peer(telegraf, 'telegraf'))
    if (url !== undefined) subjects.push(await ours(plain, url))
    if (watchedUrl !== undefined) subjects.push(await watched(full, watchedUrl))
    subjects.push(await ours('opsgram, embedded'))
    await compare(subjects)
  } finally {
    for (const { deliverer, close } of subjects) {
      deliverer.close()
      await close()
    }
  }
}

console.log(
  `\n${updatesPerRun} updates a run over ${connections} connections from ${chats} chats, median [min..max] of ${runs} runs.`,
)
console.log(
  'CPU is that of the Node process alone, user and system, until all is handled; of the embedded database too, as it is in it.',
)
const server = process.env.TEST_DATABASE_URL
if (server === undefined) await run([])
else await withDatabases(server, run)
process.exit()
