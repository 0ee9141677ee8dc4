import { access } from './access.ts'
import { backups } from './backups.ts'
import { database } from './database.ts'
import { clean, type Environment, isSet } from './environment.ts'
import { http } from './http.ts'
import { lifecycle } from './lifecycle.ts'
import { limits, type Rate } from './limits.ts'
import { log } from './log.ts'
import { coreVariables, firstWord, pluginKey, reservedPluginNames } from './names.ts'
import { people } from './people.ts'
import { plugins } from './plugins.ts'
import { type Problem, problemOf } from './problem.ts'
import { secretsIn } from './secrets.ts'
import { telegram, telegramApiRoot } from './telegram.ts'
import type { Section, Values, Variables } from './variable.ts'
import { webhook, webhookProblems } from './webhook.ts'

/** The environment, parsed once. All paths are absolute. */
export interface Config {
  /** Without a bot token the program is a playground and never touches Telegram or DATABASE_URL. */
  readonly mode: 'playground' | 'bot'
  readonly telegram: {
    readonly token: string | undefined
    readonly apiRoot: string
    /** How Telegram brings updates; none: they are polled for. */
    readonly webhook: Webhook | undefined
  }
  readonly access: {
    readonly adminIds: readonly number[]
    readonly strangers: 'preset' | 'request'
    readonly blockAfter: number
  }
  /** How much may be asked for; undefined: no limit. */
  readonly limits: {
    readonly person: Rate | undefined
    readonly chat: Rate | undefined
    readonly global: Rate | undefined
  }
  readonly http: {
    readonly host: string
    readonly port: number
    readonly trustProxy: readonly string[]
    /** Of `/metrics`, for others than programs on this machine. */
    readonly metricsToken: string | undefined
  }
  readonly database: {
    /** None: the embedded database in `dir`. */
    readonly url: string | undefined
    readonly dir: string
    readonly migrations: 'auto' | 'manual'
  }
  readonly store: {
    /** Redis; none: what instances share stays in this process. */
    readonly url: string | undefined
  }
  readonly dataDir: string
  readonly plugins: {
    readonly dirs: readonly string[]
    /** Packages that are plugins, by name, and the absolute path of the folder where looking for them begins. */
    readonly packages: { readonly names: readonly string[]; readonly from: string }
    readonly watch: boolean
    readonly disabled: readonly string[]
  }
  readonly people: {
    readonly locale: 'en' | 'ru'
    readonly timezone: string
    readonly notices: boolean
  }
  readonly log: {
    readonly level: 'error' | 'warn' | 'info' | 'debug'
    readonly format: 'pretty' | 'json'
    readonly dir: string
    /** After so many bytes another file is begun. */
    readonly fileBytes: number
    /** How long, and how many bytes together, old files stay. */
    readonly keep: { readonly days: number; readonly bytes: number }
  }
  /** Undefined: the bot itself writes none. */
  readonly backups:
    | { readonly cron: string; readonly dir: string; readonly keep: number }
    | undefined
  readonly shutdownTimeoutMs: number
  /** How long the event loop may stand still before the process ends itself; 0: for ever. */
  readonly stallLimitMs: number
  /** Values that no log line may hold: the redactor takes them out wherever they stand. */
  readonly secrets: readonly string[]
  /** What the environment says for one plugin, unparsed: `WORKLOG_SPREADSHEET_ID` is `spreadsheetId`. */
  pluginEnv(plugin: string): Record<string, string>
}

