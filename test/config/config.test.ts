import { expect } from 'chai'
import { type Config, changedVariables, parseConfig } from '../../config/config.ts'
import type { Environment } from '../../config/environment.ts'
import {
  coreVariables,
  pluginKey,
  pluginVariable,
  reservedPluginNames,
  sections,
} from '../../config/names.ts'
import type { Problem } from '../../config/problem.ts'

const token = '123456789:AAExampleExampleExampleExampleExamp'
const bot = { BOT_TOKEN: token, ADMIN_IDS: '42' }
const around = {
  resolve: (...parts: string[]) =>
    parts.reduce((path, part) => (part.startsWith('/') ? part : `${path}/${part}`), '/srv'),
  terminal: false,
}

function configOf(env: Environment, terminal = false): Config {
  const result = parseConfig(env, { ...around, terminal })
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.config
}

function warningsOf(env: Environment): readonly string[] {
  const result = parseConfig(env, around)
  return result.ok ? result.warnings : []
}

function problemsOf(env: Environment): readonly Problem[] {
  const result = parseConfig(env, around)
  return result.ok ? [] : result.problems
}

describe('configuration', () => {
  it('is a playground with every default when nothing is set', () => {
    const { pluginEnv, ...rest } = configOf({})
    expect(pluginEnv('worklog')).to.deep.equal({})
    expect(rest).to.deep.equal({
      mode: 'playground',
      telegram: { token: undefined, apiRoot: 'https://api.telegram.org', webhook: undefined },
      access: { adminIds: [], strangers: 'preset', blockAfter: 5 },
      limits: {
        person: { count: 60, perMs: 60_000 },
        chat: { count: 240, perMs: 60_000 },
        global: undefined,
      },
      http: { host: '127.0.0.1', port: 3000, metricsToken: undefined, trustProxy: [] },
      database: { url: undefined, dir: '/srv/./var/playground', migrations: 'auto' },
      store: { url: undefined },
      dataDir: '/srv/./var',
      plugins: {
        dirs: ['/srv/./plugins'],
        packages: { from: '/srv/.', names: [] },
        watch: true,
        disabled: [],
      },
      people: { locale: 'en', timezone: 'UTC', notices: true },
      log: {
        level: 'info',
        format: 'json',
        dir: '/srv/./var/logs',
        fileBytes: 10 * 1024 * 1024,
        keep: { days: 30, bytes: 200 * 1024 * 1024 },
      },
      backups: undefined,
      shutdownTimeoutMs: 10_000,
      stallLimitMs: 60_000,
      secrets: [],
    })
  })

  it('is a bot with a token and owners', () => {
    const config = configOf({
      ...bot,
      ADMIN_IDS: ' 42, 7 ,42,',
      DATABASE_URL: 'postgres://ops:pa55word@db/ops',
      HTTP_HOST: '0.0.0.0',
      PLUGINS_DIR: 'plugins,/opt/more',
    })
    expect(config.mode).to.equal('bot')
    expect(config.access.adminIds).to.deep.equal([42, 7])
    expect(config.database).to.include({
      url: 'postgres://ops:pa55word@db/ops',
      dir: '/srv/./var/database',
    })
    expect(config.http.host).to.equal('0.0.0.0')
    expect(config.plugins.dirs).to.deep.equal(['/srv/plugins', '/opt/more'])
    expect(config.secrets).to.include.members([token, 'pa55word'])
  })

  it('has backups written where there is a schedule', () => {
    const env = { ...bot, DATABASE_URL: 'postgres://db/ops', BACKUP_CRON: '15 3 * * *' }
    expect(configOf({ ...env, BACKUP_KEEP: '3' }).backups).to.deep.equal({
      cron: '15 3 * * *',
      dir: '/srv/./var/backups',
      keep: 3,
    })
    expect(configOf({ ...bot, BACKUP_CRON: '15 3 * * *' }).backups, 'embedded').to.include({
      keep: 14,
    })
    expect(configOf({ BACKUP_CRON: '15 3 * * *' }).backups, 'of a playground').to.equal(undefined)
  })

  it('takes a blank value for none', () => {
    expect(configOf({ BOT_TOKEN: ' ', HTTP_PORT: '', LOCALE: '  ' })).to.deep.include({
      mode: 'playground',
      http: { host: '127.0.0.1', port: 3000, metricsToken: undefined, trustProxy: [] },
    })
  })

  it('writes a readable log on a terminal unless it is told otherwise', () => {
    expect(configOf({}, true).log.format).to.equal('pretty')
    expect(configOf({ LOG_FORMAT: 'json' }, true).log.format).to.equal('json')
  })

  it('keeps a playground on loopback and away from a real database, and says so', () => {
    const env = {
      DATABASE_URL: 'postgres://db/ops',
      REDIS_URL: 'redis://db',
      HTTP_HOST: '0.0.0.0',
    }
    expect(configOf(env).store.url).to.equal(undefined)
    expect(configOf(env).http.host).to.equal('127.0.0.1')
    expect(configOf(env).database.url).to.equal(undefined)
    expect(warningsOf(env).join('\n'))
      .to.include('DATABASE_URL')
      .and.include('REDIS_URL')
      .and.include('HTTP_HOST')
    expect(configOf({ HTTP_HOST: '::1' }).http.host).to.equal('::1')
  })

  it('takes short tokens only for another Bot API server than Telegram’s', () => {
    const short = { BOT_TOKEN: '1:abc', ADMIN_IDS: '42' }
    expect(problemsOf(short).map(({ variable }) => variable)).to.deep.equal(['BOT_TOKEN'])
    const config = configOf({ ...short, TELEGRAM_API_ROOT: 'http://127.0.0.1:8081/' })
    expect(config.telegram).to.include({ token: '1:abc', apiRoot: 'http://127.0.0.1:8081' })
  })
})

