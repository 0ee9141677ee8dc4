import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { systemClock } from '../../../../core/clock.ts'
import type { Database } from '../../../../core/database/connection.ts'
import { AuditEntry } from '../../../../core/database/entities/audit-entry.ts'
import { coreEntities } from '../../../../core/database/entities/index.ts'
import { createOrm, forkForUpdate } from '../../../../core/database/orm.ts'
import { OpsError } from '../../../../core/errors.ts'
import { JobHolds } from '../../../../core/job/holds.ts'
import { JobQueue } from '../../../../core/job/queue.ts'
import type { ClaimedJob } from '../../../../core/job/request.ts'
import { PluginStacks } from '../../../../core/plugin/code/stack.ts'
import type { Generation } from '../../../../core/plugin/generation/generation.ts'
import type { Live } from '../../../../core/plugin/generation/live.ts'
import type { JobContext } from '../../../../core/plugin/manifest/job.ts'
import type { PluginTypes } from '../../../../core/plugin/manifest/view.ts'
import { JobHandling, type JobHandlingOptions } from '../../../../core/update/jobs/handling.ts'
import { JobRunner } from '../../../../core/update/jobs/runner.ts'
import { freshDatabase } from '../../../support/database.ts'
import { recordingLog, silentLog } from '../../../support/log.ts'
import { until } from '../../../support/wait.ts'

describe('jobs of a process', () => {
  const rooms = [{ plugin: 'worker', job: 'work', most: 5 }]
  let database: Database
  let queue: JobQueue
  let runner: JobRunner
  let ran: ClaimedJob[]

  beforeEach(async () => {
    database = await freshDatabase({ migrated: true })
    const shared = { database, log: silentLog, migrations: 'auto', now: undefined } as const
    queue = new JobQueue({ ...shared, instance: 'here' })
    await database.query(
      `insert into instances (id, bot_id, state, host, pid, core_version) values ('here', 1, 'serving', 'here', 1, '1')`,
    )
    ran = []
    const jobs = new Map([['work', { concurrency: 5 }]])
    const current = { plugins: new Map([['worker', { jobs }]]), quarantined: new Map() }
    runner = new JobRunner({
      queue,
      live: { current: current as unknown as Generation } as Live,
      handling: {
        async handle(job) {
          ran.push(job)
          await queue.complete([job])
        },
        settle: async () => 'dead' as const,
      },
      holds: new JobHolds({ clock: systemClock, log: silentLog }),
      clock: systemClock,
      log: silentLog,
      alone: false,
    })
    await queue.send({
      id: randomUUID(),
      plugin: 'worker',
      job: 'work',
      data: {},
      retry: { limit: 0, delayMs: 1_000, maxDelayMs: 1_000 },
    })
  })
  afterEach(async () => {
    runner.close()
    await runner.idle()
    await queue.close()
    await database.close()
  })

  it('run also when the answer to their claim was lost', async () => {
    await queue.claim(rooms, 1)
    await runner.start()
    await until('it runs', () => ran.length === 1)
  })

  it('are not begun by a stop, or a pause, that comes while they are taken', async () => {
    for (const end of [() => runner.hold(true), () => runner.close()]) {
      await runner.start()
      end()
      await runner.idle()
      runner.close()
      runner.hold(false)
      await until('it waits again', async () => {
        const [counts] = await queue.counts()
        return counts?.waiting === 1 && counts.running === 0
      })
    }
    expect(ran).to.deep.equal([])
  })

  it('are done when the answer to their COMMIT was lost, with what comes after it', async () => {
    const dropped: string[] = []
    const orm = await createOrm(database, coreEntities)
    const run = async (ctx: JobContext<PluginTypes>) => {
      ctx.em.create(AuditEntry, { action: 'test.job', outcome: 'done' })
      ctx.cache.invalidate('key')
      dropped.length = 0
      const commit = ctx.em.commit.bind(ctx.em)
      ctx.em.commit = async () => {
        await commit()
        // the connection is gone, and the transaction with it
        ctx.em.rollback = async () => undefined
        throw new OpsError('OPS_COMMIT_UNKNOWN', 'no answer')
      }
    }
    const instance = {
      name: 'worker',
      jobs: new Map([['work', { run, deadlineMs: 10_000 }]]),
      cache: { invalidate: (key: string) => void dropped.push(key) },
    }
    const generation = {
      plugins: new Map([['worker', instance]]),
      quarantined: new Map(),
      em: () => forkForUpdate(orm),
    }
    const { log, lines } = recordingLog()
    const handling = new JobHandling({
      queue,
      database,
      log,
      live: { take: () => ({ generation, release: () => undefined }) },
      gateway: { with: () => ({}) },
      clock: systemClock,
      stacks: new PluginStacks(),
      measured: { jobEnded: () => undefined },
      holds: new JobHolds({ clock: systemClock, log: silentLog }),
      timings: { time: (_plugin: string, _name: string, work: () => unknown) => work() },
    } as unknown as JobHandlingOptions)
    const [claimed] = await queue.claim(rooms, 1)
    if (claimed === undefined) throw new Error('there is no job')
    await handling.handle(claimed, new AbortController())
    expect(dropped).to.deep.equal(['key'])
    expect(lines.map(({ event }) => event)).not.to.include('job.lost')
    expect(
      await database.query(`select 1 from audit_log where action = 'test.job'`),
    ).to.have.length(1)
  })
})
