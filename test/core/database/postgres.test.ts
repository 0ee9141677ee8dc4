import type { ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'
import { expect } from 'chai'
import pg from 'pg'
import { type Database, openDatabase } from '../../../core/database/connection.ts'
import type { OpsError } from '../../../core/errors.ts'
import { exitOfChild, messageOfChild, startChild } from '../../support/child.ts'
import { freshUrl, testKind } from '../../support/database.ts'
import { silentLog } from '../../support/log.ts'
import { rejected } from '../../support/rejected.ts'
import { until } from '../../support/wait.ts'

const opener = new URL('./fixtures/open.ts', import.meta.url)

const refusal = (url: string) => rejected(openDatabase({ url, dir: '', log: silentLog }))

describe('PostgreSQL that is not as it should be', () => {
  it('names host and port when nobody listens, and never the password', async () => {
    const error = await refusal('postgres://bot:s3cret@127.0.0.1:9/bot')
    expect(error.code).to.equal('OPS_DATABASE_UNREACHABLE')
    expect(error.message).to.contain('127.0.0.1:9').and.contain('ECONNREFUSED')
    expect(JSON.stringify([error.message, error.hint, error.details])).not.to.contain('s3cret')
  })

  it('does not repeat an address it cannot read', async () => {
    const error = await refusal('postgres://bot:s3cret@host:port:5432/bot')
    expect(error.code).to.equal('OPS_DATABASE_UNREACHABLE')
    expect(JSON.stringify([error.message, error.hint, error.details])).not.to.contain('s3cret')
  })

  it('tells a refused password from an absent server', async () => {
    const error = await refusalBy([
      message('E', 'SFATAL\0C28P01\0Mpassword authentication failed\0\0'),
    ])
    expect(error.code).to.equal('OPS_DATABASE_AUTH')
    expect(error.message).to.contain('"bot"')
    expect(JSON.stringify([error.message, error.hint, error.details])).not.to.contain('s3cret')
  })

  it('refuses a server older than 15', async () => {
    const ready = message('Z', 'I')
    const column = `version\0${'\0'.repeat(6)}\0\0\0\x17\0\x04${'\0'.repeat(6)}`
    const error = await refusalBy(
      [message('R', '\0\0\0\0'), ready],
      [
        message('T', `\0\x01${column}`),
        message('D', '\0\x01\0\0\0\x06140010'),
        message('C', 'SELECT 1\0'),
        ready,
      ],
    )
    expect(error.code).to.equal('OPS_DATABASE_VERSION')
    expect(error.message).to.contain('14').and.contain('15')
  })

  it('says how to create a database that does not exist', async function () {
    if (testKind === 'embedded') this.skip()
    const url = new URL(await freshUrl())
    url.pathname += '_not'
    const error = await refusal(url.href)
    expect(error.code).to.equal('OPS_DATABASE_MISSING')
    expect(error.hint).to.contain('createdb').and.contain(url.pathname.slice(1))
  })
})

/** One message of the PostgreSQL protocol: kind, length, fields. */
function message(kind: string, fields: string): Buffer {
  const head = Buffer.alloc(5)
  head.write(kind)
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, Buffer.from(fields, 'latin1')])
}

/** What opening says to a server that gives these answers, one to each thing it is told. */
async function refusalBy(...answers: Buffer[][]): Promise<OpsError> {
  const server = createServer((socket) => {
    const left = [...answers]
    socket.on('error', () => undefined)
    socket.on('data', () => {
      const next = Buffer.concat(left.shift() ?? [])
      if (left.length > 0) socket.write(next)
      else socket.end(next)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  try {
    return await refusal(`postgres://bot:s3cret@127.0.0.1:${port}/bot`)
  } finally {
    server.close()
  }
}

describe('one process for one PostgreSQL database', () => {
  let url: string
  const children: ChildProcess[] = []
  const databases: Database[] = []

  const open = async () => {
    const database = await openDatabase({ url, dir: '', log: silentLog })
    databases.push(database)
    return database
  }
  const outside = async (sql: string) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }
  const holders = async () =>
    (
      await outside(
        `select pid from pg_locks join pg_database d on d.oid = database
          where locktype = 'advisory' and granted and d.datname = current_database()`,
      )
    ).map(({ pid }) => pid)
  const cutLock =
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'opsgram lock %' and datname = current_database() and pid <> pg_backend_pid()"

  beforeEach(async function () {
    if (testKind === 'embedded') this.skip()
    url = await freshUrl()
  })

  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill('SIGKILL')
      await exitOfChild(child)
    }
    for (const database of databases.splice(0)) await database.close()
  })

  it('refuses a second one, naming the first', async () => {
    const child = startChild(opener, ['', url])
    children.push(child)
    await messageOfChild(child)
    const error = await refusal(url)
    expect(error.code).to.equal('OPS_DATABASE_IN_USE')
    expect(error.message).to.contain(String(child.pid))
  })

  it('lets the next one in at once after kill -9', async () => {
    const child = startChild(opener, ['', url])
    await messageOfChild(child)
    child.kill('SIGKILL')
    await exitOfChild(child)
    expect(await (await open()).query('select 1 as one')).to.deep.equal([{ one: 1 }])
  })

  it('takes the lock again when its connection was cut', async () => {
    const database = await open()
    const [first] = await holders()
    await outside(cutLock)
    await until('the lock is held by a new session', async () => {
      const [now] = await holders()
      return now !== undefined && now !== first
    })
    expect(await database.query('select 1 as one')).to.deep.equal([{ one: 1 }])
  })

  it('tells when another process has taken the lock meanwhile', async () => {
    const database = await open()
    const rival = new pg.Client({
      connectionString: url,
      application_name: 'opsgram lock rival:1:x',
    })
    rival.on('error', () => undefined)
    await rival.connect()
    // In one round trip: cut the holder off, and wait in line for its lock.
    await rival.query(
      `${cutLock}; select pg_advisory_lock(hashtextextended('opsgram instance', 0))`,
    )
    const error = await database.lost
    expect(error.code).to.equal('OPS_DATABASE_IN_USE')
    expect(error.message).to.contain('rival:1')
    await rival.end()
  })
})
