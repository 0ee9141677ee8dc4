import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { migrateCommand } from '../../../core/cli/migrate/migrate.ts'
import { pluginCommand } from '../../../core/cli/plugin/plugin.ts'
import { openDatabase } from '../../../core/database/connection.ts'
import { putEmbedded } from '../../../core/testing/test-bot/seed.ts'
import { freshUrl, testKind } from '../../support/database.ts'
import { freshFolder } from '../../support/folders.ts'
import { silentLog } from '../../support/log.ts'
import { rejected } from '../../support/rejected.ts'
import { printed } from './output.ts'

const firstParty = resolve(import.meta.dirname, '../../../plugins')

const manifest = `import { definePlugin } from 'opsgram'
import { Shelf } from './entities.ts'
export default definePlugin({ name: 'shelf', version: '1.0.0', entities: [Shelf], tables: ['boards'] })
`
const entities = (more = '') => `import { defineEntity, p } from '@mikro-orm/core'
import { BotUser } from 'opsgram'
const schema = defineEntity({
  name: 'Shelf',
  tableName: 'shelf_rows',
  properties: { id: p.string().length(26).primary(), label: p.text()${more} },
})
export class Shelf extends schema.class {}
schema.setClass(Shelf)
`
const first = (more = '') => `import { Migration } from '@mikro-orm/migrations'
export default class Rows extends Migration {
  override up(): void {
    this.addSql('create table shelf_rows (id varchar(26) primary key, label text not null check (length(label) > 0))')
    this.addSql('create index shelf_by_label on shelf_rows (label)')
    this.addSql('create table boards (id int primary key, shelf varchar(26) references shelf_rows (id))')
    ${more}
  }
}
`
const second = (
  up: string,
  down: string,
  breaking = '',
) => `import { Migration } from '@mikro-orm/migrations'
export default class More extends Migration {
  ${breaking}
  override up(): void {
    this.addSql('${up}')
  }
  override down(): void {
    this.addSql('${down}')
  }
}
`