describe('a webhook', () => {
  const hooked = {
    ...bot,
    UPDATES: 'webhook',
    WEBHOOK_URL: 'https://bot.example.org/',
    WEBHOOK_SECRET: 'old-secret-1, new-secret-2',
  }

  it('has an address, and secrets of which the last is told to Telegram', () => {
    const config = configOf({ ...hooked, WEBHOOK_CERT: 'cert.pem', WEBHOOK_IP: '203.0.113.7' })
    expect(config.telegram.webhook).to.deep.equal({
      url: 'https://bot.example.org/telegram/webhook',
      path: '/telegram/webhook',
      secrets: ['old-secret-1', 'new-secret-2'],
      certificateFile: '/srv/cert.pem',
      ip: '203.0.113.7',
    })
    expect(config.secrets).to.include.members(['old-secret-1', 'new-secret-2'])
  })

  it('fails closed: no address or no secret is no webhook', () => {
    for (const name of ['WEBHOOK_URL', 'WEBHOOK_SECRET'] as const) {
      const [problem, ...others] = problemsOf({ ...hooked, [name]: ' ' })
      expect(problem).to.include({ kind: 'value', variable: name, given: 'nothing' })
      expect(problem?.hint).to.be.a('string')
      expect(others).to.deep.equal([])
    }
  })

  it('is called over TLS and on Telegram’s ports, except by a Bot API server of one’s own', () => {
    for (const url of ['http://bot.example.org', 'https://bot.example.org:3000']) {
      const env = { ...hooked, WEBHOOK_URL: url }
      expect(problemsOf(env).map(({ variable }) => variable)).to.deep.equal(['WEBHOOK_URL'])
      const own = configOf({ ...env, TELEGRAM_API_ROOT: 'http://127.0.0.1:8081' })
      expect(own.telegram.webhook?.url).to.equal(`${url}/telegram/webhook`)
    }
    expect(configOf({ ...hooked, WEBHOOK_URL: 'https://h.example:8443' })).to.be.an('object')
  })

  it('is nothing for a playground, and its settings nothing for polling: both are said', () => {
    expect(configOf({ UPDATES: 'webhook' }).telegram.webhook).to.equal(undefined)
    expect(warningsOf({ UPDATES: 'webhook' }).join()).to.include('UPDATES=webhook is not used')
    const { UPDATES, ...polling } = hooked
    expect(configOf(polling).telegram.webhook).to.equal(undefined)
    expect(warningsOf(polling).join()).to.include('WEBHOOK_URL').and.include('WEBHOOK_SECRET')
  })
})

