import { expect } from 'chai'
import type { Database } from '../../../core/database/connection.ts'
import {
  newRevision,
  type Session,
  Sessions,
  writeSession,
} from '../../../core/session/sessions.ts'
import { freshDatabase } from '../../support/database.ts'
import { silentLog } from '../../support/log.ts'

describe('sessions', () => {
  let database: Database
  let sessions: Sessions
  before(async () => {
    database = await freshDatabase({ migrated: true })
    sessions = new Sessions({ database, log: silentLog })
  })
  after(async () => {
    sessions?.stop()
    await database?.close()
  })

  const key = { chatId: -1_000_000_000_001, userId: 7_000_000_000 }
  const session = (step: string, expiresAt = new Date(Date.now() + 60_000)): Session => ({
    ...key,
    plugin: 'desk',
    name: 'add',
    step,
    version: 1,
    revision: newRevision(),
    context: { answers: { host: 'sw-1' }, path: [], choices: [{ label: 'a', value: 1 }] },
    expiresAt,
  })

  it('are changed by whoever read them last, and by nobody else', async () => {
    const [first, second, third] = [session('a'), session('b'), session('c')]
    const write = (from: Session | undefined, to: Session | undefined) =>
      writeSession(database, { key, from: from?.revision, to })
    expect(await write(undefined, first)).to.equal(true)
    expect(await sessions.find(key)).to.deep.equal(first)
    expect(await write(undefined, second), 'there is one already').to.equal(false)
    expect(await write(first, second)).to.equal(true)
    expect(await write(first, third), 'was read before').to.equal(false)
    expect(await write(first, undefined), 'was read before').to.equal(false)
    expect(await sessions.find(key)).to.deep.equal(second)
    expect(await write(second, undefined)).to.equal(true)
    expect(await write(second, third), 'is over').to.equal(false)
  })

  it('go a day after their time', async () => {
    const hours = (count: number) => new Date(Date.now() - count * 3_600_000)
    await database.query('truncate user_sessions')
    for (const [userId, at] of [
      [1, hours(25)],
      [2, hours(23)],
    ] as const) {
      const to = { ...session('a', at), userId }
      await writeSession(database, { key: to, from: undefined, to })
    }
    await sessions.cleaning.now()
    expect(await database.query('select user_id from user_sessions')).to.deep.equal([
      { user_id: 2 },
    ])
  })
})
