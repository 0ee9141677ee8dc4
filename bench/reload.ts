// From the save of a plugin file to the new version live, through the watcher of a real process with
// all first-party plugins; and to the first answer of the new version.
import { setTimeout as sleep } from 'node:timers/promises'
import { startFakeBotApi } from '../core/testing/bot-api/server.ts'
import { sized } from './report/size.ts'
import { quantile } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import { Bot, ownerId } from './subject/bot.ts'
import { commandPlugin } from './subject/commands.ts'
import { EditedPlugin } from './subject/edited-plugin.ts'
import { writeFiles } from './subject/folder.ts'

const warmUps = sized({ small: 5, full: 20 })
const saves = sized({ small: 15, full: 150 })

interface Sample {
  /** From the write to the log line of the commit, ms. */
  live: number
  /** From the write to the arrival of the new answer at Telegram, ms; one update's way is part of it. */
  answered: number
  /** What the transaction itself took, as it says: plan, build, evaluate, check, compose, set up, ms. */
  transaction: number
}

async function measure(options: { entity: boolean; others: number }): Promise<Sample[]> {
  const api = await startFakeBotApi()
  const owner = api.user({ id: ownerId })
  const bot = new Bot({ api })
  for (let i = 0; i < options.others; i++) {
    writeFiles(bot.plugins, {
      [`other${i}/index.ts`]: commandPlugin(`other${i}`, i * 10, i * 10 + 10),
    })
  }
  const plugin = new EditedPlugin(bot.plugins, { name: 'edited', entity: options.entity })
  const samples: Sample[] = []
  try {
    await bot.start()
    for (let version = 1; version <= warmUps + saves; version++) {
      const committed = bot.line(
        ({ event, ...fields }) =>
          event === 'plugin.reload.committed' && fields.plugin === plugin.name,
      )
      const began = performance.now()
      plugin.save(version)
      const { ms } = await committed
      const live = performance.now() - began
      const answer = api.next('message', (message) => message.byBot)
      owner.sendText(`/${plugin.name}`)
      const { text } = await answer
      const answered = performance.now() - began
      if (text !== `answer ${version}`) throw new Error(`version ${version} answered "${text}"`)
      if (version > warmUps) samples.push({ live, answered, transaction: Number(ms) })
      // at another point of the program's own rhythm each time
      await sleep(30 + Math.random() * 40)
    }
  } finally {
    await bot.stop()
    await api.close()
  }
  return samples
}

const cases = [
  { name: '8 files, zod, 2 locales', entity: false, others: 0 },
  { name: 'the same with an entity and a migration', entity: true, others: 0 },
  { name: 'the first beside 12 more plugins', entity: false, others: 12 },
  { name: 'the first beside 50 more plugins', entity: false, others: 50 },
]
const rows: string[][] = []
for (const { name, ...options } of cases) {
  const samples = await measure(options)
  const cell = (of: (sample: Sample) => number) =>
    [0.5, 0.95].map((q) => quantile(samples.map(of), q).toFixed(0)).join(' / ')
  rows.push([
    name,
    cell(({ live }) => live),
    cell(({ answered }) => answered),
    cell(({ transaction }) => transaction),
    cell(({ live, transaction }) => live - transaction),
  ])
}
console.log(
  `\nms, p50 / p95 of ${saves} saves. "live" is from write() to the log line of the commit, "answered" to`,
)
console.log(
  'the first answer of the new version: an update is sent at the commit. "seen" is what is not in the',
)
console.log('transaction: the watcher, 15 ms of quiet, and the log line on its way.')
printTable(['plugin', 'live', 'answered', 'transaction', 'seen'], rows)
process.exit()
