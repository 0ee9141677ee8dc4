// From the start of the process to `app.started`, with all first-party plugins.
import { startFakeBotApi } from '../core/testing/bot-api/server.ts'
import { freshUrl } from '../test/support/database.ts'
import { sized } from './report/size.ts'
import { spread } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import { Bot, type Started } from './subject/bot.ts'

const runs = sized({ small: 1, full: 7 })

const api = await startFakeBotApi()

interface Case {
  name: string
  tsx: boolean
  postgres: boolean
}

/** The first start on an empty database, and the second. */
async function measure({ tsx, postgres }: Case): Promise<{ cold: Started; warm: Started }> {
  const bot = new Bot({ api, tsx, ...(postgres && { databaseUrl: await freshUrl() }) })
  const cold = await bot.start()
  await bot.stop()
  const warm = await bot.start()
  await bot.stop()
  return { cold, warm }
}

const cases: Case[] = [
  { name: 'embedded', tsx: true, postgres: false },
  ...(process.env.TEST_DATABASE_URL ? [{ name: 'PostgreSQL', tsx: true, postgres: true }] : []),
  { name: "embedded, Node's own type stripping", tsx: false, postgres: false },
]

const rows: string[][] = []
for (const one of cases) {
  const results: { cold: Started; warm: Started }[] = []
  for (let run = 0; run < runs; run++) results.push(await measure(one))
  for (const state of ['warm', 'cold'] as const) {
    const cell = (of: (started: Started) => number) =>
      spread(
        results.map((result) => of(result[state])),
        0,
      )
    rows.push([
      one.name,
      state,
      cell(({ ms }) => ms),
      cell(({ ms, ownMs }) => ms - ownMs),
      cell(({ ownMs }) => ownMs),
    ])
  }
}
console.log(
  `\nms, median [min..max] of ${runs} starts of each kind; "cold" is an empty database, which is migrated.`,
)
if (!process.env.TEST_DATABASE_URL) console.log('No PostgreSQL: set TEST_DATABASE_URL.')
printTable(['database', 'state', 'to app.started', 'loading code', 'from createApp'], rows)
await api.close()
process.exit()
