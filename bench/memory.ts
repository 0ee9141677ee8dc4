// Resident memory of the idle program, and what makes it up. Linux only: it reads /proc.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startFakeBotApi } from '../core/testing/bot-api/server.ts'
import { freshUrl } from '../test/support/database.ts'
import { sized } from './report/size.ts'
import { median, spread } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import { Bot } from './subject/bot.ts'

const runs = sized({ small: 1, full: 3 })
const idleMs = sized({ small: 2_000, full: 5_000 })

function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((other) => {
      if (Number.isNaN(other)) return false
      try {
        return readFileSync(`/proc/${other}/status`, 'utf8').includes(`\nPPid:\t${pid}\n`)
      } catch {
        return false // it ended meanwhile
      }
    })
}

interface Resident {
  bot: number
  /** The compiler that waits for the next save. */
  children: number
}

const api = await startFakeBotApi()

async function idle(options: { tsx: boolean; postgres: boolean }): Promise<Resident> {
  const { tsx, postgres } = options
  const bot = new Bot({ api, tsx, ...(postgres && { databaseUrl: await freshUrl() }) })
  await bot.start()
  // the first start makes the database, which isn't its usual state
  await bot.stop()
  await bot.start()
  await sleep(idleMs)
  const children = childrenOf(bot.pid).map(residentMb)
  const result = {
    bot: residentMb(bot.pid),
    children: children.reduce((sum, mb) => sum + mb, 0),
  }
  await bot.stop()
  return result
}

async function steps(tsx: boolean): Promise<{ name: string; mb: number }[]> {
  const child = fork(path.resolve(import.meta.dirname, 'subject/imports.ts'), [], {
    execArgv: tsx ? ['--import', 'tsx'] : [],
  })
  // the only thing it says; its own type
  const [said] = (await once(child, 'message')) as [{ name: string; mb: number }[]]
  await once(child, 'exit')
  return said
}

const hasServer = Boolean(process.env.TEST_DATABASE_URL)
const cases = [
  ...(hasServer ? [{ name: 'PostgreSQL', tsx: true, postgres: true }] : []),
  ...(hasServer ? [{ name: 'PostgreSQL, type stripping', tsx: false, postgres: true }] : []),
  { name: 'embedded', tsx: true, postgres: false },
  { name: 'embedded, type stripping', tsx: false, postgres: false },
]
const rows: string[][] = []
for (const { name, ...options } of cases) {
  const results: Resident[] = []
  for (let run = 0; run < runs; run++) results.push(await idle(options))
  rows.push([
    name,
    spread(
      results.map(({ bot }) => bot),
      0,
    ),
    spread(
      results.map(({ children }) => children),
      0,
    ),
  ])
}
console.log(
  `\nResident memory in MB ${idleMs / 1_000} s after app.started, median [min..max] of ${runs} starts.`,
)
if (!hasServer) console.log('No PostgreSQL: set TEST_DATABASE_URL.')
printTable(['database', 'the bot', "esbuild's process"], rows)

const withTsx: { name: string; mb: number }[][] = []
const stripped: { name: string; mb: number }[][] = []
for (let run = 0; run < runs; run++) {
  withTsx.push(await steps(true))
  stripped.push(await steps(false))
}
const mb = (all: typeof withTsx, index: number) => median(all.map((one) => one[index]?.mb ?? 0))
const names = withTsx[0]?.map(({ name }) => name) ?? []
const sum = (all: typeof withTsx) => names.reduce((total, _, index) => total + mb(all, index), 0)
console.log(`What loading the code adds to it, MB after a forced collection, median of ${runs}.`)
printTable(
  ['loaded', 'under tsx', "under Node's type stripping"],
  [
    ...names.map((name, index) => [
      name,
      mb(withTsx, index).toFixed(0),
      mb(stripped, index).toFixed(0),
    ]),
    ['sum', sum(withTsx).toFixed(0), sum(stripped).toFixed(0)],
  ],
)
await api.close()
process.exit()
