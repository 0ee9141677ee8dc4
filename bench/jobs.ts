// Jobs: how many a second are put into the queue and done, how soon one starts, and what kills do to them.
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openDatabase } from '../core/database/connection.ts'
import { startFakeBotApi } from '../core/testing/bot-api/server.ts'
import { freshUrl } from '../test/support/database.ts'
import { sized } from './report/size.ts'
import { quantile, spread } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import { Bot, ownerId } from './subject/bot.ts'
import { type Files, writeFiles } from './subject/folder.ts'
import { quietLog } from './subject/pipeline.ts'

const runs = sized({ small: 1, full: 5 })
const jobs = sized({ small: 300, full: 3_000 })
const alone = sized({ small: 20, full: 200 })
const kills = sized({ small: 2, full: 30 })

/** `row` writes one row, `nothing` nothing; each command answers in the log. */
const plugin: Files = {
  'load/index.ts': `
import { defineEntity, p } from '@mikro-orm/core'
import { definePlugin, ulid } from 'opsgram'
import { z } from 'zod'

const schema = defineEntity({
  name: 'LoadRow',
  tableName: 'load_rows',
  properties: { id: p.string().primary(), job: p.text(), number: p.integer() },
})
class LoadRow extends schema.class {}
schema.setClass(LoadRow)

const kind = z.enum(['nothing', 'row'])
const data = z.object({ number: z.number() })

export default definePlugin({
  name: 'load',
  version: '1.0.0',
  entities: [LoadRow],
  setup: (scope) => ({ scope, started: 0, startedAt: 0, reached: () => {} }),
  jobs: ({ job }) => {
    const begun = (plugin) => {
      plugin.startedAt = performance.now()
      if (++plugin.started === plugin.goal) plugin.reached()
    }
    return {
      nothing: job({ data, concurrency: 64, run: ({ plugin }) => begun(plugin) }),
      row: job({
        data,
        concurrency: 64,
        retry: { limit: 100, delayMs: 1_000, maxDelayMs: 1_000 },
        run({ plugin, em, job }, { number }) {
          begun(plugin)
          em.create(LoadRow, { id: ulid(), job: job.id, number })
        },
      }),
    }
  },
  commands: ({ command }) => ({
    load: command({
      description: 'Puts jobs into the queue, many at a time',
      args: z.object({ kind, count: z.number(), from: z.number().default(0) }),
      run({ plugin, log }, { kind, count, from }) {
        const all = new Promise((resolve) => { Object.assign(plugin, { started: 0, goal: count, reached: resolve }) })
        const began = performance.now()
        let next = from
        const send = async () => {
          while (next < from + count) await plugin.scope.enqueue(kind, { number: next++ })
        }
        void Promise.all(Array.from({ length: 32 }, send)).then(async () => {
          const sentMs = performance.now() - began
          log.info('load.sent', {})
          await all
          log.info('load.done', { sentMs, doneMs: performance.now() - began })
        })
      },
    }),
    latency: command({
      description: 'One job after another',
      args: z.object({ count: z.number() }),
      async run({ plugin, log }, { count }) {
        const ms = []
        for (let number = 0; number < count; number++) {
          const begun = new Promise((resolve) => { Object.assign(plugin, { started: 0, goal: 1, reached: resolve }) })
          await plugin.scope.enqueue('nothing', { number })
          const committed = performance.now()
          await begun
          ms.push(Math.max(0, plugin.startedAt - committed))
        }
        log.info('load.latency', { ms })
      },
    }),
  }),
})
`,
  'load/migrations/0001_rows.ts': `
import { Migration } from '@mikro-orm/migrations'
export default class Rows extends Migration {
  override up() {
    this.addSql('create table load_rows (id varchar(26) primary key, job text not null, number int not null)')
  }
}
`,
}

const api = await startFakeBotApi()
const owner = api.user({ id: ownerId })

async function measure(name: string, databaseUrl?: string): Promise<string[]> {
  const bot = new Bot({ api, ...(databaseUrl === undefined ? {} : { databaseUrl }) })
  writeFiles(bot.plugins, plugin)
  await bot.start()
  const ask = async (command: string, event: string) => {
    const line = bot.line((each) => each.event === event, 120_000)
    owner.sendText(command)
    return line
  }
  const rates: Record<'sent' | 'nothing' | 'row', number[]> = { sent: [], nothing: [], row: [] }
  for (let run = 0; run <= runs; run++) {
    for (const kind of ['nothing', 'row'] as const) {
      const { sentMs, doneMs } = await ask(`/load ${kind} ${jobs}`, 'load.done')
      // the first one warms up
      if (run === 0) continue
      rates[kind].push((jobs / Number(doneMs)) * 1_000)
      if (kind === 'nothing') rates.sent.push((jobs / Number(sentMs)) * 1_000)
    }
  }
  const { ms } = await ask(`/latency ${alone}`, 'load.latency')
  const latencies = ms as number[]
  await bot.stop()
  return [
    name,
    spread(rates.sent, 0),
    spread(rates.nothing, 0),
    spread(rates.row, 0),
    quantile(latencies, 0.5).toFixed(1),
    quantile(latencies, 0.95).toFixed(1),
  ]
}

/** Kills the process again and again while it works. @returns how many jobs are lost, and done twice */
async function killed(name: string, databaseUrl?: string): Promise<string[]> {
  const bot = new Bot({ api, ...(databaseUrl === undefined ? {} : { databaseUrl }) })
  writeFiles(bot.plugins, plugin)
  let sent = 0
  for (let kill = 0; kill < kills; kill++) {
    await bot.start()
    const line = bot.line((each) => each.event === 'load.sent', 60_000)
    owner.sendText(`/load row 50 ${sent}`)
    await line
    sent += 50
    await sleep(Math.random() * 60)
    await bot.kill()
  }
  await bot.start()
  // what was running when it was killed is run again a second later
  await sleep(sized({ small: 8_000, full: 20_000 }))
  await bot.stop()
  const rows = await rowsOf(bot, databaseUrl)
  const numbers = new Set(rows.map(({ number }) => number))
  const twice = rows.length - new Set(rows.map(({ job }) => job)).size
  return [name, `${sent}`, `${kills}`, `${sent - numbers.size}`, `${twice}`]
}

async function rowsOf(bot: Bot, url: string | undefined) {
  const dir = path.join(bot.dataDir, 'database')
  const database = await openDatabase({ url, dir, log: quietLog() })
  try {
    // one by one: an update that asked for them may have been repeated, and its jobs are others then
    return await database.query<{ job: string; number: number }>(
      'select job, number from load_rows',
    )
  } finally {
    await database.close()
  }
}

const onServer = process.env.TEST_DATABASE_URL !== undefined
const speeds = [await measure('embedded')]
if (onServer) speeds.push(await measure('PostgreSQL', await freshUrl()))
else console.log('No PostgreSQL: set TEST_DATABASE_URL.')
printTable(
  ['database', 'put/s', 'done/s', 'done/s, with a row', 'commit to start p50, ms', 'p95, ms'],
  speeds,
)
const deaths = [await killed('embedded')]
if (onServer) deaths.push(await killed('PostgreSQL', await freshUrl()))
printTable(['database', 'jobs', 'kills', 'lost', 'completed twice'], deaths)
await api.close()
process.exit()
