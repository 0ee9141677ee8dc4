import type { FakeBotApiOptions } from './api.ts'
import type { FaultSpec } from './faults.ts'
import { startFakeBotApi } from './server.ts'

/** What a bench says to a fake in a process of its own. */
export type ToFake =
  | { type: 'push'; count: number; chats: number; text: string }
  | { type: 'fault'; fault: FaultSpec }
  | { type: 'clear-faults' }
  | { type: 'stats' }
  | { type: 'exit' }

/** What the fake says back: once when it listens, then once for each message. */
export type FromFake =
  | { type: 'ready'; url: string; token: string }
  | { type: 'done' }
  | {
      type: 'stats'
      pending: number
      confirmed: number
      counts: Readonly<Record<string, number>>
      /** Microseconds of CPU since the start. */
      cpuUs: number
      rssBytes: number
    }

/**
 * The child's part: `fork('core/testing/bot-api/process.ts', [JSON.stringify(options)])`. It ends
 * when its parent does.
 */
async function run(options: FakeBotApiOptions): Promise<void> {
  const api = await startFakeBotApi({ journalLimit: 1_000, historyLimit: 100, ...options })
  const say = (message: FromFake) => process.send?.(message)
  const people = new Map<number, ReturnType<typeof api.user>>()
  process.on('disconnect', () => process.exit(0))
  process.on('message', (message: ToFake) => {
    switch (message.type) {
      case 'push':
        for (let i = 0; i < message.count; i++) {
          const id = 1 + (i % message.chats)
          let person = people.get(id)
          if (!person) {
            person = api.user({ id })
            people.set(id, person)
          }
          person.sendText(message.text)
        }
        return say({ type: 'done' })
      case 'fault':
        api.faults.add(message.fault)
        return say({ type: 'done' })
      case 'clear-faults':
        api.faults.clear()
        return say({ type: 'done' })
      case 'stats': {
        const { user, system } = process.cpuUsage()
        return say({
          type: 'stats',
          pending: api.pending,
          confirmed: api.confirmed,
          counts: api.journal.counts,
          cpuUs: user + system,
          rssBytes: process.memoryUsage.rss(),
        })
      }
      default:
        process.exit(0)
    }
  })
  say({ type: 'ready', url: api.url, token: api.token })
}

if (process.send && import.meta.main) {
  // The parent made this text from the same type.
  await run(JSON.parse(process.argv[2] ?? '{}') as FakeBotApiOptions)
}
