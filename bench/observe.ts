// What it costs to watch the bot: logging, metrics and the performance plugin, by what updates cost with and without
// them; and how long /metrics takes with fifty plugins.
import { readdirSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { Metrics } from '../core/http/metrics/metrics.ts'
import { startFakeBotApi } from '../core/testing/bot-api/server.ts'
import { sized } from './report/size.ts'
import { median, quantile, spread } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import { Bot } from './subject/bot.ts'
import { settledCpuOf } from './subject/cpu.ts'
import { Deliverer } from './subject/deliverer.ts'
import { type Files, writeFiles } from './subject/folder.ts'

const runs = sized({ small: 3, full: 5 })
const updatesPerRun = sized({ small: 3_000, full: 6_000 })
const warmUp = sized({ small: 4_000, full: 10_000 })
const looks = sized({ small: 20, full: 200 })
const connections = 50
const chats = 1_000
const fifty = 50
const secret = 'bench-secret'
const token = 'bench-metrics-token'
const scrapeEveryMs = 1_000

const gate: Files = {
  'gate/index.ts': `
import { Authenticator, Authorizer, definePlugin } from 'opsgram'
const actor = { kind: 'user', id: '1', telegramId: 7, name: 'U', role: 'operator' } as const
export default definePlugin({
  name: 'gate',
  version: '1.0.0',
  async setup(scope) {
    // rows of the message log refer to it
    await scope.em().execute("insert into bot_users (id, telegram_id, role, status) values ('1', 7, 'operator', 'active') on conflict do nothing")
    return {
      authenticator: { authenticate: async () => ({ admitted: true, actor }) },
      authorizer: { permissionsOf: async () => () => true },
    }
  },
  provides: { authenticator: Authenticator, authorizer: Authorizer },
})
`,
}

/** Each update goes to a command of one of them. */
function echoes(count: number): Files {
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `echo${i}/index.ts`,
      `
import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'echo${i}',
  version: '1.0.0',
  commands: ({ command }) => ({ echo${i === 0 ? '' : i}: command({ description: 'x', run: async () => {} }) }),
})
`,
    ]),
  )
}

interface Subject {
  readonly name: string
  readonly bot: Bot
  readonly deliverer: Deliverer
  /** Whether somebody scrapes /metrics meanwhile. */
  readonly scraped: boolean
  close(): Promise<void>
}

const firstParty = readdirSync(path.resolve(import.meta.dirname, '../plugins'))

async function start(
  name: string,
  options: {
    watch: readonly string[]
    scraped?: boolean
    plugins?: Files
    databaseUrl: string | undefined
  },
): Promise<Subject> {
  const { watch, scraped = false, plugins = echoes(1), databaseUrl } = options
  const api = await startFakeBotApi()
  const bot = new Bot({
    api,
    env: {
      UPDATES: 'webhook',
      // the fake has nothing to deliver
      WEBHOOK_URL: 'http://127.0.0.1:9',
      WEBHOOK_SECRET: secret,
      METRICS_TOKEN: token,
      PLUGINS_WATCH: 'false',
      PLUGINS_DISABLED: firstParty.filter((plugin) => !watch.includes(plugin)).join(','),
    },
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
  })
  writeFiles(bot.plugins, { ...gate, ...plugins })
  await bot.start()
  const deliverer = new Deliverer({ port: bot.port, secret, connections })
  return {
    name,
    bot,
    deliverer,
    scraped,
    async close() {
      deliverer.close()
      await bot.stop()
      await api.close()
    },
  }
}

interface Sample {
  readonly cpuUs: number
  readonly perSecond: number
}

async function measure({ bot, deliverer, scraped }: Subject, updates: number): Promise<Sample> {
  const scraping = scraped ? setInterval(() => void scrape(bot), scrapeEveryMs) : undefined
  try {
    const before = await settledCpuOf(bot.pid)
    const { perSecond } = await deliverer.send(updates, chats)
    return { cpuUs: ((await settledCpuOf(bot.pid)) - before) / updates, perSecond }
  } finally {
    clearInterval(scraping)
  }
}

/** @returns how long it took, ms, and how much it was, KB */
async function scrape(bot: Bot): Promise<{ ms: number; kb: number }> {
  const began = performance.now()
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(`http://127.0.0.1:${bot.port}/metrics`, { headers })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`/metrics answered ${answer.status}`)
  return { ms: performance.now() - began, kb: text.length / 1_000 }
}

