import { existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { openDatabase } from '../../../core/database/connection.ts'
import { exitOfChild, messageOfChild, startChild } from '../../support/child.ts'
import { testKind } from '../../support/database.ts'
import { freshFolder } from '../../support/folders.ts'
import { silentLog } from '../../support/log.ts'

const opener = new URL('./fixtures/open.ts', import.meta.url)

describe('embedded database', () => {
  const dir = freshFolder()

  before(function () {
    if (testKind === 'postgres') this.skip()
  })

  it('begins anew after a first start that was interrupted', async () => {
    mkdirSync(join(dir, 'pg'))
    writeFileSync(join(dir, 'pg', 'PG_VERSION'), '18\n')
    const database = await openDatabase({ dir, log: silentLog })
    await database.query('create table kept (id int)')
    await database.query('insert into kept values (1)')
    await database.close()
  })

  it('keeps what was acknowledged over kill -9, and the next start takes the folder over', async () => {
    const child = startChild(opener, [dir])
    expect(await messageOfChild(child)).to.deep.equal({ opened: true })
    const refused = await openDatabase({ dir, log: silentLog }).catch((error: unknown) => error)
    expect(refused).to.have.property('code', 'OPS_DATABASE_IN_USE')
    child.kill('SIGKILL')
    await exitOfChild(child)
    const database = await openDatabase({ dir, log: silentLog })
    expect(await database.query('select * from kept')).to.deep.equal([{ id: 1 }])
    await database.close()
  })

  const refuses = async () => {
    const error = await openDatabase({ dir, log: silentLog }).catch((thrown: unknown) => thrown)
    expect(error).to.have.property('code', 'OPS_DATABASE_DAMAGED')
    expect(error).to.have.property('message').that.contains(dir)
    expect(error).to.have.property('hint').that.contains('backup')
    expect(existsSync(join(dir, 'pg', 'base'))).to.equal(true)
    expect(existsSync(join(dir, 'lock'))).to.equal(false)
  }

  it('writes no empty database over one of which a file is missing', async () => {
    const file = join(dir, 'pg', 'PG_VERSION')
    rmSync(file)
    await refuses()
    writeFileSync(file, '18\n')
    const database = await openDatabase({ dir, log: silentLog })
    expect(await database.query('select * from kept')).to.deep.equal([{ id: 1 }])
    await database.close()
  })

  it('says what to do about a damaged folder, keeps it, and lets it go', async () => {
    truncateSync(join(dir, 'pg', 'global', 'pg_control'), 100)
    await refuses()
    rmSync(dir, { recursive: true })
  })
})