describe('opsgram migrate', function () {
  this.timeout(180_000)
  const before = { ...process.env }
  let root: string
  let dir: string

  beforeEach(async () => {
    const dataDir = freshFolder()
    root = freshFolder()
    dir = join(root, 'shelf')
    write({ 'index.ts': manifest, 'entities.ts': entities(), 'migrations/0001_rows.ts': first() })
    const url = testKind === 'postgres' ? await freshUrl() : ''
    Object.assign(process.env, {
      DATA_DIR: dataDir,
      PLUGINS_DIR: root,
      BOT_TOKEN: `123456789:${'x'.repeat(35)}`,
      ADMIN_IDS: '1',
    })
    if (url === '') await putEmbedded(join(dataDir, 'database'), silentLog)
    else process.env.DATABASE_URL = url
  })
  afterEach(() => {
    process.env = { ...before }
  })

  const write = (files: Record<string, string>) => {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(join(dir, file, '..'), { recursive: true })
      writeFileSync(join(dir, file), text)
    }
  }
  const run = (...args: string[]) => printed(() => migrateCommand(args))
  const query = async <Row>(sql: string): Promise<Row[]> => {
    const { DATABASE_URL: url, DATA_DIR = '' } = process.env
    const database = await openDatabase({ url, dir: join(DATA_DIR, 'database'), log: silentLog })
    try {
      return await database.query<Row>(sql)
    } finally {
      await database.close()
    }
  }
  const columns = async () =>
    (
      await query<{ name: string }>(
        `select attname::text as name from pg_attribute
          where attrelid = 'shelf_rows'::regclass and attnum > 0 and not attisdropped order by attnum`,
      )
    ).map(({ name }) => name)

  it('brings the core and all plugins up to date, and --dry-run only tells', async () => {
    process.env.PLUGINS_DIR = `${firstParty},${root}`
    const tried = await run('--dry-run')
    expect(tried.text).to.contain('core: pending 0001_core').and.contain('shelf: pending 0001_rows')
    const done = await run()
    expect(done.text).to.contain('worklog: applied 0001_entries').and.contain('shelf: applied')
    const again = await run()
    expect(again.text).to.contain('core: up to date').and.not.to.contain('applied')
    expect(again.code).to.equal(0)
  })

  it('runs breaking ones while nobody serves, and status tells of each', async () => {
    await run()
    write({
      'migrations/0002_title.ts': second(
        'alter table shelf_rows rename label to title',
        'alter table shelf_rows rename title to label',
        'static readonly breaking = true',
      ),
    })
    expect((await run('status')).text).to.match(
      /shelf\n {2}0001_rows +applied .*\n {2}0002_title +pending, breaking/,
    )
    expect((await run()).text).to.contain('shelf: applied 0002_title (breaking)')
    expect(await columns()).to.deep.equal(['id', 'title'])
    rmSync(join(dir, 'migrations/0002_title.ts'))
    writeFileSync(join(dir, 'migrations/0001_rows.ts'), first('// edited'))
    const { text } = await run('status')
    expect(text).to.match(/0001_rows +applied .*edited since/)
    expect(text).to.match(/0002_title +applied .*breaking, not in this version of the code/)
  })

  it('redoes the last one as it is now, and only where nothing has to be kept', async () => {
    await run()
    const drop = 'alter table shelf_rows drop more'
    write({ 'migrations/0002_more.ts': second('alter table shelf_rows add more int', drop) })
    await run()
    write({ 'migrations/0002_more.ts': second('alter table shelf_rows add more text', drop) })
    if (testKind === 'postgres') {
      const error = await rejected(run('redo'))
      expect(error.code).to.equal('OPS_CLI_USAGE')
      expect(error.hint).to.contain('--force')
    }
    expect((await run('redo', '--force')).text).to.contain('shelf: undid 0002_more and ran it anew')
    await query("insert into shelf_rows values ('a', 'b', 'a text')")
    rmSync(join(dir, 'migrations/0002_more.ts'))
    // what has no down
    expect((await rejected(run('redo', '--plugin', 'shelf', '--force'))).code).to.equal(
      'OPS_MIGRATION_NEWER',
    )
    expect((await rejected(run('redo', '--plugin', 'shelv', '--force'))).hint).to.contain('shelf')
  })

  it('writes the next one from what the entities have and the migrations don’t make', async () => {
    write({
      'entities.ts': entities(
        ', colour: p.text().nullable(), owner: () => p.manyToOne(BotUser).nullable()',
      ),
    })
    expect((await run('create', 'Add', 'colour')).text).to.match(/0002_add_colour\.ts is written\./)
    const text = readFileSync(join(dir, 'migrations/0002_add_colour.ts'), 'utf8')
    expect(text).to.contain('class AddColour extends Migration').and.not.to.contain('breaking')
    expect(text, 'what was made by hand stays').not.to.match(/shelf_by_label|check|boards/)
    expect((await run()).text).to.contain('shelf: applied 0002_add_colour')
    expect(await columns()).to.deep.equal(['id', 'label', 'colour', 'owner_id'])
    expect((await run('redo', '--force')).text).to.contain('undid 0002_add_colour')

    write({
      'entities.ts': entities(
        ', colour: p.text().nullable(), owner: () => p.manyToOne(BotUser).nullable(), size: p.integer()',
      ),
    })
    expect((await run('create', 'size', '--plugin', 'shelf')).text).to.contain('marked breaking')
    const breaking = readFileSync(join(dir, 'migrations/0003_size.ts'), 'utf8')
    expect(breaking).to.contain('static readonly breaking = true').and.contain('override down')
    expect((await run()).text).to.contain('shelf: applied 0003_size (breaking)')
  })

  it('writes an empty one that fails until it is filled', async () => {
    expect((await run('create', 'later')).text).to.contain('has to be filled')
    expect(readdirSync(join(dir, 'migrations'))).to.include('0002_later.ts')
    const { text, code } = await run()
    expect(text).to.contain('OPS_MIGRATION_FAILED').and.contain('0002_later is not written yet')
    expect(code).to.equal(1)
    expect((await rejected(run('create'))).code).to.equal('OPS_CLI_USAGE')
  })

  it('names the plugins when it can’t know which is meant', async () => {
    cpSync(dir, join(root, 'other'), { recursive: true })
    const error = await rejected(run('create', 'x'))
    expect(error.code).to.equal('OPS_CLI_USAGE')
    expect(error.hint).to.contain('other, shelf')
  })

  it('refuses what breaks while an instance lives, and redo and purge altogether', async function () {
    if (testKind !== 'postgres') this.skip()
    await run()
    write({
      'migrations/0002_title.ts': second(
        'alter table shelf_rows rename label to title',
        'alter table shelf_rows rename title to label',
        'static readonly breaking = true',
      ),
    })
    await query(
      `insert into instances (id, bot_id, state, host, pid, core_version, heartbeat_at)
       values ('other', 42, 'serving', 'far.example', 7, '1.0.0', now() + interval '1 hour')`,
    )
    const { text, code } = await run()
    expect(text).to.contain('OPS_MIGRATION_NEEDS_MAINTENANCE').and.contain('far.example (process 7')
    expect(code).to.equal(1)
    expect(await columns()).to.deep.equal(['id', 'label'])
    expect((await rejected(run('redo', '--force'))).code).to.equal('OPS_DATABASE_IN_USE')
    rmSync(dir, { recursive: true })
    const purge = rejected(printed(() => pluginCommand(['purge', 'shelf', '--yes'])))
    expect((await purge).code).to.equal('OPS_DATABASE_IN_USE')
  })

  describe('and what is left of a plugin', () => {
    const purge = (...args: string[]) => printed(() => pluginCommand(['purge', ...args]))

    it('is listed and dropped when its folder is gone, and nothing else', async () => {
      await run()
      await query("insert into shelf_rows values ('a', 'b')")
      await query(
        "insert into plugin_choices (plugin, disabled) values ('shelf', true), ('other', true)",
      )
      await query('create table shelf_extra (id int); create table shelfother (id int)')
      expect((await rejected(purge('shelf', '--yes'))).code).to.equal('OPS_PLUGIN_PRESENT')
      rmSync(dir, { recursive: true })
      const builds = join(process.env.DATA_DIR ?? '', 'builds')
      mkdirSync(builds, { recursive: true })
      writeFileSync(join(builds, 'shelf.json'), '{}')

      expect((await rejected(purge('shelf'))).hint).to.contain('--yes')
      const { text, code } = await purge('shelf', '--yes')
      expect(code).to.equal(0)
      for (const line of [
        'table shelf_rows, 1 row\n',
        'table boards, 0 rows',
        'table shelf_extra',
        'migrations_shelf, 1 row',
        '1 row of the core’s table plugin_choices',
        'shelf.json',
      ]) {
        expect(text).to.contain(line)
      }
      expect(readdirSync(builds)).to.deep.equal([])
      const left = await query<{ name: string }>(
        "select relname::text as name from pg_class where relname ~ 'shelf|boards' and relkind = 'r'",
      )
      expect(left).to.deep.equal([{ name: 'shelfother' }])
      expect(await query('select plugin from plugin_choices')).to.deep.equal([{ plugin: 'other' }])
      const [audit] = await query<{ before: { objects: unknown[] } }>(
        "select before from audit_log where action = 'plugin.purge' and target = 'plugin:shelf'",
      )
      expect(audit?.before.objects).to.have.length(4)
      expect((await rejected(purge('shelf', '--yes'))).code).to.equal('OPS_PLUGIN_NOTHING_LEFT')
    })

    it('is kept as a whole when something else refers to it', async () => {
      await run()
      await query('create view mine as select * from shelf_rows')
      rmSync(dir, { recursive: true })
      const error = await rejected(purge('shelf', '--yes'))
      expect(error.code).to.equal('OPS_PLUGIN_NEEDED')
      expect(error.message).to.contain('mine')
      expect(await columns()).to.deep.equal(['id', 'label'])
    })

    it('is never a table of the core', async () => {
      await run()
      for (const name of ['audit', 'bot', 'plugin', 'button']) {
        const error = await rejected(purge(name, '--yes'))
        expect(['OPS_PLUGIN_NOTHING_LEFT', 'OPS_PLUGIN_NAME']).to.include(error.code)
      }
    })
  })
})