describe('a bad environment', () => {
  const bad: Record<string, Environment> = {
    'a token that is none': { ...bot, BOT_TOKEN: 'hello' },
    'a token cut short': { ...bot, BOT_TOKEN: token.slice(0, 30) },
    'a webhook of a query': { WEBHOOK_URL: 'https://bot.example.org/?a=1' },
    'a webhook that is a name': { WEBHOOK_URL: 'bot.example.org' },
    'a relative webhook path': { WEBHOOK_PATH: 'telegram' },
    'a webhook path with a blank': { WEBHOOK_PATH: '/a b' },
    'a webhook path that answers something else': { WEBHOOK_PATH: '/healthz' },
    'a webhook path within the API': { WEBHOOK_PATH: '/api/v1/telegram' },
    'a webhook IP that is a name': { WEBHOOK_IP: 'bot.example.org' },
    'a secret that Telegram refuses': { WEBHOOK_SECRET: 'pa55word!' },
    'three secrets': { WEBHOOK_SECRET: 'pa55word,pa55word2,pa55word3' },
    'a secret that is too long': { WEBHOOK_SECRET: 'pa55word'.repeat(33) },
    'an API root without scheme': { TELEGRAM_API_ROOT: 'api.telegram.org' },
    'a name for an id': { ADMIN_IDS: '@bob' },
    'a group for an owner': { ADMIN_IDS: '-1001234567890' },
    'no id between the commas': { ADMIN_IDS: ' , ' },
    'a token for an id': { ADMIN_IDS: token },
    'an unknown access': { ACCESS: 'everybody' },
    'a block after zero': { AUTH_BLOCK_AFTER: '0' },
    'a port that is a word': { HTTP_PORT: 'http' },
    'a port too high': { HTTP_PORT: '65536' },
    'a negative port': { HTTP_PORT: '-1' },
    'a port with a fraction': { HTTP_PORT: '80.5' },
    'a host with a port': { HTTP_HOST: 'localhost:3000' },
    'a host with a scheme': { HTTP_HOST: 'http://localhost' },
    'a proxy that is a name': { TRUST_PROXY: 'proxy.local' },
    'another database': { ...bot, DATABASE_URL: 'mysql://ops:pa55word@db/ops' },
    'backups at no time': { ...bot, DATABASE_URL: 'postgres://db/ops', BACKUP_CRON: 'nightly' },
    'an address that is none': { ...bot, DATABASE_URL: 'postgres://h:port/x' },
    'a store that is no Redis': { ...bot, REDIS_URL: 'memcached://ops:pa55word@h' },
    'an unknown way to migrate': { MIGRATIONS: 'never' },
    'yes for true': { PLUGINS_WATCH: 'yes' },
    'a plugin name with capitals': { PLUGINS_DISABLED: 'WorkLog' },
    'a language we lack': { LOCALE: 'de' },
    'a zone that is none': { TIMEZONE: 'Mars/Base' },
    'an unknown level': { LOG_LEVEL: 'trace' },
    'an unknown format': { LOG_FORMAT: 'xml' },
    'a limit with a unit': { SHUTDOWN_TIMEOUT_MS: '10s' },
    'notices off': { NOTICES: 'off' },
  }
  for (const [name, env] of Object.entries(bad)) {
    it(`names the variable, what was given and what is accepted: ${name}`, () => {
      const problems = problemsOf(env)
      expect(problems).to.have.length(1)
      const [problem] = problems
      const variable = problem?.variable ?? ''
      expect(env).to.have.property(variable)
      expect(problem?.accepted).to.be.a('string').and.not.equal('')
      const text = JSON.stringify(problem)
      if (['BOT_TOKEN', 'DATABASE_URL', 'REDIS_URL', 'WEBHOOK_SECRET'].includes(variable)) {
        expect(problem?.given).to.include('not shown')
        expect(text).not.to.include(env[variable])
      } else if (env[variable] !== token) {
        expect(problem?.given).to.equal(JSON.stringify(env[variable]?.trim()))
      }
      expect(text).not.to.include('pa55word').and.not.include(token.slice(12))
    })
  }

  it('reports all problems at once', () => {
    const problems = problemsOf({ HTTP_PORT: 'x', LOCALE: 'xx', BOT_TOKEN: 'x' })
    expect(problems.map(({ variable }) => variable)).to.have.members([
      'HTTP_PORT',
      'LOCALE',
      'BOT_TOKEN',
      'ADMIN_IDS',
    ])
  })

  it('is a token without owners', () => {
    expect(problemsOf({ BOT_TOKEN: token })).to.have.length(1)
    expect(problemsOf({ BOT_TOKEN: token })[0]).to.include({
      kind: 'owners',
      variable: 'ADMIN_IDS',
    })
  })

  it('is a way to get updates that nobody knows', () => {
    expect(problemsOf({ UPDATES: 'pigeon' })[0]).to.include({ kind: 'value', variable: 'UPDATES' })
  })
})

