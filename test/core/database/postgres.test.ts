import { createServer } from 'node:net'
import { expect } from 'chai'
import { openDatabase } from '../../../core/database/connection.ts'
import type { OpsError } from '../../../core/errors.ts'
import { freshUrl, testKind } from '../../support/database.ts'
import { silentLog } from '../../support/log.ts'
import { rejected } from '../../support/rejected.ts'

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
