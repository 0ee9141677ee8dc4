// What reloads leave behind: heap, resident memory and database connections over thousands of them, in the
// real app with all first-party plugins, after forced collections. With DATABASE_URL on that PostgreSQL database.
import path from 'node:path'
import pg from 'pg'
import { createApp } from '../core/app.ts'
import { loadConfig } from '../core/configuration.ts'
import { freshFolder } from '../test/support/folders.ts'
import { sized } from './report/size.ts'
import { slope } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import { ownerId } from './subject/bot.ts'
import { EditedPlugin } from './subject/edited-plugin.ts'
import { startFakeProcess } from './subject/fake.ts'
import { type Memory, settledMemory } from './subject/heap.ts'
import { quietLog } from './subject/pipeline.ts'

const reloads = sized({ small: 200, full: 5_000 })
const every = reloads / 20
/** The slope is that of the last ones. */
const lateReloads = (reloads * 2) / 5
const shownAt = [0, reloads / 10, reloads / 2, reloads]

const databaseUrl = process.env.DATABASE_URL
const fake = await startFakeProcess()
const folder = freshFolder()
const plugins = path.join(folder, 'plugins')
const cases = [
  {
    title: '8 files, zod, 2 locales',
    plugin: new EditedPlugin(plugins, { name: 'plain', entity: false }),
  },
  {
    title: 'the same with an entity',
    plugin: new EditedPlugin(plugins, { name: 'stored', entity: true }),
  },
]
const { config } = loadConfig({
  BOT_TOKEN: fake.token,
  TELEGRAM_API_ROOT: fake.url,
  ADMIN_IDS: String(ownerId),
  HTTP_PORT: '0',
  ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
  DATA_DIR: path.join(folder, 'data'),
  PLUGINS_DIR: `${path.resolve(import.meta.dirname, '../plugins')},${plugins}`,
  // the same transaction, without 20 ms of waiting for quiet before each
  PLUGINS_WATCH: 'false',
})
const app = await createApp(config, { log: quietLog(), version: '1.0.0' })

interface Point extends Memory {
  x: number
  /** Of the app to PostgreSQL. */
  connections: number | undefined
}

async function measure(plugin: EditedPlugin): Promise<Point[]> {
  const points: Point[] = [await pointAt(0)]
  for (let version = 1; version <= reloads; version++) {
    plugin.save(version)
    const outcome = await app.plugins.reload(plugin.name)
    if (!outcome.ok) throw new Error(JSON.stringify(outcome))
    if (version % every === 0) points.push(await pointAt(version))
  }
  return points
}

async function pointAt(x: number): Promise<Point> {
  return { x, ...(await settledMemory()), connections: await connections() }
}

async function connections(): Promise<number | undefined> {
  if (databaseUrl === undefined) return undefined
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ count: number }>(
      'select count(*)::int as count from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
    return rows[0]?.count
  } finally {
    await client.end()
  }
}

/** How many versions of a plugin can still be reached; after a collection, so it should be one. */
function reachable(name: string): number {
  const instances: unknown = Reflect.get(globalThis, 'opsgramInstances')
  const refs: unknown = instances instanceof Map ? instances.get(name) : undefined
  const all: unknown[] = Array.isArray(refs) ? refs : []
  return all.filter((ref) => ref instanceof WeakRef && ref.deref() !== undefined).length
}

const rows: string[][] = []
for (const { title, plugin } of cases) {
  const points = await measure(plugin)
  const late = points.filter(({ x }) => x >= reloads - lateReloads)
  const kbEach = slope(late.map(({ x, heapMb }) => ({ x, y: heapMb * 1024 })))
  const shown = shownAt.map((x) => points.find((point) => point.x === x)?.heapMb.toFixed(1) ?? '')
  const course = (figure: (point: Point) => string) =>
    points
      .filter(({ x }) => shownAt.includes(x))
      .map(figure)
      .join(' → ')
  rows.push([
    title,
    ...shown,
    kbEach.toFixed(2),
    course(({ rssMb }) => rssMb.toFixed(0)),
    databaseUrl === undefined ? '' : course((point) => String(point.connections)),
    String(reachable(plugin.name)),
  ])
}
console.log(
  `\nHeap in MB after so many reloads; the slope is that of the last ${lateReloads}, by least squares.`,
)
printTable(
  [
    'plugin',
    ...shownAt.map((x) => `after ${x}`),
    'KB a reload',
    'RSS, MB, after the same',
    'connections',
    'versions in reach',
  ],
  rows,
)
await app.stop()
await fake.close()
process.exit()
