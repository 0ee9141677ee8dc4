import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { askForBackup, takeAskedBackups } from '../../../core/backup/asked.ts'
import { type BackedUp, backUp, restore } from '../../../core/backup/backup.ts'
import { manifestOf } from '../../../core/backup/manifest.ts'
import { openDatabase } from '../../../core/database/connection.ts'
import { coreMigrations } from '../../../core/database/migration/core.ts'
import { migrate } from '../../../core/database/migration/migrator.ts'
import { freshUrl, testKind } from '../../support/database.ts'
import { freshFolder } from '../../support/folders.ts'
import { silentLog } from '../../support/log.ts'
import { rejected } from '../../support/rejected.ts'

describe('a backup', function () {
  this.timeout(60_000)
  let database: BackedUp
  let folder: string

  async function run<Row>(...statements: string[]): Promise<Row[]> {
    const opened = await openDatabase({ ...database, log: silentLog })
    try {
      let rows: Row[] = []
      for (const sql of statements) rows = await opened.query<Row>(sql)
      return rows
    } finally {
      await opened.close()
    }
  }
  const take = (keep = 9) => backUp(database, { folder, keep, version: '1.0.0' })
  const names = () => run<{ name: string }>('select name from things order by id')

  before(async () => {
    const dir = join(freshFolder(), 'database')
    folder = join(freshFolder(), 'backups')
    database = { url: testKind === 'postgres' ? await freshUrl() : undefined, dir }
    const opened = await openDatabase({ ...database, log: silentLog })
    await migrate(opened, await coreMigrations())
    await opened.close()
    await run(
      `create table things (id int primary key, name text, at timestamptz default now(), more jsonb default '{"a": 1}')`,
      `insert into things values (1, 'box'), (2, 'шкаф'), (3, null)`,
    )
  })

  it('brings back all that was there, and keeps what it replaces', async () => {
    const { file, manifest, bytes } = await take()
    expect(statSync(file).size).to.equal(bytes)
    expect(statSync(file).mode & 0o077, 'it holds all that people said').to.equal(0)
    expect(manifest.tables.find(({ table }) => table === 'public.things')).to.include({ rows: 3 })
    expect(manifest.tables.map(({ table }) => table)).to.include('public.bot_users')

    await run('drop table things')
    const { restored } = await restore(database, file)
    const before = await restored.swap()
    expect(await names()).to.deep.equal([{ name: 'box' }, { name: 'шкаф' }, { name: null }])
    expect((await take()).manifest.tables).to.deep.equal(manifest.tables)
    if (testKind === 'embedded') expect(statSync(database.dir).mode & 0o077).to.equal(0)
    expect(before).to.match(/[_.]before[_-]\d{14}$/)
    if (testKind === 'postgres') await run(`drop database "${before}"`)
  })

  it('is refused when it holds something else, and nothing is replaced', async () => {
    const { file } = await take()
    const manifest = JSON.parse(readFileSync(manifestOf(file), 'utf8'))
    for (const table of manifest.tables) if (table.table === 'public.things') table.rows = 4
    writeFileSync(manifestOf(file), JSON.stringify(manifest))
    const error = await rejected(() => restore(database, file))
    expect(error.code).to.equal('OPS_BACKUP_DIFFERS')
    expect(error.message).to.contain('public.things has 3 rows in place of 4')
    expect(await names()).to.have.length(3)
  })

  it('that is damaged, alone or of another database is told from a whole one', async () => {
    const { file } = await take()
    const whole = readFileSync(file)
    writeFileSync(file, whole.subarray(0, whole.length / 3))
    expect((await rejected(() => restore(database, file))).code).to.equal('OPS_BACKUP_FAILED')
    expect((await rejected(() => restore(database, `${file}x`))).code).to.equal('OPS_BACKUP_FILE')
    const other = { ...database, url: testKind === 'postgres' ? undefined : 'postgres://h/d' }
    expect((await rejected(() => restore(other, file))).code).to.equal('OPS_BACKUP_KIND')
    writeFileSync(manifestOf(file), '{')
    expect((await rejected(() => restore(database, file))).code).to.equal('OPS_BACKUP_FILE')
  })

  it('goes when there are enough newer ones', async () => {
    const { file, removed } = await take(2)
    expect(removed).not.to.deep.equal([])
    expect(readdirSync(folder)).to.have.length(4)
    expect(readdirSync(folder).map((name) => join(folder, name))).to.include.members([
      file,
      manifestOf(file),
    ])
  })

  if (testKind === 'postgres') {
    it('needs the programs of PostgreSQL, and says so', async () => {
      const { PATH } = process.env
      process.env.PATH = freshFolder()
      try {
        const error = await rejected(() => take())
        expect(error.code).to.equal('OPS_BACKUP_TOOL')
        expect(error.message).to.contain('pg_dump')
      } finally {
        process.env.PATH = PATH
      }
    })
  } else {
    it('of an embedded database that is in use is taken by who uses it, beside its work', async () => {
      const opened = await openDatabase({ ...database, log: silentLog })
      const { still } = opened
      if (still === undefined) throw new Error('it has no files')
      const end = takeAskedBackups({ dir: database.dir, still, version: '1.0.0', log: silentLog })
      let file: string
      try {
        expect((await rejected(() => take())).code).to.equal('OPS_DATABASE_IN_USE')
        await opened.query(`insert into things values (9, 'while it runs')`)
        const asked = askForBackup(database.dir, { folder, keep: 9 })
        const busy = opened.transaction((sql) =>
          sql.query(`insert into things select n, 'meanwhile' from generate_series(100, 500) n`),
        )
        ;[{ file }] = await Promise.all([asked, busy])
        const isAFile = join(folder, 'no-folder')
        writeFileSync(isAFile, '')
        const failed = await rejected(() =>
          askForBackup(database.dir, { folder: isAFile, keep: 9 }),
        )
        expect(failed.code).to.equal('OPS_BACKUP_FAILED')
        rmSync(isAFile)
      } finally {
        await end()
        await opened.close()
      }
      const { restored } = await restore(database, file)
      await restored.swap()
      expect(await names()).to.deep.include({ name: 'while it runs' })
    })
  }
})
