// Outgoing calls: what one sendMessage costs the process, against the clients of Telegraf and grammY.
import { Api } from 'grammy'
import { Telegram } from 'telegraf'
import { createGateway } from '../core/telegram/gateway.ts'
import { sized } from './report/size.ts'
import { median, spread } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import { startFakeProcess } from './subject/fake.ts'
import { quietLog } from './subject/pipeline.ts'

const runs = sized({ small: 3, full: 9 })
const callsPerRun = sized({ small: 1_000, full: 5_000 })
const concurrencies = [1, 50]
/** Telegram's limits don't matter here, but calls of one chat would queue in a real bot. */
const chats = 100

const fake = await startFakeProcess()
await fake.meet(chats)
const gateway = createGateway({ token: fake.token, apiRoot: fake.url, log: quietLog() })
const telegraf = new Telegram(fake.token, { apiRoot: fake.url })
const grammy = new Api(fake.token, { apiRoot: fake.url })

type Send = (chat: number) => Promise<unknown>

const ours = 'opsgram: gateway'
const clients: Record<string, Send> = {
  [ours]: (chat) => gateway.telegram.sendMessage(chat, 'echo'),
  'Telegraf client': (chat) => telegraf.sendMessage(chat, 'echo'),
  'grammY Api': (chat) => grammy.sendMessage(chat, 'echo'),
}

interface Sample {
  cpuUs: number
  perSecond: number
}

async function measure(send: Send, concurrency: number): Promise<Sample> {
  // one at a time the waiting dominates, and fewer calls tell as much
  const calls = concurrency === 1 ? callsPerRun / 5 : callsPerRun
  let next = 0
  const cpu = process.cpuUsage()
  const began = performance.now()
  const line = async () => {
    while (next < calls) await send(1 + (next++ % chats))
  }
  await Promise.all(Array.from({ length: concurrency }, line))
  const seconds = (performance.now() - began) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  return { cpuUs: (user + system) / calls, perSecond: calls / seconds }
}

const samples = new Map<string, Sample[]>()
for (let run = 0; run <= runs; run++) {
  for (const concurrency of concurrencies) {
    for (const [name, send] of Object.entries(clients)) {
      const sample = await measure(send, concurrency)
      const key = `${name} ${concurrency}`
      // the first run warms up
      if (run > 0) samples.set(key, [...(samples.get(key) ?? []), sample])
    }
  }
}

const of = (name: string, concurrency: number, field: keyof Sample) =>
  (samples.get(`${name} ${concurrency}`) ?? []).map((sample) => sample[field])
const rows = Object.keys(clients).map((name) => {
  const ratio = median(of(name, 50, 'cpuUs')) / median(of(ours, 50, 'cpuUs'))
  return [
    name,
    spread(of(name, 50, 'cpuUs'), 0),
    `${ratio.toFixed(1)}×`,
    spread(of(name, 50, 'perSecond'), 0),
    spread(of(name, 1, 'cpuUs'), 0),
    spread(of(name, 1, 'perSecond'), 0),
  ]
})
console.log(
  `\nsendMessage to a fake in a process of its own, median [min..max] of ${runs} runs; C calls at a time.`,
)
console.log('CPU is that of the calling process, user and system, µs a call.')
printTable(['client', 'CPU, C=50', 'ratio', 'calls/s, C=50', 'CPU, C=1', 'calls/s, C=1'], rows)
await gateway.close()
await fake.close()
process.exit()
