// Instances that are killed, stopped, put to sleep and cut off while updates come: what is lost, done twice or out of
// order, and how soon all is done again. Ends with 1 when a count isn't 0.
import type { Tick } from '../test/support/ledger.ts'
import { sized } from './report/size.ts'
import { median } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import {
  type Calamity,
  cutDatabase,
  cutRedis,
  kills,
  restartDatabase,
  rollingRestarts,
  sleepers,
  switchTo,
} from './subject/calamities.ts'
import { Cluster } from './subject/cluster.ts'
import { type Delivery, Fleet } from './subject/fleet.ts'
import { startRedis } from './subject/redis.ts'

type Step = (fleet: Fleet) => Promise<Calamity>

const times = (full: number) => sized({ small: 1, full })
const killed =
  (by: Delivery, full: number): Step =>
  (fleet) =>
    kills(fleet, by, times(full))
const switched =
  (to: Delivery): Step =>
  (fleet) =>
    switchTo(fleet, to)

/** Done again so soon after the last kill where others take over, and after its next start where nobody does, ms. */
const limitMs = { alone: 3_000, together: 5_000 }

const embedded: readonly Step[] = [
  killed('polling', 18),
  switched('webhook'),
  killed('webhook', 12),
]
/** By the number of instances, from 1 on. */
const postgres: readonly (readonly Step[])[] = [
  [killed('polling', 20), switched('webhook'), killed('webhook', 14)],
  [
    killed('polling', 18),
    (fleet) => rollingRestarts(fleet, 'polling', times(2)),
    (fleet) => sleepers(fleet, 'polling', times(3)),
    switched('webhook'),
    killed('webhook', 18),
    (fleet) => rollingRestarts(fleet, 'webhook', times(2)),
    (fleet) => sleepers(fleet, 'webhook', times(3)),
    (fleet) => cutRedis(fleet, 'webhook', times(4)),
    switched('polling'),
    (fleet) => cutDatabase(fleet, 'polling', times(6)),
  ],
  [
    killed('polling', 18),
    switched('webhook'),
    killed('webhook', 18),
    (fleet) => cutDatabase(fleet, 'webhook', times(6)),
    (fleet) => restartDatabase(fleet, 'webhook', times(4)),
    switched('polling'),
    (fleet) => restartDatabase(fleet, 'polling', times(4)),
  ],
]

interface Verdict {
  readonly cells: readonly string[]
  readonly isGood: boolean
}

async function judge(fleet: Fleet, calamity: Calamity): Promise<Verdict> {
  const { what, by, times, from, to, isOrderly, recoveries } = calamity
  const tally = await fleet.ledger.tally(from, to)
  const ticks = await fleet.ledger.ticks(from)
  const waits = recoveries.map(({ from, to, since }) =>
    Math.max(0, lastOf(ticks, from, to) - since),
  )
  const isSoon = waits.every(
    (ms) => ms <= (fleet.bots.length === 1 ? limitMs.alone : limitMs.together),
  )
  const { lost, committedTwice, outOfOrder, begunTwice } = tally
  const isGood =
    lost + committedTwice + outOfOrder === 0 &&
    (!isOrderly || begunTwice === 0) &&
    // beside other work, as small rounds are, seconds say nothing
    (isSoon || process.argv[2] !== 'full')
  if (lost > 0) await tellLost(fleet, calamity, ticks)
  const counts = [times, to - from, lost, committedTwice, outOfOrder, begunTwice]
  const spread =
    waits.length === 0 ? '' : `${Math.round(median(waits))} [..${Math.round(Math.max(...waits))}]`
  return { cells: [what, by, ...counts.map(String), spread, isGood ? '' : 'NO'], isGood }
}

/** When the last of them was written; never, if one wasn't. */
function lastOf(ticks: readonly Tick[], from: number, to: number): number {
  const meant = ticks.filter(({ number }) => number >= from && number < to)
  if (new Set(meant.map(({ number }) => number)).size < to - from) return Number.POSITIVE_INFINITY
  return Math.max(...meant.map(({ at }) => at))
}

async function tellLost(
  { ledger }: Fleet,
  { from, to }: Calamity,
  ticks: readonly Tick[],
): Promise<void> {
  const numbers = new Set(ticks.map(({ number }) => number))
  for (let number = from; number < to; number++) {
    if (numbers.has(number)) continue
    const rows = await ledger.query(
      `select update_id, state, tries, error from inbox where payload like '%/tick ${number} %'`,
    )
    console.error(`  lost: ${number}, in the inbox ${JSON.stringify(rows)}`)
  }
}

/** @returns whether nothing went wrong */
async function endure(
  parts: { instances: number; cluster: Cluster | undefined; redisPort: number | undefined },
  steps: readonly Step[],
): Promise<boolean> {
  const fleet = await Fleet.create(parts)
  const calamities: Calamity[] = []
  let failure: unknown
  try {
    fleet.deliverBy('polling')
    await fleet.startAll()
    for (const step of steps) calamities.push(await step(fleet))
  } catch (error) {
    failure = error
  }
  const verdicts: Verdict[] = []
  try {
    fleet.quiet()
    for (const bot of fleet.bots) {
      await fleet.stop(bot).catch((error: unknown) => {
        failure ??= error
      })
    }
    for (const calamity of calamities) verdicts.push(await judge(fleet, calamity))
  } catch (error) {
    failure ??= error
  }
  await fleet.close()
  const { instances, cluster } = parts
  console.log(
    `\n${instances} ${instances === 1 ? 'instance' : 'instances'}, ${cluster === undefined ? 'embedded' : 'PostgreSQL'}`,
  )
  printTable(
    [
      'what',
      'updates by',
      'times',
      'updates',
      'lost',
      'committed twice',
      'out of order',
      'begun twice',
      'done again, ms',
      '',
    ],
    verdicts.map(({ cells }) => cells),
  )
  const isGood = failure === undefined && verdicts.every(({ isGood }) => isGood)
  if (!isGood) console.error(`The instances told:\n${fleet.told.slice(-100).join('\n')}`)
  if (failure !== undefined) console.error('It could not go on:', failure)
  return isGood
}

// what was started ends with the process, unless a signal ends that without a word
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const began = performance.now()
console.log(
  '\nUpdates of 12 chats come all the time, 40 a second; a handler takes 5 ms, one in ten 100 ms, and writes one row.',
)
console.log(
  '"begun twice" has to be 0 where nothing ended without a word: restarts in order, the switch, Redis cut off.',
)
console.log(
  '"done again": median and worst, from the last kill of a burst to the last update done; of one instance alone from its',
)
console.log('next app.started, or from when Telegram, whose pauses grow, brought the last.')
const cluster = await Cluster.start()
const redisPort = await startRedis()
if (redisPort === undefined) console.log('Redis is not installed: each instance has its own store.')
let isGood = await endure({ instances: 1, cluster: undefined, redisPort: undefined }, embedded)
if (cluster === undefined) {
  console.log('PostgreSQL is not installed (apt-get install postgresql): its rounds are left out.')
  isGood &&= process.argv[2] !== 'full'
}
for (const instances of cluster === undefined ? [] : sized({ small: [2], full: [1, 2, 3] })) {
  const steps = postgres[instances - 1] ?? []
  isGood = (await endure({ instances, cluster, redisPort }, steps)) && isGood
}
await cluster?.stop()
console.log(`${Math.round((performance.now() - began) / 1_000)} s in all.`)
process.exit(isGood ? 0 : 1)
