import { startFakeBotApi } from '../bot-api/server.ts'
import type { PersonOptions } from '../bot-api/world/world.ts'
import { TestClock } from './clock.ts'
import { takeDatabase } from './database.ts'
import { throwIfFailed, throwIfWaiting } from './failed.ts'
import { TestHttp } from './http.ts'
import { RecordedLog } from './log.ts'
import { PluginSources } from './sources.ts'
import { TestBot } from './test-bot.ts'
import { configOf, startApp } from './world.ts'

export interface TestBotOptions {
  /** Plugin folders, loaded from where they lie; relative to the current folder. `auth` is added if it is not named. */
  plugins?: readonly string[]
  /** Plugin folders that are copied first, so that the test may change them by `edit`. */
  copies?: readonly string[]
  /** Variables of the environment, as in `.env`; nothing is read from the real one. */
  env?: Readonly<Record<string, string>>
  /** The people of ADMIN_IDS; default one. The first is `bot.owner`. */
  owners?: readonly PersonOptions[]
  /** What a handler has before it is cut off, ms; default 60,000. */
  handlerLimitMs?: number
  /** The time at which `bot.clock` stands still; without one it goes by itself from now on. */
  now?: Date | string
  /**
   * `ask`: what a reload opens waits for an owner's approval, as in a real bot. Default `accept`: it is
   * open at once.
   */
  openings?: 'accept' | 'ask'
}

/**
 * Starts a whole bot for a test: the real app on a fake Telegram, with an empty database of its own. On
 * PostgreSQL when TEST_DATABASE_URL is set, else on the embedded database of the process, which one bot
 * uses at a time.
 *
 * @throws OpsError what kept a plugin from loading, with the code frame; OPS_TEST_BUSY, OPS_TEST_MISSING (a
 * folder, or a plugin that another one waits for)
 */
export async function createTestBot(options: TestBotOptions = {}): Promise<TestBot> {
  const opened: (() => Promise<unknown>)[] = []
  try {
    const log = new RecordedLog()
    const sources = await PluginSources.open(options.plugins ?? [])
    opened.push(() => sources.close())
    for (const path of options.copies ?? []) await sources.copy(path)
    const database = await takeDatabase(log)
    opened.push(() => database.close())
    const { now } = options
    const clock = new TestClock(now === undefined ? undefined : new Date(now).getTime())
    const api = await startFakeBotApi({ now: () => clock.now() })
    opened.push(() => api.close())
    const owners = (options.owners ?? [{ firstName: 'Olga' }]).map((person) => api.user(person))
    const config = configOf(api, sources, owners, options.env ?? {})
    const { handlerLimitMs, openings = 'accept' } = options
    const http = new TestHttp()
    const world = { api, sources, database, config, log, clock, http, handlerLimitMs, openings }
    const app = await startApp(world)
    opened.push(() => app.stop())
    const bot = new TestBot(world, app, owners)
    for (const status of bot.plugins) {
      throwIfFailed(status)
      throwIfWaiting(status)
    }
    return bot
  } catch (error) {
    for (const close of opened.reverse()) await close()
    throw error
  }
}
