// Hooks: how many requests a second are answered once they are durable, and how soon all of them are handled.
import { createHmac } from 'node:crypto'
import { Agent, request } from 'undici'
import { startFakeBotApi } from '../core/testing/bot-api/server.ts'
import { freshUrl } from '../test/support/database.ts'
import { sized } from './report/size.ts'
import { quantile, spread } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import { Bot, ownerId } from './subject/bot.ts'
import { type Files, writeFiles } from './subject/folder.ts'

const runs = sized({ small: 1, full: 5 })
const requests = sized({ small: 500, full: 4_000 })
const connections = 50
/** A flood of one sender is limited. */
const hooks = ['a', 'b', 'c', 'd', 'e'] as const
const secret = 'a secret of this benchmark'

/** Counts what is handled, and says when it was all. */
const plugin: Files = {
  'load/index.ts': `
import { definePlugin, hmac } from 'opsgram'
import { z } from 'zod'

let handled = 0
const goal = ${requests}

export default definePlugin({
  name: 'load',
  version: '1.0.0',
  hooks: ({ hook }) => Object.fromEntries(${JSON.stringify(hooks)}.map((name) => [name, hook({
    verify: hmac('sha256', 'X-Signature', { delivery: 'X-Delivery' }),
    secret: () => ${JSON.stringify(secret)},
    body: z.object({ number: z.number() }),
    concurrency: 64,
    run({ log }) {
      if (++handled % goal === 0) log.info('load.handled', {})
    },
  })])),
})
`,
}

const api = await startFakeBotApi()
api.user({ id: ownerId })

async function measure(name: string, databaseUrl?: string): Promise<string[]> {
  const bot = new Bot({ api, ...(databaseUrl === undefined ? {} : { databaseUrl }) })
  writeFiles(bot.plugins, plugin)
  await bot.start()
  const agent = new Agent({ connections, pipelining: 1 })
  const taken: number[] = []
  const handled: number[] = []
  const latencies: number[] = []
  let number = 0
  for (let run = 0; run <= runs; run++) {
    const all = bot.line(({ event }) => event === 'load.handled', 120_000)
    const last = number + requests
    const send = async (): Promise<void> => {
      while (number < last) {
        const mine = number++
        const body = JSON.stringify({ number: mine, text: 'x'.repeat(500) })
        const sent = performance.now()
        const { statusCode, body: answer } = await request(
          `http://127.0.0.1:${bot.port}/hooks/load/${hooks[mine % hooks.length]}`,
          {
            dispatcher: agent,
            method: 'POST',
            headers: {
              'content-type': 'application/json',
              'x-signature': createHmac('sha256', secret).update(body).digest('hex'),
              'x-delivery': `delivery-${mine}`,
            },
            body,
          },
        )
        await answer.dump()
        if (statusCode !== 202) throw new Error(`answered ${statusCode}`)
        if (run > 0) latencies.push(performance.now() - sent)
      }
    }
    const began = performance.now()
    await Promise.all(Array.from({ length: connections }, send))
    const takenMs = performance.now() - began
    await all
    // the first one warms up
    if (run === 0) continue
    taken.push((requests / takenMs) * 1_000)
    handled.push((requests / (performance.now() - began)) * 1_000)
  }
  await agent.close()
  await bot.stop()
  return [
    name,
    spread(taken, 0),
    quantile(latencies, 0.5).toFixed(0),
    quantile(latencies, 0.99).toFixed(0),
    spread(handled, 0),
  ]
}

const rows = [await measure('embedded')]
if (process.env.TEST_DATABASE_URL !== undefined) {
  rows.push(await measure('PostgreSQL', await freshUrl()))
} else console.log('No PostgreSQL: set TEST_DATABASE_URL.')
printTable(['database', 'taken/s', 'answer p50, ms', 'p99, ms', 'handled/s'], rows)
await api.close()
process.exit()
