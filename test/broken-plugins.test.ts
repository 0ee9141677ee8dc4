import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { expect } from 'chai'
import { BotProcess, type LogLine } from './support/bot-process.ts'
import { gatePlugin, wordPlugin } from './support/plugins.ts'
import { until } from './support/wait.ts'

const core = resolve(import.meta.dirname, '../core/errors.ts')
const good = wordPlugin('probe', 'good')

/** The good plugin with one more line above its manifest, which is line 3. */
const withTop = (line: string) =>
  good.replace("from 'opsgram'\n", () => `from 'opsgram'\n${line}\n`)
/** The good plugin with one more key in its manifest, on line 7. */
const withKey = (key: string) => good.replace("'1.0.0',", () => `'1.0.0',\n  ${key},`)

const migration = (sql: string) => `
import { Migration } from '@mikro-orm/migrations'
export default class extends Migration {
  override up() {
    this.addSql('${sql}')
  }
}
`
const entity = (column = '') => `import { defineEntity, p } from '@mikro-orm/core'
const Row = defineEntity({
  name: 'ProbeRow',
  tableName: 'probe_rows',
  properties: { id: p.string().primary()${column} },
})`

interface Case {
  /** What is wrong, by file of the folder; a text alone is index.ts. */
  broken: string | Record<string, string>
  /** How the other files are mended; index.ts becomes the good one. */
  mended?: Record<string, string>
  code: string
  /** File and line in the log, where they can be known. */
  at?: [file: string, line?: number]
  says: RegExp
}

const cases: Record<string, Case> = {
  'a syntax error': {
    broken: good.replace("'1.0.0'", "= '1.0.0'"),
    code: 'OPS_PLUGIN_BUILD',
    at: ['index.ts', 6],
    says: /probe\/index\.ts:6:12/,
  },
  'an unknown key in the manifest': {
    broken: withKey('comands: {}'),
    code: 'OPS_PLUGIN_MANIFEST',
    says: /probe.*"comands".*Did you mean "commands"/,
  },
  'another name than its folder’s': {
    broken: good.replace("name: 'probe'", "name: 'prob'"),
    code: 'OPS_PLUGIN_NAME',
    says: /probe.*prob'/,
  },
  'no manifest at all': {
    broken: 'export const probe = 1',
    code: 'OPS_PLUGIN_MANIFEST',
    says: /probe.*definePlugin/,
  },
  'a command that another plugin has': {
    broken: wordPlugin('probe', 'mine', 'ping'),
    code: 'OPS_PLUGIN_CONFLICT',
    says: /\/ping.*ping and probe/,
  },
  'a second authenticator': {
    broken: gatePlugin.replace("name: 'gate'", "name: 'probe'"),
    code: 'OPS_PLUGIN_CONFLICT',
    says: /authenticator.*gate and probe/,
  },
  'a setup that throws': {
    broken: withKey("setup() { throw new Error('no luck') }"),
    code: 'OPS_PLUGIN_SETUP',
    at: ['index.ts', 7],
    says: /probe.*no luck/,
  },
  'code that throws while it is loaded': {
    broken: withTop("throw new Error('too early')"),
    code: 'OPS_PLUGIN_LOAD',
    at: ['index.ts', 3],
    says: /probe\/index\.ts:3:.*too early/,
  },
  'an import of another plugin’s inside': {
    broken: withTop("import '../ping/inside.ts'"),
    code: 'OPS_PLUGIN_IMPORT_FOREIGN',
    at: ['index.ts', 3],
    says: /inside\.ts.*ping.*api\.ts/,
  },
  'an import of the core by a relative path': {
    broken: withTop('import "CORE"'),
    code: 'OPS_PLUGIN_IMPORT_CORE',
    at: ['index.ts', 3],
    says: /core.*'opsgram'/,
  },
  'an import of the core by an absolute path': {
    broken: withTop(`import '${core}'`),
    code: 'OPS_PLUGIN_IMPORT_CORE',
    at: ['index.ts', 3],
    says: /core.*'opsgram'/,
  },
  'an import of a package that is not installed': {
    broken: withTop("import 'no-such-package-anywhere'"),
    code: 'OPS_PLUGIN_IMPORT_MISSING',
    at: ['index.ts', 3],
    says: /no-such-package-anywhere.*npm install/,
  },
  'an import of what opsgram doesn’t export': {
    broken: withTop("import { command } from 'opsgram'; command()"),
    code: 'OPS_PLUGIN_EXPORT_MISSING',
    at: ['index.ts', 3],
    says: /opsgram.*command/,
  },
  'a locale file that is no JSON': {
    broken: { 'index.ts': good, 'locales/en.json': '{\n  "word": "text",\n  word\n}\n' },
    mended: { 'locales/en.json': '{ "word": "text" }' },
    code: 'OPS_PLUGIN_LOCALE',
    at: ['locales/en.json', 3],
    says: /locales\/en\.json:3/,
  },
  'an entity without a migration': {
    broken: withTop(entity()).replace("'1.0.0',", "'1.0.0',\n  entities: [Row],"),
    code: 'OPS_SCHEMA_BEHIND',
    says: /probe.*probe_rows.*migration/,
  },
}

