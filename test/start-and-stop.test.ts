import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { type BotOptions, BotProcess } from './support/bot-process.ts'
import { testKind } from './support/database.ts'
import { gatePlugin, wordPlugin } from './support/plugins.ts'
import { until } from './support/wait.ts'

const plugins = { 'gate/index.ts': gatePlugin, 'ping/index.ts': wordPlugin('ping', 'pong') }
const password = 'hunter2-is-secret'

describe('start and stop', function () {
  this.timeout(90_000)
  const bots: BotProcess[] = []

  after(() => Promise.all(bots.map((bot) => bot.close())))

  async function make(options: BotOptions = {}): Promise<BotProcess> {
    const bot = await BotProcess.create({ firstParty: false, plugins, ...options })
    bots.push(bot)
    return bot
  }

  describe('a start that can’t succeed ends with one readable error and exit code 1', () => {
    /** Starts it and returns the error, having looked at all that holds for any such error. */
    async function refusal(bot: BotProcess, code: string): Promise<string> {
      bot.spawn()
      expect(await bot.exited(), bot.stderr).to.equal(1)
      const { stderr } = bot
      const printed = [stderr, ...bot.lines.map((line) => JSON.stringify(line))].join('\n')
      expect(stderr).to.match(new RegExp(`^${code}: .+\n(.+\n)* {2}→ .+\n`))
      expect([...new Set(printed.match(/OPS_[A-Z_]+/g))], printed).to.deep.equal([code])
      expect(printed).not.to.match(/^ +at |\\n +at |node_modules/m)
      for (const secret of [password, String(bot.env.BOT_TOKEN).split(':')[1] ?? password]) {
        expect(printed).not.to.include(secret)
      }
      return stderr
    }

    it('names every core variable that is wrong, at once, and opens nothing', async () => {
      const wrong = {
        BOT_TOKEN: `nonsense-${password}`,
        TELEGRAM_API_ROOT: 'api.telegram.org',
        ADMIN_IDS: '@anna',
        ACCESS: 'everybody',
        AUTH_BLOCK_AFTER: '0',
        HTTP_HOST: 'http://localhost',
        HTTP_PORT: '65536',
        TRUST_PROXY: 'proxy',
        DATABASE_URL: `mysql://ops:${password}@localhost/ops`,
        MIGRATIONS: 'sometimes',
        PLUGINS_WATCH: 'yes',
        PLUGINS_DISABLED: 'Work Log',
        NOTICES: '1',
        LOCALE: 'fr',
        TIMEZONE: 'Mars/Base',
        LOG_LEVEL: 'loud',
        LOG_FORMAT: 'xml',
        SHUTDOWN_TIMEOUT_MS: '10s',
      }
      const bot = await make({ env: wrong })
      const error = await refusal(bot, 'OPS_CONFIG')
      for (const name of Object.keys(wrong))
        expect(error).to.match(new RegExp(`${name} is .+; acc`))
      expect(bot.lines).to.deep.equal([])
    })

    it('without owners', async () => {
      const error = await refusal(
        await make({ env: { ADMIN_IDS: undefined } }),
        'OPS_ADMIN_IDS_MISSING',
      )
      expect(error).to.include('ADMIN_IDS').and.to.include('@userinfobot')
    })

    it('with a .env that can’t be read', async () => {
      const bot = await make()
      mkdirSync(join(bot.folder, '.env'))
      expect(await refusal(bot, 'OPS_ENV_FILE')).to.include(join(bot.folder, '.env'))
    })

    it('with a webhook without an address or a secret, also when .env asks for it', async () => {
      const bot = await make()
      bot.writeEnv('UPDATES=webhook\n')
      const error = await refusal(bot, 'OPS_CONFIG')
      expect(error).to.include('WEBHOOK_URL is nothing').and.include('WEBHOOK_SECRET is nothing')
    })

    it('with a port that another program uses, before a database is opened', async () => {
      const other = createServer().listen(0, '127.0.0.1')
      await until('it listens', () => other.listening)
      const address = other.address()
      const port = typeof address === 'object' ? String(address?.port) : ''
      try {
        const bot = await make({
          env: { HTTP_PORT: port, DATABASE_URL: undefined, LOG_DIR: 'logs' },
        })
        rmSync(bot.dataDir, { recursive: true, force: true })
        const error = await refusal(bot, 'OPS_PORT_IN_USE')
        expect(error).to.include('HTTP_PORT').and.to.include(port)
        expect(error).to.include('HTTP_PORT=0 make start')
        expect(existsSync(bot.dataDir)).to.equal(false)
      } finally {
        other.close()
      }
    })

    it('with a folder for data that can’t be made', async () => {
      const bot = await make()
      const file = join(bot.folder, 'file')
      writeFileSync(file, '')
      const env = { DATABASE_URL: undefined, DATA_DIR: join(file, 'data'), LOG_DIR: bot.folder }
      const error = await refusal(await make({ env }), 'OPS_DATA_DIR')
      expect(error).to.include('DATA_DIR').and.to.include(file)
    })

    it('with a folder for logs that can’t be made', async () => {
      const bot = await make()
      const file = join(bot.folder, 'file')
      writeFileSync(file, '')
      const error = await refusal(
        await make({ env: { LOG_DIR: join(file, 'logs') } }),
        'OPS_LOG_DIR',
      )
      expect(error).to.include('LOG_DIR').and.to.include(file)
    })

    it('with a PostgreSQL that is not there', async () => {
      const url = `postgres://ops:${password}@127.0.0.1:1/ops`
      const error = await refusal(
        await make({ env: { DATABASE_URL: url } }),
        'OPS_DATABASE_UNREACHABLE',
      )
      expect(error).to.include('DATABASE_URL').and.to.include('127.0.0.1:1')
    })

    it('with a database that PostgreSQL doesn’t have', async function () {
      if (testKind === 'embedded') this.skip()
      const url = new URL(process.env.TEST_DATABASE_URL ?? '')
      url.pathname = '/opsgram_no_such_database'
      url.password ||= password
      const env = { DATABASE_URL: url.href }
      const error = await refusal(await make({ env }), 'OPS_DATABASE_MISSING')
      expect(error).to.include('DATABASE_URL').and.to.include('opsgram_no_such_database')
    })

    it('with a token that Telegram refuses', async () => {
      const token = '123456789:AAtoken-that-nobody-ever-issued-000000'
      const error = await refusal(await make({ env: { BOT_TOKEN: token } }), 'OPS_TOKEN_REFUSED')
      expect(error).to.include('BOT_TOKEN')
    })
  })

  describe('while it runs', () => {
    let bot: BotProcess

    before(async () => {
      bot = await make({ env: { PLUGINS_DIR: 'plugins,later' } })
      await bot.start()
    })

    it('said where it listens before anything else, and that it is up after everything else', async () => {
      const [first] = bot.lines
      expect(first).to.include({ event: 'http.listening', host: '127.0.0.1' })
      expect(first?.port).to.be.a('number').above(0)
      const started = await bot.event('app.started')
      expect(started).to.include({ store: 'memory', database: testKind })
      expect(started.plugins).to.deep.equal(['gate', 'ping'])
      expect(started.ms).to.be.a('number')
      expect(bot.lines.findIndex((line) => line.event === 'plugin.loaded')).to.be.below(
        bot.lines.indexOf(started),
      )
    })

    it('says how it is', async () => {
      const alive = await bot.http('/healthz')
      expect(alive.status).to.equal(200)
      expect(alive.body).to.have.all.keys('status', 'version', 'uptimeS', 'instance')
      expect(alive.body).to.include({ status: 'ok' })
      const ready = await bot.http('/readyz')
      expect(ready.status, JSON.stringify(ready.body)).to.equal(200)
      const { status, checks } = ready.body as { status: string; checks: Record<string, object> }
      expect(status).to.equal('ready')
      expect(checks).to.include.all.keys('database', 'store', 'telegram', 'plugins')
      for (const check of Object.values(checks)) {
        expect(check).to.include({ status: 'up' })
        expect(check).to.have.property('latencyMs').that.is.a('number')
      }
    })

    it('keeps another bot off its database', async () => {
      const second = await make({
        env: {
          DATABASE_URL: bot.env.DATABASE_URL,
          DATA_DIR: bot.env.DATA_DIR,
          LOG_DIR: bot.folder,
          BOT_TOKEN: '8000000002:AAanother-token-of-the-fake-Bot-API',
        },
      })
      second.spawn()
      expect(await second.exited()).to.equal(1)
      const code = testKind === 'embedded' ? 'OPS_DATABASE_IN_USE' : 'OPS_DATABASE_OTHER_BOT'
      expect(second.stderr).to.match(/^OPS_\w+: .+\n {2}→ .+\n$/)
      expect(second.stderr).to.include(code).and.include(String(bot.pid))
      expect(await bot.ask(bot.ownerId, '/ping')).to.equal('pong')
    })

    it('warns of a folder of plugins that is not there, and reads it as soon as it is', async () => {
      const later = join(bot.folder, 'later')
      const warning = await bot.event('plugin.dir-missing')
      expect(warning).to.include({ level: 'warn', dir: later })
      expect(warning.hint).to.include('PLUGINS_DIR')
      mkdirSync(join(later, 'word'), { recursive: true })
      writeFileSync(join(later, 'word/index.ts'), wordPlugin('word', 'later'))
      await bot.event('plugin.loaded', { plugin: 'word' })
      expect(await bot.ask(bot.ownerId, '/word')).to.equal('later')
    })

    it('ends with an error when the token is revoked', async () => {
      bot.api.faults.add({
        kind: 'error',
        status: 401,
        description: 'Unauthorized',
        method: 'getUpdates',
      })
      bot.person(bot.ownerId).sendText('/ping')
      expect(await bot.exited()).to.equal(1)
      expect(bot.stderr).to.match(/^OPS_TOKEN_REFUSED: .+\n {2}→ .*BOT_TOKEN.*\n$/)
      await bot.event('app.stopped')
    })
  })

  describe('through npm start', () => {
    it('stops at a SIGTERM sent to npm', async () => {
      const bot = await make()
      bot.spawnNpm()
      await bot.event('app.started', {}, 120_000)
      process.kill(bot.pid, 'SIGTERM')
      expect(await bot.exited(), bot.stderr).to.equal(0)
      expect(bot.stderr).to.equal('')
      await bot.event('app.stopping')
      expect(bot.lines.at(-1)).to.include({ event: 'app.stopped' })
    })

    it('stops at a Ctrl-C, which reaches npm and the bot and so comes twice', async () => {
      const bot = await make()
      bot.spawnNpm()
      await bot.event('app.started', {}, 120_000)
      process.kill(-bot.pid, 'SIGINT')
      expect(await bot.exited(), bot.stderr).to.equal(0)
      await bot.event('app.stopped')
    })
  })

  it('stops at a SIGTERM while Telegram can’t be reached at the start', async () => {
    const bot = await make({ env: { TELEGRAM_API_ROOT: 'http://127.0.0.1:1' } })
    bot.spawn()
    await bot.event('telegram.unreachable', {}, 120_000)
    expect((await bot.http('/healthz')).status).to.equal(200)
    expect(await bot.http('/readyz')).to.deep.include({ status: 503 })
    bot.signal('SIGTERM')
    expect(await bot.exited(), bot.stderr).to.equal(0)
    expect(bot.stderr).to.equal('')
    await bot.event('app.stopped')
  })

  describe('without a token', () => {
    let bot: BotProcess

    before(async () => {
      const env = {
        BOT_TOKEN: undefined,
        ADMIN_IDS: undefined,
        TELEGRAM_API_ROOT: undefined,
        DATABASE_URL: `postgres://ops:${password}@127.0.0.1:1/ops`,
        HTTP_HOST: '0.0.0.0',
      }
      bot = await make({ env, firstParty: true, plugins: {} })
      bot.writeEnv('BOT_TOKN=1:abc\n')
      await bot.start()
    })

    it('names a misspelt variable, so that nobody wonders why it is no real bot', async () => {
      const { variable, meant } = await bot.event('config.unknown-variable')
      expect({ variable, meant }).to.deep.equal({ variable: 'BOT_TOKN', meant: 'BOT_TOKEN' })
    })

    it('prints the address of the playground before anything takes time', () => {
      const [listening, open] = bot.lines.filter(
        ({ event }) => !String(event).startsWith('config.'),
      )
      expect(listening?.event).to.equal('http.listening')
      expect(open?.event).to.equal('playground.open')
      expect(open?.url).to.match(/^http:\/\/127\.0\.0\.1:\d+\/playground$/)
    })

    it('warns that neither the database nor the address is used', () => {
      const warnings = bot.lines.filter((line) => line.event === 'config.warning')
      expect(warnings.map((line) => String(line.warning).split(' ')[0])).to.have.members([
        'DATABASE_URL',
        'HTTP_HOST',
      ])
      expect(existsSync(join(bot.dataDir, 'playground'))).to.equal(true)
    })

    it('serves the page to this machine and to nobody who pretends to be it', async () => {
      expect(await pageFor('127.0.0.1')).to.equal(200)
      expect(await pageFor('localhost')).to.equal(200)
      expect(await pageFor('rebound.example')).to.equal(403)
    })

    it('counts two signals within a second as one', async () => {
      bot.signal('SIGINT')
      bot.signal('SIGINT')
      expect(await bot.exited()).to.equal(0)
      expect(bot.stderr).to.equal('')
      await bot.event('app.stopped')
    })

    /** The status of the playground's page; fetch would not let the Host header be set. */
    async function pageFor(host: string): Promise<number | undefined> {
      const { port } = await bot.event('http.listening')
      return new Promise((resolve, reject) => {
        const headers = { host: `${host}:${port}` }
        request(
          { host: '127.0.0.1', port: Number(port), path: '/playground', headers },
          (answer) => {
            answer.resume()
            resolve(answer.statusCode)
          },
        )
          .on('error', reject)
          .end()
      })
    }
  })
})
