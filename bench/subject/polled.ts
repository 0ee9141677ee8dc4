import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { Bot } from './bot.ts'
import { type Files, writeFiles } from './folder.ts'
import type { Push, Pushed } from './slow-api.ts'

/** A program that polls a Bot API of its own and answers commands. */
export interface Polled {
  readonly name: string
  readonly pid: number
  /** Has updates come, and waits until all of them are answered. */
  push(order: Push): Promise<Pushed>
  close(): Promise<void>
}

const token = '42:benchmark-of-polling-and-sending-1'

/** Lets everybody in; one command that answers, one that takes 5 s for it: as the peers have it. */
const plugins: Files = {
  'gate/index.ts': `
import { Authenticator, Authorizer, definePlugin } from 'opsgram'
const actor = { kind: 'user', id: '1', telegramId: 7, name: 'U', role: 'operator' } as const
export default definePlugin({
  name: 'gate',
  version: '1.0.0',
  setup: () => ({
    authenticator: { authenticate: async () => ({ admitted: true, actor }) },
    authorizer: { permissionsOf: async () => () => true },
  }),
  provides: { authenticator: Authenticator, authorizer: Authorizer },
})
`,
  'echo/index.ts': `
import { setTimeout as delay } from 'node:timers/promises'
import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'echo',
  version: '1.0.0',
  commands: ({ command }) => ({
    echo: command({ description: 'Answers', run: () => 'pong' }),
    slow: command({ description: 'Takes its time', run: () => delay(5_000, 'pong') }),
  }),
})
`,
}

/** Others' programs, by the names of poller.ts. */
export async function peer(name: string, kind: 'telegraf' | 'grammy'): Promise<Polled> {
  const { url, child: api } = await startApi()
  const file = path.resolve(import.meta.dirname, 'poller.ts')
  const child = fork(file, [kind, url, token], { execArgv: ['--import', 'tsx'] })
  await once(child, 'message')
  return {
    name,
    pid: child.pid ?? 0,
    push: (order) => push(api, order),
    async close() {
      await end(child)
      await end(api)
    },
  }
}

/** Our program, without first-party plugins: they would log and look people up. */
export async function ours(name: string, databaseUrl?: string): Promise<Polled> {
  const { url, child: api } = await startApi()
  const env = { PLUGINS_WATCH: 'false', NOTICES: 'false' }
  const place = { api: { url, token }, ...(databaseUrl === undefined ? {} : { databaseUrl }) }
  const own = new Bot({ ...place, env })
  writeFiles(own.plugins, plugins)
  const bot = new Bot({ ...place, env: { ...env, PLUGINS_DIR: own.plugins } })
  await bot.start()
  return {
    name,
    pid: bot.pid,
    push: (order) => push(api, order),
    async close() {
      await bot.stop()
      await end(api)
    },
  }
}

async function startApi(): Promise<{ url: string; child: ChildProcess }> {
  const file = path.resolve(import.meta.dirname, 'slow-api.ts')
  const child = fork(file, [], { execArgv: ['--import', 'tsx'] })
  const [port] = (await once(child, 'message')) as [number]
  return { url: `http://127.0.0.1:${port}`, child }
}

async function push(child: ChildProcess, order: Push): Promise<Pushed> {
  const done = once(child, 'message')
  child.send(order)
  const [pushed] = (await done) as [Pushed]
  return pushed
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.disconnect()
  await exited
}