describe('a broken plugin fails alone, says why once, and lives when it is mended', () => {
  let bot: BotProcess
  let otherDir: string

  before(async () => {
    bot = await BotProcess.create({
      firstParty: false,
      plugins: {
        'gate/index.ts': gatePlugin,
        'ping/index.ts': wordPlugin('ping', 'pong'),
        'ping/inside.ts': 'export const inside = 1',
      },
      env: { PLUGINS_DIR: 'plugins,other' },
    })
    otherDir = join(bot.folder, 'other')
    mkdirSync(otherDir)
    bot.writeEnv('PROBE_LIMIT=many\nPROBE_API_TOKEN=short-secret\n')
    await bot.start()
  })
  after(() => bot.close())

  beforeEach(() => bot.forget())
  afterEach(async () => {
    bot.forget()
    bot.remove('probe')
    await until('it is gone', async () => (await ask('/probe')).startsWith('There is no command'))
  })

  const write = (files: string | Record<string, string>) => {
    const all = Object.entries(typeof files === 'string' ? { 'index.ts': files } : files)
    const folder = join(bot.pluginsDir, 'probe')
    bot.writeAll(
      Object.fromEntries(
        all.map(([file, text]) => [`probe/${file}`, text.replace('CORE', relative(folder, core))]),
      ),
    )
  }
  const ask = (command: string) => bot.ask(bot.ownerId, command)
  const aborts = () => bot.lines.filter((line) => line.event === 'plugin.reload.aborted')

  /** The one line about it, and that nobody else suffers. */
  async function abort(code: string, plugin = 'probe'): Promise<LogLine> {
    const line = await bot.event('plugin.reload.aborted', { plugin })
    expect(line.code, JSON.stringify(line)).to.equal(code)
    expect(line.hint).to.be.a('string')
    expect(await ask('/ping')).to.equal('pong')
    return line
  }

  async function goesLive(event: 'plugin.loaded' | 'plugin.reload.committed'): Promise<void> {
    await bot.event(event, { plugin: 'probe' })
    expect(aborts(), JSON.stringify(aborts())).to.have.length(1)
    bot.forget()
  }

  for (const [title, { broken, mended = {}, code, at, says }] of Object.entries(cases)) {
    it(title, async () => {
      const check = (line: LogLine) => {
        expect(`${line.message} ${line.hint}`).to.match(says)
        if (at === undefined) return
        expect(line.file).to.equal(join(bot.pluginsDir, 'probe', at[0]))
        expect(line.line).to.equal(at[1])
      }
      write(broken)
      check(await abort(code))
      write({ ...mended, 'index.ts': good })
      await goesLive('plugin.loaded')
      expect(await ask('/probe')).to.equal('good')

      write(broken)
      check(await abort(code))
      expect(await ask('/probe')).to.equal('good')
      write({ ...mended, 'index.ts': wordPlugin('probe', 'mended') })
      await goesLive('plugin.reload.committed')
      expect(await ask('/probe')).to.equal('mended')
    })
  }

  it('a reserved name', async () => {
    bot.write('http/index.ts', wordPlugin('http', 'x'))
    const line = await abort('OPS_PLUGIN_NAME', 'http')
    expect(line.message).to.match(/"http".*reserved/)
    expect(bot.lines.filter((line) => line.event === 'plugin.loaded')).to.deep.equal([])
    bot.remove('http')
  })

  it('a folder without index.ts', async () => {
    write({ 'notes.txt': 'to do' })
    expect((await abort('OPS_PLUGIN_EMPTY')).message).to.include('probe')
    write(good)
    await goesLive('plugin.loaded')
  })

  it('a migration that fails: nothing of it is kept', async () => {
    const bad = 'create table probe_rows (id text primary key); select nonsense'
    write({ 'index.ts': good, 'migrations/0001_rows.ts': migration(bad) })
    const line = await abort('OPS_MIGRATION_FAILED')
    expect(line.message).to.match(/0001_rows.*probe.*nonsense/)
    expect(line.file).to.equal(join(bot.pluginsDir, 'probe/migrations/0001_rows.ts'))
    write({ 'migrations/0001_rows.ts': migration('create table probe_rows (id text primary key)') })
    await goesLive('plugin.loaded')

    write({
      'index.ts': wordPlugin('probe', 'new'),
      'migrations/0002_more.ts': migration('alter table probe_rows add column id text'),
    })
    await abort('OPS_MIGRATION_FAILED')
    expect(await ask('/probe')).to.equal('good')
    write({ 'migrations/0002_more.ts': migration('alter table probe_rows add column word text') })
    await goesLive('plugin.reload.committed')
    expect(await ask('/probe')).to.equal('new')

    write({ 'migrations/0002_more.ts': migration('alter table probe_rows add column text text') })
    const edited = await abort('OPS_MIGRATION_EDITED')
    expect(edited.message).to.match(/0002_more.*probe/)
    expect(edited.file).to.equal(join(bot.pluginsDir, 'probe/migrations/0002_more.ts'))
    expect(await ask('/probe')).to.equal('new')

    // the tables are there now: what needs one column more is told so
    write({
      'index.ts': withTop(entity(', note: p.string()')).replace(
        "'1.0.0',",
        "'1.0.0',\n  entities: [Row],",
      ),
      'migrations/0002_more.ts': migration('alter table probe_rows add column word text'),
    })
    bot.forget()
    expect((await abort('OPS_SCHEMA_BEHIND')).message).to.match(/probe_rows.*note/)
  })

  it('settings that are wrong in .env, until .env is mended', async () => {
    const demanding = withTop("import { z } from 'zod'").replace(
      "'1.0.0',",
      "'1.0.0',\n  config: z.object({ limit: z.coerce.number(), apiToken: z.string().min(20) }),",
    )
    write(demanding)
    const line = await abort('OPS_PLUGIN_CONFIG')
    expect(line.message).to.match(/probe.*PROBE_LIMIT.*PROBE_API_TOKEN/)
    expect(JSON.stringify(line)).not.to.include('short-secret')
    bot.forget()
    bot.writeEnv('PROBE_LIMIT=12\n')
    expect((await abort('OPS_PLUGIN_CONFIG')).message).to.match(/PROBE_API_TOKEN is not set/)
    bot.writeEnv('PROBE_LIMIT=12\nPROBE_API_TOKEN=a-secret-of-twenty-characters\n')
    await goesLive('plugin.loaded')
    expect(await ask('/probe')).to.equal('good')
    bot.writeEnv('PROBE_LIMIT=none\nPROBE_API_TOKEN=a-secret-of-twenty-characters\n')
    const { message } = await abort('OPS_PLUGIN_CONFIG')
    expect(message).to.include('PROBE_LIMIT is not accepted: a number is expected')
    expect(await ask('/probe')).to.equal('good')
  })

  it('a .env that can’t be read any more, or asks for what only a new start can do', async () => {
    const env = bot.writeEnv('LOG_LEVEL=debug\n')
    expect(await bot.event('config.restart-needed')).to.deep.include({ variables: ['LOG_LEVEL'] })
    bot.forget()
    rmSync(env)
    await bot.event('config.restart-needed')
    mkdirSync(env)
    const line = await bot.event('config.not-read')
    expect(line.error).to.include({ code: 'OPS_ENV_FILE' })
    expect(await ask('/ping')).to.equal('pong')
    rmSync(env, { recursive: true })
  })

  it('one name in two folders of plugins: the first serves, until it goes', async () => {
    write(good)
    await bot.event('plugin.loaded', { plugin: 'probe' })
    mkdirSync(join(otherDir, 'probe'))
    writeFileSync(join(otherDir, 'probe/index.ts'), wordPlugin('probe', 'other'))
    try {
      const line = await abort('OPS_PLUGIN_CONFLICT')
      expect(line.message).to.include(join(bot.pluginsDir, 'probe'))
      expect(line.message).to.include(join(otherDir, 'probe'))
      expect(await ask('/probe')).to.equal('good')
      // other changes don't tell it again
      bot.write('ping/inside.ts', 'export const inside = 2')
      await bot.event('plugin.reload.committed', { plugin: 'ping' })
      expect(aborts()).to.have.length(1)
      bot.remove('probe')
      await bot.event('plugin.reload.committed', { plugin: 'probe' })
      expect(await ask('/probe')).to.equal('other')
    } finally {
      rmSync(join(otherDir, 'probe'), { recursive: true })
    }
  })

  it('code that is awaited for ever while it is loaded', async () => {
    write(withTop('await new Promise(() => {})'))
    const line = await abort('OPS_PLUGIN_LOAD_TIMEOUT', 'probe')
    expect(line.message).to.include('probe')
    write(good)
    await goesLive('plugin.loaded')
  })

  it('a setup that hangs: the version before goes on serving meanwhile', async () => {
    write(good)
    await bot.event('plugin.loaded', { plugin: 'probe' })
    write(withKey('setup: () => new Promise(() => {})'))
    expect(await ask('/probe')).to.equal('good')
    const line = await abort('OPS_PLUGIN_SETUP_TIMEOUT', 'probe')
    expect(line.message).to.include('probe')
    expect(await ask('/probe')).to.equal('good')
    write(wordPlugin('probe', 'mended'))
    await goesLive('plugin.reload.committed')
    expect(await ask('/probe')).to.equal('mended')
  })

  it('already at the start: the others serve, and health is degraded until it is mended', async () => {
    write(good)
    await bot.event('plugin.loaded', { plugin: 'probe' })
    await bot.stop()
    bot.write('early/index.ts', 'export default {')
    bot.write(
      'late/index.ts',
      withKey("setup() { throw new Error('no luck') }").replaceAll('probe', 'late'),
    )
    write(wordPlugin('probe', 'never').replace("'1.0.0'", '='))
    await bot.start()
    expect(aborts().map(({ plugin, code }) => `${plugin} ${code}`)).to.have.members([
      'early OPS_PLUGIN_BUILD',
      'late OPS_PLUGIN_SETUP',
      'probe OPS_PLUGIN_BUILD',
    ])
    // what was good before the stop goes on serving
    expect((await bot.event('app.started')).plugins).to.deep.equal(['gate', 'ping', 'probe'])
    expect(await ask('/probe')).to.equal('good')
    expect(await ask('/ping')).to.equal('pong')
    expect(await pluginsCheck()).to.equal('degraded')
    for (const plugin of ['early', 'late', 'probe']) {
      bot.forget()
      bot.write(`${plugin}/index.ts`, wordPlugin(plugin, 'mended'))
      const event = plugin === 'probe' ? 'plugin.reload.committed' : 'plugin.loaded'
      await bot.event(event, { plugin })
      expect(await ask(`/${plugin}`)).to.equal('mended')
    }
    await until('health is well', async () => (await pluginsCheck()) === 'up')
    bot.remove('early')
    bot.remove('late')
  })

  async function pluginsCheck(): Promise<string> {
    const { status, body } = await bot.http('/readyz')
    expect(status).to.equal(200)
    return (body as { checks: { plugins: { status: string } } }).checks.plugins.status
  }
})
