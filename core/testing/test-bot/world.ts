import type { Config } from '../../../config/config.ts'
import packageJson from '../../../package.json' with { type: 'json' }
import { type App, createApp } from '../../app.ts'
import { loadConfig } from '../../configuration.ts'
import type { Database } from '../../database/connection.ts'
import type { FakeBotApi } from '../bot-api/api.ts'
import type { Person } from '../bot-api/world/person.ts'
import type { TestClock } from './clock.ts'
import type { TestHttp } from './http.ts'
import type { RecordedLog } from './log.ts'
import type { PluginSources } from './sources.ts'

/** Faster than in earnest: nobody's eyes follow. */
const cardPaceMs = 300

/** All that a bot under test lives in; it outlives a restart of the bot. */
export interface TestWorld {
  readonly api: FakeBotApi
  readonly sources: PluginSources
  readonly database: Database
  readonly config: Config
  readonly log: RecordedLog
  readonly clock: TestClock
  readonly http: TestHttp
  readonly handlerLimitMs: number | undefined
  readonly openings: 'accept' | 'ask'
}

/** As a real start would read it. */
export function configOf(
  api: FakeBotApi,
  sources: PluginSources,
  owners: readonly Person[],
  env: Readonly<Record<string, string>>,
): Config {
  const { config } = loadConfig({
    NOTICES: 'false',
    PLUGINS_WATCH: 'false',
    // a test asks faster than people do
    RATE_LIMIT_PERSON: 'off',
    RATE_LIMIT_CHAT: 'off',
    ...env,
    BOT_TOKEN: api.token,
    TELEGRAM_API_ROOT: api.url,
    ADMIN_IDS: owners.map(({ id }) => id).join(',') || '1',
    DATA_DIR: sources.home,
    HTTP_PORT: '0',
  })
  // not as PLUGINS_DIR: a path may hold a comma
  return { ...config, plugins: { ...config.plugins, dirs: sources.roots } }
}

/** Starts the real app in it. */
export function startApp(world: TestWorld): Promise<App> {
  const { config, log, clock, http, database, sources, handlerLimitMs, openings } = world
  return createApp(config, {
    log,
    logControl: log,
    clock,
    exchange: http,
    version: packageJson.version,
    database,
    cardPaceMs,
    acceptsOpenings: openings === 'accept',
    accepts: (folder) => sources.accepts(folder),
    ...(handlerLimitMs === undefined ? {} : { handlerLimitMs }),
  })
}
