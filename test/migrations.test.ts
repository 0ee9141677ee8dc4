import { join } from 'node:path'
import { expect } from 'chai'
import pg from 'pg'
import { openDatabase } from '../core/database/connection.ts'
import { BotProcess, type LogLine } from './support/bot-process.ts'
import { testKind } from './support/database.ts'
import { silentLog } from './support/log.ts'
import { gatePlugin } from './support/plugins.ts'
import { until } from './support/wait.ts'

/** Tells which version answers, and what the table holds for it. */
const shelf = (version: string, more = '') => `import { definePlugin } from 'opsgram'
const rows = (ctx) => ctx.em.execute('select * from shelf_rows order by id')
export default definePlugin({
  name: 'shelf',
  version: '1.0.0',
  ${more}
  commands: ({ command }) => ({
    shelf: command({
      description: 'The shelf',
      run: async (ctx) => '${version} ' + JSON.stringify(await rows(ctx)),
    }),
    linger: command({
      description: 'Takes its time',
      run: async (ctx) => {
        await new Promise((resolve) => setTimeout(resolve, 1000))
        return '${version} lingered ' + JSON.stringify(await rows(ctx))
      },
    }),
  }),
})
`
const failing = "setup() { throw new Error('not today') },"

interface Ways {
  up: string
  down?: string
  breaking?: boolean
}
const migration = ({ up, down, breaking = false }: Ways) => `
import { Migration } from '@mikro-orm/migrations'
export default class extends Migration {
  ${breaking ? 'static readonly breaking = true' : ''}
  override up() { this.addSql(\`${up}\`) }
  ${down === undefined ? '' : `override down() { this.addSql(\`${down}\`) }`}
}
`
const first = migration({
  up: "create table shelf_rows (id int primary key, label text not null); insert into shelf_rows values (1, 'box')",
})
const colour = migration({ up: "alter table shelf_rows add colour text not null default 'red'" })
const rename = {
  up: 'alter table shelf_rows rename column label to title',
  down: 'alter table shelf_rows rename column title to label',
  breaking: true,
}

const old = 'old [{"id":1,"label":"box"}]'
const fresh = 'new [{"id":1,"title":"box"}]'

describe('migrations at a reload', function () {
  this.timeout(180_000)
  let bot: BotProcess
  /** Each test has a plugin of its own; texts speak of `shelf`. */
  let name = ''
  let count = 0

  before(async () => {
    bot = await BotProcess.create({
      firstParty: false,
      plugins: { 'gate/index.ts': gatePlugin },
    })
    bot.copy(join(import.meta.dirname, '../plugins/plugins'), 'plugins')
    await bot.start()
  })
  after(() => bot.close())

  beforeEach(async () => {
    name = `shelf${++count}`
    save(shelf('old'), { '0001_rows': first })
    await bot.event('plugin.loaded', { plugin: name })
    expect(await ask('/shelf')).to.equal(old)
    bot.forget()
  })

  const own = (text: string) =>
    text.replaceAll('shelf', name).replaceAll('linger:', `linger${count}:`)
  const ask = (command: string) => bot.ask(bot.ownerId, own(command))
  const aborted = async (code: string): Promise<LogLine> => {
    const line = await bot.event('plugin.reload.aborted', { plugin: name, code })
    bot.forget()
    return line
  }
  const save = (index: string, migrations: Record<string, string>) =>
    bot.writeAll(filesOf(index, migrations))
  const filesOf = (index: string, migrations: Record<string, string>) => ({
    [`${name}/index.ts`]: own(index),
    ...Object.fromEntries(
      Object.entries(migrations).map(([file, text]) => [
        `${name}/migrations/${file}.ts`,
        own(text),
      ]),
    ),
  })
  const committed = () => bot.event('plugin.reload.committed', { plugin: name })

  it('leave the old version and its schema alone until they are right, whatever is wrong with them', async () => {
    const wrong: [code: string, text: string, says: RegExp][] = [
      ['OPS_PLUGIN_BUILD', `${colour}\n  this.addSql(`, /0002_more\.ts/],
      [
        'OPS_MIGRATION_FAILED',
        migration({ up: 'alter table shelf_rows add colour text; alter table nowhere add x int' }),
        /0002_more.*nowhere/,
      ],
      [
        'OPS_MIGRATION_UNMARKED',
        migration({ up: rename.up }),
        /0002_more.*old name.*rename column/,
      ],
      ['OPS_MIGRATION_NO_DOWN', migration({ up: rename.up, breaking: true }), /0002_more/],
      ['OPS_MIGRATION_FAILED', migration({ up: 'commit' }), /one transaction/],
    ]
    for (const [code, text, says] of wrong) {
      save(shelf('new'), { '0002_more': text })
      const line = await aborted(code)
      expect(line.message).to.match(says)
      expect(line.file).to.equal(`${bot.pluginsDir}/${name}/migrations/0002_more.ts`)
      expect(await ask('/shelf')).to.equal(old)
    }
    save(shelf('new'), { '0002_more': colour })
    await committed()
    expect(await ask('/shelf')).to.equal('new [{"id":1,"label":"box","colour":"red"}]')
    bot.forget()
    save(shelf('newer'), { '0002_more': colour.replace('red', 'blue') })
    expect((await aborted('OPS_MIGRATION_EDITED')).hint).to.contain(`migrate redo --plugin ${name}`)
    expect(await ask('/shelf')).to.contain('new ')
  })

  it('that break the old version wait for its handlers, while updates wait for them', async () => {
    const owner = bot.person(bot.ownerId)
    owner.sendText(`/linger${count}`)
    await until('it is taken', () => bot.api.pending === 0)
    save(shelf('new'), {
      '0002_colour': colour,
      '0003_title': migration({ ...rename, up: `${rename.up}; select pg_sleep(1)` }),
    })
    const before = bot.said(bot.ownerId).length
    await bot.event('plugin.held', { plugin: name })
    const second = bot.api.group({ members: [owner] })
    owner.sendText(own('/shelf'), { chat: second })
    await committed()
    const said = () => [...bot.said(bot.ownerId).slice(before), ...bot.said(second.id)]
    await until('both are answered', () => said().length === 2)
    expect(said()[0]).to.match(/^old lingered .*"label":"box"/)
    expect(said()[1]).to.equal('new [{"id":1,"title":"box","colour":"red"}]')
  })

  it('that break the old version are undone when the new one doesn’t come up', async () => {
    save(shelf('new', failing), { '0002_colour': colour, '0003_title': migration(rename) })
    const undone = await bot.event('plugin.migration.undone', { plugin: name })
    expect(undone.undone).to.deep.equal(['0003_title'])
    expect((await aborted('OPS_PLUGIN_SETUP')).message).to.contain('not today')
    // what is additive stays: the old version lives with it
    expect(await ask('/shelf')).to.equal(old.replace('}', ',"colour":"red"}'))
    save(shelf('new'), {})
    await committed()
    expect(await ask('/shelf')).to.equal(fresh.replace('}', ',"colour":"red"}'))
  })

  it('that break the old version keep it from being put back: what serves goes on', async () => {
    save(shelf('new'), { '0002_title': migration(rename) })
    await committed()
    const answer = await ask('/plugins rollback shelf')
    expect(answer).to.contain('OPS_MIGRATION_NEWER').and.contain('0002_title')
    expect(await ask('/shelf')).to.equal(fresh)
    // and a save goes on from there
    save(shelf('newest'), {})
    await until('it is live', async () => (await ask('/shelf')) === fresh.replace('new', 'newest'))
  })

  it('that can’t be undone keep the old version from serving on a schema that it doesn’t know', async () => {
    const stuck = migration({ ...rename, down: 'alter table nowhere rename to elsewhere' })
    save(shelf('new', failing), { '0002_title': stuck })
    await bot.event('plugin.reload.aborted', { plugin: name, code: 'OPS_MIGRATION_NEWER' })
    const line = await aborted('OPS_MIGRATION_DOWN_FAILED')
    expect(line.message).to.match(/0002_title.*nowhere.*not today/)
    expect(await ask('/shelf')).not.to.contain('box')
    save(shelf('new'), {})
    await bot.event('plugin.loaded', { plugin: name })
    expect(await ask('/shelf')).to.equal(fresh)
  })

  it('that break the old version are undone when another plugin of the same change fails', async () => {
    const other = (more?: string) =>
      shelf('other', more).replaceAll('shelf', 'zebra').replace('linger', 'trot')
    bot.write('zebra/index.ts', other())
    await bot.event('plugin.loaded', { plugin: 'zebra' })
    bot.forget()
    // as git does, which makes them one change
    bot.write('.git/index.lock', '')
    bot.writeAll({
      'zebra/index.ts': other(failing),
      ...filesOf(shelf('new'), { '0002_title': migration(rename) }),
    })
    bot.remove('.git')
    const undone = await bot.event('plugin.migration.undone', { plugin: name })
    expect(undone.undone).to.deep.equal(['0002_title'])
    await aborted('OPS_PLUGIN_TOGETHER')
    expect(await ask('/shelf')).to.equal(old)
    bot.remove('zebra')
  })

  it('that ran keep an older build from serving when the folder breaks', async () => {
    await bot.stop()
    const database = await openDatabase({ ...bot.database, log: silentLog })
    // as `opsgram migrate` leaves it
    await database.query(own(rename.up))
    await database.query(
      own("insert into migrations_shelf (name, hash, breaking) values ('0002_title', 'h', true)"),
    )
    await database.close()
    save('broken(', {})
    await bot.start()
    await bot.event('plugin.reload.aborted', { plugin: name, code: 'OPS_PLUGIN_BUILD' })
    await aborted('OPS_MIGRATION_NEWER')
    expect(await ask('/shelf')).not.to.contain('box')
  })

  describe('on PostgreSQL', () => {
    let client: pg.Client

    before(function () {
      if (testKind !== 'postgres') this.skip()
    })
    beforeEach(async () => {
      client = new pg.Client({ connectionString: bot.database.url ?? '' })
      // the last test cuts it off
      client.on('error', () => undefined)
      await client.connect()
    })
    afterEach(() => client.end())

    it('give up on a table that is kept locked, and run at the next save', async () => {
      await client.query(own('begin; lock table shelf_rows in share mode'))
      save(shelf('new'), { '0002_colour': colour })
      expect((await aborted('OPS_MIGRATION_LOCKED')).message).to.contain('0002_colour')
      expect(await ask('/shelf')).to.equal(old)
      await client.query('rollback')
      save(`${shelf('new')}// saved once more\n`, {})
      await committed()
      expect(await ask('/shelf')).to.contain('"colour":"red"')
    })

    it('that break the old version don’t run while another instance lives', async () => {
      // one that serves would be left half of the inbox, and nobody is there to work on it
      await client.query(
        `insert into instances (id, bot_id, state, host, pid, core_version, heartbeat_at)
         select 'other', bot_id, 'starting', 'far.example', 7, '1.0.0', now() + interval '1 hour' from instances`,
      )
      save(shelf('new'), { '0002_title': migration(rename) })
      const line = await aborted('OPS_MIGRATION_NEEDS_MAINTENANCE')
      expect(line.message).to.contain('0002_title').and.contain('far.example (process 7')
      expect(await ask('/shelf')).to.equal(old)
      await client.query("delete from instances where id = 'other'")
      save(`${shelf('new')}// saved once more\n`, {})
      await committed()
      expect(await ask('/shelf')).to.equal(fresh)
    })

    it('run by themselves when the database is back; until then the old version is kept, and no update is lost', async () => {
      const outage = await bot.cutDatabase()
      const before = bot.said(bot.ownerId).length
      bot.person(bot.ownerId).sendText(own('/shelf'))
      save(shelf('new'), { '0002_title': migration(rename) })
      await aborted('OPS_DATABASE_UNREACHABLE')
      await outage.end()
      await committed()
      const said = () => bot.said(bot.ownerId).slice(before)
      await until('it is answered', () => said().length > 0)
      expect([old, fresh]).to.include(said()[0])
      expect(await ask('/shelf')).to.equal(fresh)
      expect(said()).to.have.length(2)
    })

    it('that are not there need no database: what is saved while it is away is live at once', async () => {
      const outage = await bot.cutDatabase()
      save(shelf('newer'), {})
      await committed()
      const answer = ask('/shelf')
      await outage.end()
      expect(await answer).to.equal(old.replace('old', 'newer'))
    })
  })
})
