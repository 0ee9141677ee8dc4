import { expect } from 'chai'
import type { Database } from '../../../core/database/connection.ts'
import { AuditEntry } from '../../../core/database/entities/audit-entry.ts'
import { coreEntities } from '../../../core/database/entities/index.ts'
import {
  createOrm,
  type EntityManager,
  forkForUpdate,
  type Orm,
} from '../../../core/database/orm.ts'
import { OpsError } from '../../../core/errors.ts'
import { JobQueue } from '../../../core/job/queue.ts'
import type { UpdateRun } from '../../../core/plugin/run/run.ts'
import { type CommitParts, commitEarly, commitRun } from '../../../core/update/commit.ts'
import { Inbox } from '../../../core/update/inbox/inbox.ts'
import type { InboxItem } from '../../../core/update/inbox/item.ts'
import { Semaphore } from '../../../core/update/inbox/semaphore.ts'
import { freshDatabase } from '../../support/database.ts'
import { silentLog } from '../../support/log.ts'
import { rejected } from '../../support/rejected.ts'

describe('completing an update', function () {
  this.timeout(20_000)
  let database: Database
  let orm: Orm
  let inbox: Inbox
  let item: InboxItem
  let updateId = 0

  before(async () => {
    database = await freshDatabase({ migrated: true })
    orm = await createOrm(database, coreEntities)
  })
  after(() => database?.close())

  beforeEach(async () => {
    const handled = Promise.withResolvers<InboxItem>()
    inbox = new Inbox({
      database,
      botId: 1,
      partitions: undefined,
      handle: async (accepted) => handled.resolve(accepted),
      poison: async () => undefined,
      log: silentLog,
    })
    const message = {
      message_id: 1,
      date: 1,
      text: 'x',
      chat: { id: 5, type: 'private' as const, first_name: 'A' },
    }
    await inbox.accept([{ update_id: ++updateId, message } as never])
    item = await handled.promise
  })
  afterEach(() => inbox.stop())

  const parts = (): CommitParts => ({
    inbox,
    database,
    commits: new Semaphore(1),
    // nothing is said here
    outbox: { forget: () => undefined } as unknown as CommitParts['outbox'],
    sender: {} as CommitParts['sender'],
    queue: {} as CommitParts['queue'],
  })
  const written = async () => (await database.query('select 1 from audit_log')).length

  /** A run that writes one row. */
  function writing(): UpdateRun {
    const em = forkForUpdate(orm)
    em.create(AuditEntry, { action: 'test.commit', outcome: 'done' })
    return runWith(em)
  }

  /** Of a run only its unit of work and what it says are looked at. */
  function runWith(em: EntityManager | undefined): UpdateRun {
    const said = {
      answers: [],
      notices: [],
      jobs: [],
      kept: [],
      afterCommit: [],
      states: new Map(),
      sessions: new Map(),
    }
    return { usedEm: em, em, facts: {}, commit: 'open', ...said } as unknown as UpdateRun
  }

  it('writes what the run changed, once: a second run of the same update loses', async () => {
    const before = await written()
    expect(await commitRun(writing(), item, parts())).to.equal('committed')
    expect(await inbox.isDone(item)).to.equal(true)
    expect(await commitRun(writing(), item, parts())).to.equal('lost')
    expect(await written()).to.equal(before + 1)
  })

  it('marks a run without changes as done, soon after', async () => {
    expect(await commitRun(runWith(undefined), item, parts())).to.equal('committed')
    await inbox.stop()
    expect(await inbox.isDone(item)).to.equal(true)
  })

  it('takes a job that is asked for inside of the transaction, the first one too', async () => {
    const queue = new JobQueue({
      database,
      log: silentLog,
      instance: 'one',
      migrations: 'auto',
      now: undefined,
    })
    const run = writing()
    const plugins = new Map([['worker', { jobs: new Map([['work', {}]]) }]])
    Object.assign(run, { generation: { plugins } })
    const retry = { limit: 0, delayMs: 1_000, maxDelayMs: 1_000 }
    const id = '0190a4c8-0000-7000-8000-000000000001'
    await commitEarly(run, item, { ...parts(), queue }, async () => {
      run.jobs.push({ id, plugin: 'worker', job: 'work', data: {}, retry })
    })
    expect(await queue.counts()).to.have.length(1)
    await queue.close()
  })

  it('believes the row when the answer to COMMIT was lost', async () => {
    for (const [committed, expected] of [
      [true, 'committed'],
      [false, 'OPS_COMMIT_UNKNOWN'],
    ] as const) {
      const run = writing()
      const em = run.usedEm
      if (em === undefined) throw new Error('the run has no unit of work')
      const commit = em.commit.bind(em)
      em.commit = async () => {
        if (committed) {
          await commit()
          // the connection is gone, and the transaction with it
          em.rollback = async () => undefined
        }
        throw new OpsError('OPS_COMMIT_UNKNOWN', 'no answer')
      }
      const outcome = commitRun(run, item, parts())
      if (expected === 'committed') expect(await outcome).to.equal(expected)
      else expect((await rejected(outcome)).code).to.equal(expected)
      await database.query('update inbox set state = 0, done_at = null where update_id = $1', [
        item.facts.updateId,
      ])
    }
  })
})