describe('variables', () => {
  it('have defaults and examples that they accept themselves', () => {
    for (const { variables } of sections) {
      for (const [name, { schema, fallback, example, secret }] of Object.entries(variables)) {
        if (fallback !== undefined) expect(schema.safeParse(fallback).success, name).to.equal(true)
        if (example !== undefined) expect(schema.safeParse(example).success, name).to.equal(true)
        expect(secret && fallback, `${name}: a secret has no default`).to.equal(undefined)
      }
    }
  })
})

describe('values of plugins', () => {
  it('are handed on by their key, without the prefix', () => {
    const env = { WORKLOG_SPREADSHEET_ID: ' x1 ', WORKLOG_A: '', WORKLOGS_B: 'no', OTHER: 'no' }
    expect(configOf(env).pluginEnv('worklog')).to.deep.equal({ spreadsheetId: 'x1' })
  })

  it('know their variable and back', () => {
    for (const [variable, key] of [
      ['WORKLOG_SPREADSHEET_ID', 'spreadsheetId'],
      ['LOGGING_RETENTION_DAYS', 'retentionDays'],
      ['BACKUP_S3_BUCKET', 's3Bucket'],
      ['WORKLOG_URL', 'url'],
    ] as const) {
      expect(pluginKey(variable)).to.equal(key)
      expect(pluginVariable(variable.split('_')[0]!.toLowerCase(), key)).to.equal(variable)
    }
  })

  it('that look like secrets are kept out of the log', () => {
    const { secrets } = configOf({ NETBOX_TOKEN: 'abcdefgh1', NETBOX_URL: 'https://netbox.local' })
    expect(secrets).to.deep.equal(['abcdefgh1'])
  })

  it('cannot collide with the core: its first words are no names for plugins', () => {
    for (const name of ['bot', 'http', 'log', 'data', 'webhook', 'telegram', 'database', 'redis'])
      expect(reservedPluginNames.has(name), name).to.equal(true)
    for (const name of ['auth', 'plugins', 'worklog', 'start', 'logging'])
      expect(reservedPluginNames.has(name), name).to.equal(false)
    expect(coreVariables.has('AUTH_BLOCK_AFTER')).to.equal(true)
  })
})

describe('a changed environment', () => {
  it('names the plugins and the core variables that differ', () => {
    const before = { WORKLOG_A: '1', NETBOX_B: '1', HTTP_PORT: '1', PATH: '/bin', SAME_C: ' x' }
    const after = { WORKLOG_A: '2', START_D: '1', HTTP_PORT: '2', PATH: '/usr', SAME_C: 'x' }
    expect(changedVariables(before, after)).to.deep.equal({
      core: ['HTTP_PORT'],
      plugins: ['netbox', 'start', 'worklog'],
    })
  })
})
