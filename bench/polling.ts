// Updates by polling, each answered by one message that Telegram takes 50 ms for: how many a second, what one costs,
// and how long it takes when few come. Ours stores each before Telegram forgets it; the others store nothing.
import { freshUrl } from '../test/support/database.ts'
import { sized } from './report/size.ts'
import { median, quantile, spread } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import { settledCpuOf } from './subject/cpu.ts'
import { ours, type Polled, peer } from './subject/polled.ts'

const runs = sized({ small: 2, full: 5 })
const updates = sized({ small: 2_000, full: 10_000 })
const calmSeconds = sized({ small: 3, full: 15 })
const people = 1_000
const calmPerSecond = 200

interface Sample {
  readonly cpuUs: number
  readonly perSecond: number
}

async function measure({ pid, push }: Polled, count: number): Promise<Sample> {
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
const subjects: Polled[] = []
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
