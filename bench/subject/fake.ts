import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { FromFake, ToFake } from '../../core/testing/bot-api/process.ts'

/** The fake Bot API in a process of its own, so that its work and memory aren't counted as ours. */
export interface FakeProcess {
  readonly url: string
  readonly token: string
  /** People 1 to `count` write to the bot, so that it may write to them. */
  meet(count: number): Promise<void>
  close(): Promise<void>
}

export async function startFakeProcess(): Promise<FakeProcess> {
  const file = path.resolve(import.meta.dirname, '../../core/testing/bot-api/process.ts')
  const child: ChildProcess = fork(file, ['{}'], { execArgv: ['--import', 'tsx'] })
  // the first thing it says; its own type
  const [ready] = (await once(child, 'message')) as [FromFake]
  if (ready.type !== 'ready') throw new Error(`the fake said ${ready.type}`)
  return {
    url: ready.url,
    token: ready.token,
    async meet(count) {
      const done = once(child, 'message')
      child.send({ type: 'push', count, chats: count, text: 'hello' } satisfies ToFake)
      await done
    },
    async close() {
      const exited = once(child, 'exit')
      child.send({ type: 'exit' } satisfies ToFake)
      await exited
    },
  }
}