async function compare(databases: readonly (string | undefined)[]): Promise<void> {
  const [bare, logged, all] = databases
  const subjects: Subject[] = []
  try {
    subjects.push(await start(unwatched, { watch: [], databaseUrl: bare }))
    subjects.push(await start('with logging', { watch: ['logging'], databaseUrl: logged }))
    const watch = ['logging', 'performance']
    const name = 'with logging, performance, /metrics once a second'
    subjects.push(await start(name, { watch, scraped: true, databaseUrl: all }))
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
    const base = median(of(unwatched, 'cpuUs'))
    printTable(
      ['', 'CPU µs an update', 'more', 'of a core at 1,000/s', 'updates/s'],
      subjects.map(({ name }) => {
        const more = median(of(name, 'cpuUs')) - base
        return [
          name,
          spread(of(name, 'cpuUs'), 0),
          more.toFixed(0),
          `${(more / 10).toFixed(1)} %`,
          spread(of(name, 'perSecond'), 0),
        ]
      }),
    )
  } finally {
    for (const { close } of subjects) await close()
  }
}

const unwatched = 'without'

/** What the core counts for each update and can't be switched off. */
function countCost(): number {
  const metrics = new Metrics()
  const count = 200_000
  const began = performance.now()
  for (let i = 0; i < count; i++) {
    metrics.updated('echo', 'done', 3)
    metrics.handled('echo', true, 2)
    metrics.called('sendMessage', true, 40)
    metrics.queried(undefined, true, 1)
    metrics.queried(undefined, true, 1)
  }
  return ((performance.now() - began) * 1_000) / count
}

/** The text alone, when all of fifty plugins have handled, asked and failed: processor time, so of no neighbour, ms. */
async function textCost(): Promise<{ ms: number[]; kb: number }> {
  const metrics = new Metrics()
  for (let i = 0; i < fifty; i++) {
    for (const outcome of ['done', 'failed', 'refused']) metrics.updated(`plugin${i}`, outcome, i)
    for (const ok of [true, false]) {
      metrics.handled(`plugin${i}`, ok, i)
      metrics.queried(`plugin${i}`, ok, i)
      metrics.called(`method${i}`, ok, i)
    }
    for (const action of ['load', 'reload']) metrics.reloaded(`plugin${i}`, action, i)
  }
  const ms: number[] = []
  let kb = 0
  for (let look = 0; look < looks; look++) {
    const before = process.cpuUsage()
    kb = (await metrics.text()).length / 1_000
    const { user, system } = process.cpuUsage(before)
    ms.push((user + system) / 1_000)
  }
  return { ms, kb }
}

async function metricsPage(databaseUrl: string | undefined): Promise<void> {
  const plugins = echoes(fifty)
  const text = await textCost()
  const row = (name: string, ms: readonly number[], kb: number) => [
    name,
    quantile(ms, 0.5).toFixed(1),
    quantile(ms, 0.95).toFixed(1),
    String(Math.round(kb)),
  ]
  const subject = await start('', { watch: ['logging', 'performance'], plugins, databaseUrl })
  try {
    await measure(subject, warmUp)
    const found: { ms: number; kb: number }[] = []
    for (let look = 0; look < looks; look++) found.push(await scrape(subject.bot))
    const ms = found.map((one) => one.ms)
    printTable(
      [`/metrics with ${fifty} plugins`, 'p50 ms', 'p95 ms', 'KB'],
      [
        row('asked over HTTP of a bot of which one is used', ms, found.at(-1)?.kb ?? 0),
        row('its text when all of them have been used, processor time', text.ms, text.kb),
      ],
    )
  } finally {
    await subject.close()
  }
}

async function withDatabases(server: string, work: (urls: readonly string[]) => Promise<void>) {
  const names = [1, 2, 3, 4].map((number) => `opsgram_bench_${process.pid}_${number}`)
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  try {
    for (const name of names) await client.query(`create database ${name}`)
    await work(
      names.map((name) => {
        const url = new URL(server)
        url.pathname = `/${name}`
        return url.href
      }),
    )
  } finally {
    for (const name of names) await client.query(`drop database if exists ${name} with (force)`)
    await client.end()
  }
}

console.log(
  `\n${updatesPerRun} updates a run over ${connections} connections from ${chats} chats, median [min..max] of ${runs} runs.\n`,
)
console.log(`Counting alone, in the process: ${countCost().toFixed(1)} µs an update.\n`)
const server = process.env.TEST_DATABASE_URL
if (server === undefined) {
  await compare([undefined, undefined, undefined])
  await metricsPage(undefined)
} else {
  await withDatabases(server, async ([a, b, c, d]) => {
    await compare([a, b, c])
    await metricsPage(d)
  })
}
process.exit()