/** Where Telegram sends updates, and what proves that it is Telegram. */
export interface Webhook {
  /** What Telegram is told: the public address with the path. */
  readonly url: string
  /** On our own HTTP server. */
  readonly path: string
  /** Each is accepted, the last is told to Telegram. */
  readonly secrets: readonly string[]
  /** Of a public certificate in PEM. */
  readonly certificateFile: string | undefined
  readonly ip: string | undefined
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** What the parser can't know by itself, as this folder imports zod alone. */
export interface Surroundings {
  /** Makes a path absolute (`resolve` of `node:path`). */
  resolve(...parts: string[]): string
  /** Whether standard output is a terminal. */
  readonly terminal: boolean
}

/** Parses the whole environment; every problem is reported, not just the first. */
export function parseConfig(env: Environment, around: Surroundings): ConfigResult {
  const problems: Problem[] = []
  const warnings: string[] = []

  const bot = read(telegram, env, problems)
  const hook = read(webhook, env, problems)
  const who = read(access, env, problems)
  const most = read(limits, env, problems)
  const web = read(http, env, problems)
  const data = read(database, env, problems)
  const copies = read(backups, env, problems)
  const folders = read(plugins, env, problems)
  const defaults = read(people, env, problems)
  const lines = read(log, env, problems)
  const stopping = read(lifecycle, env, problems)

  const token = bot.BOT_TOKEN
  if (token !== undefined && bot.TELEGRAM_API_ROOT === telegramApiRoot && !isTelegramToken(token)) {
    problems.push(problemOf('BOT_TOKEN', telegram.variables.BOT_TOKEN, token))
  }
  if (isSet(env.BOT_TOKEN) && !isSet(env.ADMIN_IDS)) {
    problems.push({
      ...problemOf('ADMIN_IDS', access.variables.ADMIN_IDS, undefined),
      kind: 'owners',
    })
  }

  const isHooked = token !== undefined && bot.UPDATES === 'webhook'
  if (isHooked) problems.push(...webhookProblems(env, bot.TELEGRAM_API_ROOT))

  const hookVariables = Object.keys(webhook.variables).filter((name) => isSet(env[name]))
  if (token !== undefined && !isHooked && hookVariables.length > 0) {
    warnings.push(`not used without UPDATES=webhook: ${hookVariables.join(', ')}`)
  }
  const mode = token === undefined ? 'playground' : 'bot'
  if (mode === 'playground') {
    if (bot.UPDATES === 'webhook') {
      warnings.push(
        'UPDATES=webhook is not used without BOT_TOKEN: the playground polls a Telegram of its own',
      )
    }
    if (data.DATABASE_URL !== undefined) {
      warnings.push(
        'DATABASE_URL is not used without BOT_TOKEN: the playground has its own database',
      )
    }
    if (data.REDIS_URL !== undefined) {
      warnings.push('REDIS_URL is not used without BOT_TOKEN: the playground is one process')
    }
    if (!isLoopback(web.HTTP_HOST)) {
      warnings.push('HTTP_HOST is not used without BOT_TOKEN: the playground is on loopback only')
    }
  }
  if (problems.length > 0) return { ok: false, problems }

  const dataDir = around.resolve(data.DATA_DIR)
  const config: Config = {
    mode,
    telegram: {
      token,
      apiRoot: bot.TELEGRAM_API_ROOT,
      webhook: isHooked
        ? {
            url: `${hook.WEBHOOK_URL}${hook.WEBHOOK_PATH}`,
            path: hook.WEBHOOK_PATH,
            secrets: hook.WEBHOOK_SECRET ?? [],
            certificateFile: hook.WEBHOOK_CERT && around.resolve(hook.WEBHOOK_CERT),
            ip: hook.WEBHOOK_IP,
          }
        : undefined,
    },
    access: {
      adminIds: who.ADMIN_IDS ?? [],
      strangers: who.ACCESS,
      blockAfter: who.AUTH_BLOCK_AFTER,
    },
    limits: {
      person: rateOf(most.RATE_LIMIT_PERSON),
      chat: rateOf(most.RATE_LIMIT_CHAT),
      global: rateOf(most.RATE_LIMIT_GLOBAL),
    },
    http: {
      host: mode === 'bot' || isLoopback(web.HTTP_HOST) ? web.HTTP_HOST : '127.0.0.1',
      port: web.HTTP_PORT,
      trustProxy: web.TRUST_PROXY ?? [],
      metricsToken: web.METRICS_TOKEN,
    },
    database: {
      url: mode === 'bot' ? data.DATABASE_URL : undefined,
      dir: around.resolve(dataDir, mode === 'bot' ? 'database' : 'playground'),
      migrations: data.MIGRATIONS,
    },
    backups:
      mode === 'bot' && copies.BACKUP_CRON !== undefined
        ? {
            cron: copies.BACKUP_CRON,
            dir:
              copies.BACKUP_DIR === undefined
                ? around.resolve(dataDir, 'backups')
                : around.resolve(copies.BACKUP_DIR),
            keep: copies.BACKUP_KEEP,
          }
        : undefined,
    store: { url: mode === 'bot' ? data.REDIS_URL : undefined },
    dataDir,
    plugins: {
      dirs: folders.PLUGINS_DIR.map((dir) => around.resolve(dir)),
      packages: { names: folders.PLUGINS_PACKAGES ?? [], from: around.resolve('.') },
      watch: folders.PLUGINS_WATCH,
      disabled: folders.PLUGINS_DISABLED ?? [],
    },
    people: {
      locale: defaults.LOCALE,
      timezone: defaults.TIMEZONE,
      notices: defaults.NOTICES,
    },
    log: {
      level: lines.LOG_LEVEL,
      format: lines.LOG_FORMAT ?? (around.terminal ? 'pretty' : 'json'),
      dir:
        lines.LOG_DIR === undefined
          ? around.resolve(dataDir, 'logs')
          : around.resolve(lines.LOG_DIR),
      fileBytes: lines.LOG_FILE_MB * 1024 * 1024,
      keep: { days: lines.LOG_KEEP_DAYS, bytes: lines.LOG_KEEP_MB * 1024 * 1024 },
    },
    shutdownTimeoutMs: stopping.SHUTDOWN_TIMEOUT_MS,
    stallLimitMs: stopping.STALL_LIMIT_MS,
    secrets: secretsIn(env),
    pluginEnv: (plugin) => pluginValues(env, plugin),
  }
  return { ok: true, config, warnings }
}

/** Which plugins' values and which of the core's variables differ between two environments. */
export function changedVariables(
  before: Environment,
  after: Environment,
): { plugins: string[]; core: string[] } {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  const changed = [...names].filter((name) => clean(before[name]) !== clean(after[name]))
  return {
    core: changed.filter((name) => coreVariables.has(name)).sort(),
    plugins: [
      ...new Set(
        changed
          .filter((name) => !coreVariables.has(name) && name.includes('_'))
          .map((name) => firstWord(name)),
      ),
    ].sort(),
  }
}

/** Whether a name is no variable of the core's, and can't be one of a plugin's either. */
export function isNobodys(name: string): boolean {
  if (coreVariables.has(name)) return false
  return !name.includes('_') || reservedPluginNames.has(firstWord(name))
}

function rateOf(value: Rate | 'off'): Rate | undefined {
  return value === 'off' ? undefined : value
}

/** Whether a host name or an address is this machine's loopback. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** Telegram's own tokens have a fixed shape; a self-made Bot API server may hand out shorter ones. */
function isTelegramToken(token: string): boolean {
  return /^\d{6,}:[A-Za-z0-9_-]{30,}$/.test(token)
}

function read<V extends Variables>(
  section: Section<V>,
  env: Environment,
  problems: Problem[],
): Values<V> {
  const values: Record<string, unknown> = {}
  for (const [name, variable] of Object.entries(section.variables)) {
    const given = clean(env[name])
    const text = given ?? variable.fallback
    if (text === undefined) continue
    const parsed = variable.schema.safeParse(text)
    if (parsed.success) {
      values[name] = parsed.data
      continue
    }
    problems.push(problemOf(name, variable, given))
    // the rest is still checked, so that one start shows all that is wrong
    if (variable.fallback !== undefined) values[name] = variable.schema.parse(variable.fallback)
  }
  // the loop above filled exactly the keys that Values promises, which a mapped type can't follow
  return values as Values<V>
}

/** What an environment says for one plugin, unparsed, by key: `WORKLOG_SPREADSHEET_ID` is `spreadsheetId`. */
export function pluginValues(env: Environment, plugin: string): Record<string, string> {
  const prefix = `${plugin.toUpperCase()}_`
  const values: Record<string, string> = {}
  for (const [name, text] of Object.entries(env)) {
    const value = clean(text)
    if (value !== undefined && name.startsWith(prefix)) values[pluginKey(name)] = value
  }
  return values
}
