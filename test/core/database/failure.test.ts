import { expect } from 'chai'
import { isBadRow, isDatabaseAway } from '../../../core/database/failure.ts'

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

  it('is a bad row when a text with NUL was refused, by either database', () => {
    expect(isBadRow(failure('08P01', 'invalid message format'))).to.equal(true)
    expect(isBadRow(failure('22021', 'invalid byte sequence for encoding "UTF8": 0x00'))).to.equal(
      true,
    )
  })
})
