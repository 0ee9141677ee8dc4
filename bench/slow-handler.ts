// One handler takes 5 s, all the time another: how many updates of all other chats are answered as soon as without it.
import { setTimeout as delay } from 'node:timers/promises'
import { freshUrl } from '../test/support/database.ts'
import { sized } from './report/size.ts'
import { median, quantile } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import { ours, type Polled, peer } from './subject/polled.ts'

const runs = sized({ small: 1, full: 5 })
const seconds = sized({ small: 6, full: 20 })
const perSecond = 200
const people = 1_000
/** As long as the handler takes: one is always at it. */
const slowEveryMs = 5_000

const server = process.env.TEST_DATABASE_URL
const makers = [
  () => peer('Telegraf, launch', 'telegraf'),
  () => peer('grammY, runner', 'grammy'),
  ...(server === undefined ? [] : [async () => ours('opsgram, PostgreSQL', await freshUrl())]),
  () => ours('opsgram, embedded'),
]

interface Sample {
  readonly without: readonly number[]
  readonly beside: readonly number[]
}

const order = { count: perSecond * seconds, people, perSecond }

/** Without and beside it, by turns, so that a busy moment hits both. */
async function measure({ push }: Polled): Promise<Sample> {
  const before = (await push(order)).waits
  const beside = (await push({ ...order, slowEveryMs })).waits
  // the last of them is at it still
  await delay(slowEveryMs + 1_000)
  const after = (await push(order)).waits
  return { without: [...before, ...after], beside }
}

/** How many of them took no longer than the slowest without it, %. */
function asSoon({ without, beside }: Sample): number {
  const slowest = Math.max(...without)
  return (beside.filter((ms) => ms <= slowest).length / beside.length) * 100
}

const rows: string[][] = []
for (const make of makers) {
  const subject = await make()
  await subject.push(order)
  const samples: Sample[] = []
  for (let run = 0; run < runs; run++) samples.push(await measure(subject))
  await subject.close()
  const of = (which: keyof Sample, q: number) =>
    median(samples.map((sample) => quantile(sample[which], q))).toFixed(1)
  const shares = samples.map(asSoon)
  rows.push([
    subject.name,
    ...[0.5, 0.99, 1].map((q) => of('without', q)),
    ...[0.5, 0.99, 1].map((q) => of('beside', q)),
    `${median(shares).toFixed(2)} [${Math.min(...shares).toFixed(2)}..]`,
  ])
}
console.log(
  `\n${perSecond} updates a second of ${people} people for ${seconds} s, median of ${runs} runs: ms from an update’s arrival at Telegram to that of its answer; without a slow handler, and beside one that takes 5 s and is followed by the next.`,
)
printTable(
  [
    '',
    'without: p50',
    'p99',
    'worst',
    'beside it: p50',
    'p99',
    'worst',
    'as soon as the slowest without, %',
  ],
  rows,
)
process.exit()
