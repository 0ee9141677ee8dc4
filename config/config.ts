import { access } from './access.ts'
import { database } from './database.ts'
import { http } from './http.ts'
import { lifecycle } from './lifecycle.ts'
import { log } from './log.ts'
import {
  coreVariables,
  firstWord,
  laterVariables,
  pluginKey,
  reservedPluginNames,
  sections,
} from './names.ts'
import { people } from './people.ts'
import { plugins } from './plugins.ts'
import { maskSecrets } from './secret.ts'
import { telegram, telegramApiRoot } from './telegram.ts'
import type { Section, Values, Variable, Variables } from './variable.ts'

/** The environment, parsed once. All paths are absolute. */
export interface Config {
  /** Without a bot token the program is a playground and never touches Telegram or DATABASE_URL. */
  readonly mode: 'playground' | 'bot'
  readonly telegram: {
    readonly token: string | undefined
    readonly apiRoot: string
    readonly updates: 'polling'
  }
  readonly access: {
    readonly adminIds: readonly number[]
    readonly strangers: 'preset' | 'request'
    readonly blockAfter: number
  }
  readonly http: {
    readonly host: string
    readonly port: number
    readonly trustProxy: readonly string[]
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
  }
  readonly shutdownTimeoutMs: number
  /** Values that no log line may hold: the redactor takes them out wherever they stand. */
  readonly secrets: readonly string[]
  /** What the environment says for one plugin, unparsed: `WORKLOG_SPREADSHEET_ID` is `spreadsheetId`. */
  pluginEnv(plugin: string): Record<string, string>
}

/** One value that can't be used. Never holds a secret. */
export interface Problem {
  /** `later`: a promised feature that this version lacks; `owners`: nobody could use the bot. */
  readonly kind: 'value' | 'owners' | 'later'
  readonly variable: string
  /** What was given, quoted; secrets as their length only. */
  readonly given: string
  readonly accepted: string
  readonly hint: string | undefined
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

/** Environment as Node gives it. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Parses the whole environment; every problem is reported, not just the first. */
export function parseConfig(env: Environment, around: Surroundings): ConfigResult {
  const problems: Problem[] = []
  const warnings: string[] = []

  const bot = read(telegram, env, problems)
  const who = read(access, env, problems)
  const web = read(http, env, problems)
  const data = read(database, env, problems)
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

  for (const name of laterVariables) {
    if (isSet(env[name])) warnings.push(`${name} is set but not used by this version`)
  }
  const mode = token === undefined ? 'playground' : 'bot'
  if (mode === 'playground') {
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
    telegram: { token, apiRoot: bot.TELEGRAM_API_ROOT, updates: bot.UPDATES },
    access: {
      adminIds: who.ADMIN_IDS ?? [],
      strangers: who.ACCESS,
      blockAfter: who.AUTH_BLOCK_AFTER,
    },
    http: {
      host: mode === 'bot' || isLoopback(web.HTTP_HOST) ? web.HTTP_HOST : '127.0.0.1',
      port: web.HTTP_PORT,
      trustProxy: web.TRUST_PROXY ?? [],
    },
    database: {
      url: mode === 'bot' ? data.DATABASE_URL : undefined,
      dir: around.resolve(dataDir, mode === 'bot' ? 'database' : 'playground'),
      migrations: data.MIGRATIONS,
    },
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
    },
    shutdownTimeoutMs: stopping.SHUTDOWN_TIMEOUT_MS,
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

/** Whether a host name or an address is this machine's loopback. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** Telegram's own tokens have a fixed shape; a self-made Bot API server may hand out shorter ones. */
function isTelegramToken(token: string): boolean {
  return /^\d{6,}:[A-Za-z0-9_-]{30,}$/.test(token)
}

function clean(text: string | undefined): string | undefined {
  const trimmed = text?.trim()
  return trimmed === '' ? undefined : trimmed
}

function isSet(text: string | undefined): boolean {
  return clean(text) !== undefined
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

function problemOf(name: string, variable: Variable<unknown>, given: string | undefined): Problem {
  const later = name === 'UPDATES' && given === 'webhook'
  return {
    kind: later ? 'later' : 'value',
    variable: name,
    given: shown(variable, given),
    accepted: variable.accepted,
    hint: variable.hint,
  }
}

function shown(variable: Variable<unknown>, given: string | undefined): string {
  if (given === undefined) return 'nothing'
  if (variable.secret) {
    const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(given)?.[0]
    return `${scheme === undefined ? '' : `${scheme}… `}(${given.length} characters, not shown here)`
  }
  const masked = maskSecrets(given)
  return JSON.stringify(masked.length > 120 ? `${masked.slice(0, 120)}…` : masked)
}

const secretWords = /(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIALS?)$/

/** A shorter one would blank out ordinary words of the log. */
const shortestSecret = 8

/** The values that no log line may hold: of secret variables, and of all that are named like one. */
export function secretsIn(env: Environment): string[] {
  const declared = new Set(
    sections.flatMap((section) =>
      Object.entries(section.variables).flatMap(([name, { secret }]) => (secret ? [name] : [])),
    ),
  )
  return Object.entries(env)
    .filter(([name]) => declared.has(name) || secretWords.test(name))
    .flatMap(([, text]) => {
      const value = clean(text)
      if (value === undefined) return []
      return value.includes('://') ? urlPasswordOf(value) : [value]
    })
    .filter((value) => value.length >= shortestSecret)
}

function urlPasswordOf(value: string): string[] {
  if (!URL.canParse(value)) return []
  const { password } = new URL(value)
  if (password === '') return []
  try {
    return [password, decodeURIComponent(password)]
  } catch {
    return [password]
  }
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
