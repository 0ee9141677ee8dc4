// Updates by polling, each answered by one message that Telegram takes 50 ms for: how many a second, what one costs,
// and how long it takes when few come. Ours stores each before Telegram forgets it; the others store nothing.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { freshUrl } from '../test/support/database.ts'
import { sized } from './report/size.ts'
import { median, quantile, spread } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import { Bot } from './subject/bot.ts'
import { settledCpuOf } from './subject/cpu.ts'
import { type Files, writeFiles } from './subject/folder.ts'
import type { Push, Pushed } from './subject/slow-api.ts'

const runs = sized({ small: 2, full: 5 })
const updates = sized({ small: 2_000, full: 10_000 })
const calmSeconds = sized({ small: 3, full: 15 })
const people = 1_000
const calmPerSecond = 200
const token = '42:benchmark-of-polling-and-sending-1'

/** Lets everybody in, one command that answers: as the peers have it. */
const plugins: Files = {
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
  'echo/index.ts': `
import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'echo',
  version: '1.0.0',
  commands: ({ command }) => ({ echo: command({ description: 'Answers', run: () => 'pong' }) }),
})
`,
}

interface Subject {
  readonly name: string
  readonly pid: number
  push(order: Push): Promise<Pushed>
  close(): Promise<void>
}

async function startApi(): Promise<{ url: string; child: ChildProcess }> {
  const file = path.resolve(import.meta.dirname, 'subject/slow-api.ts')
  const child = fork(file, [], { execArgv: ['--import', 'tsx'] })
  const [port] = (await once(child, 'message')) as [number]
  return { url: `http://127.0.0.1:${port}`, child }
}

async function push(child: ChildProcess, order: Push): Promise<Pushed> {
  const done = once(child, 'message')
  child.send(order)
  const [pushed] = (await done) as [Pushed]
  return pushed
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.disconnect()
  await exited
}

async function peer(name: string, kind: string): Promise<Subject> {
  const { url, child: api } = await startApi()
  const file = path.resolve(import.meta.dirname, 'subject/poller.ts')
  const child = fork(file, [kind, url, token], { execArgv: ['--import', 'tsx'] })
  await once(child, 'message')
  return {
    name,
    pid: child.pid ?? 0,
    push: (order) => push(api, order),
    async close() {
      await end(child)
      await end(api)
    },
  }
}

async function ours(name: string, databaseUrl?: string): Promise<Subject> {
  const { url, child: api } = await startApi()
  const env = { PLUGINS_WATCH: 'false', NOTICES: 'false' }
  const place = { api: { url, token }, ...(databaseUrl === undefined ? {} : { databaseUrl }) }
  const own = new Bot({ ...place, env })
  writeFiles(own.plugins, plugins)
  // the first-party ones stay out: they would log and look people up
  const bot = new Bot({ ...place, env: { ...env, PLUGINS_DIR: own.plugins } })
  await bot.start()
  return {
    name,
    pid: bot.pid,
    push: (order) => push(api, order),
    async close() {
      await bot.stop()
      await end(api)
    },
  }
}

interface Sample {
  readonly cpuUs: number
  readonly perSecond: number
}

async function measure({ pid, push }: Subject, count: number): Promise<Sample> {
  const before = await settledCpuOf(pid)
  const { ms } = await push({ count, people })
  const cpuUs = ((await settledCpuOf(pid)) - before) / count
  return { cpuUs, perSecond: (count / ms) * 1_000 }
}

const telegraf = 'Telegraf, launch'
const grammy = 'grammY, runner'
const server = process.env.TEST_DATABASE_URL
const makers = [
  () => peer(telegraf, 'telegraf'),
  () => peer(grammy, 'grammy'),
  ...(server === undefined ? [] : [async () => ours('opsgram, PostgreSQL', await freshUrl())]),
  () => ours('opsgram, embedded'),
]

const samples = new Map<string, Sample[]>()
const calm = new Map<string, readonly number[]>()
const subjects: Subject[] = []
for (const make of makers) subjects.push(await make())
for (const subject of subjects) await measure(subject, updates / 2)
// in turns, so that a busy moment hits all of them
for (let run = 0; run < runs; run++) {
  for (const subject of subjects) {
    samples.set(subject.name, [
      ...(samples.get(subject.name) ?? []),
      await measure(subject, updates),
    ])
  }
}
for (const { name, push } of subjects) {
  const order = { count: calmPerSecond * calmSeconds, people, perSecond: calmPerSecond }
  calm.set(name, (await push(order)).latencies)
}
for (const { close } of subjects) await close()

const of = (name: string, field: keyof Sample) =>
  (samples.get(name) ?? []).map((sample) => sample[field])
const ratio = (name: string, field: keyof Sample, to: string) =>
  `${(median(of(name, field)) / median(of(to, field))).toFixed(2)}×`
const late = (name: string, q: number) => quantile(calm.get(name) ?? [], q).toFixed(1)
console.log(
  `\n${updates} updates of ${people} people at once, median [min..max] of ${runs} runs; then ${calmPerSecond} a second for ${calmSeconds} s: ms from handing an update out to the arrival of its answer.`,
)
printTable(
  [
    '',
    'updates/s',
    'to Telegraf',
    'to grammY',
    'CPU µs an update',
    'to grammY',
    'p50 ms',
    'p99 ms',
  ],
  subjects.map(({ name }) => [
    name,
    spread(of(name, 'perSecond'), 0),
    ratio(name, 'perSecond', telegraf),
    ratio(name, 'perSecond', grammy),
    spread(of(name, 'cpuUs'), 0),
    ratio(name, 'cpuUs', grammy),
    late(name, 0.5),
    late(name, 0.99),
  ]),
)
process.exit()
