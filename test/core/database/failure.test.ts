import { expect } from 'chai'
import { damageIn, isBadRow, isDatabaseAway, isOvertaken } from '../../../core/database/failure.ts'

const failure = (code: string, message: string) =>
  new Error('wrapped', { cause: Object.assign(new Error(message), { code }) })

describe('a failure of the database', () => {
  it('is an outage when the server refuses the connection, whatever for', () => {
    for (const [code, message] of [
      ['28P01', 'password authentication failed for user "bot"'],
      ['28000', 'no pg_hba.conf entry for host "10.0.0.1"'],
      ['3D000', 'database "bot" does not exist'],
      ['55000', 'database "bot" is not currently accepting connections'],
      ['53300', 'sorry, too many clients already'],
      ['53100', 'could not extend file "base/5/16384": No space left on device'],
      ['25006', 'cannot execute INSERT in a read-only transaction'],
      ['08P01', 'server login has been failing, try again later'],
    ] as const) {
      expect(isDatabaseAway(failure(code, message)), message).to.equal(true)
    }
  })

  it('is no outage when the data or the statement is wrong', () => {
    for (const [code, message] of [
      ['08P01', 'invalid message format'],
      ['22021', 'invalid byte sequence for encoding "UTF8": 0x00'],
      ['55000', 'currval of sequence "s" is not yet defined in this session'],
      ['57014', 'canceling statement due to statement timeout'],
    ] as const) {
      expect(isDatabaseAway(failure(code, message)), message).to.equal(false)
    }
  })

  it('is damage when a page or an index can’t be read, and says which', () => {
    const page = 'invalid page in block 0 of relation "base/5/16397"'
    for (const code of ['XX001', 'XX002']) {
      const damage = damageIn(failure(code, page))
      expect(damage).to.have.property('code', 'OPS_DATABASE_DAMAGED')
      expect(damage).to.have.property('message').that.includes(page)
    }
    expect(damageIn(failure('XX000', 'internal error'))).to.equal(undefined)
  })

  it('is somebody else’s being quicker when the row is there by now', () => {
    expect(isOvertaken(failure('23505', 'duplicate key value'))).to.equal(true)
    expect(isOvertaken(failure('40001', 'could not serialize access'))).to.equal(true)
    expect(isOvertaken(failure('23503', 'violates foreign key constraint'))).to.equal(false)
  })

  it('is a bad row when a text with NUL was refused, by either database', () => {
    expect(isBadRow(failure('08P01', 'invalid message format'))).to.equal(true)
    expect(isBadRow(failure('22021', 'invalid byte sequence for encoding "UTF8": 0x00'))).to.equal(
      true,
    )
  })
})
