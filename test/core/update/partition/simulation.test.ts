import { expect } from 'chai'
import fc from 'fast-check'
import { type Database, openDatabase } from '../../../../core/database/connection.ts'
import { coreMigrations } from '../../../../core/database/migration/core.ts'
import { migrate } from '../../../../core/database/migration/migrator.ts'
import { freshDatabase, freshUrl, testKind } from '../../../support/database.ts'
import { silentLog } from '../../../support/log.ts'
import { isReading, Simulation, simulatedClock } from './simulation.ts'

const instance = fc.nat(3)
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.constant('accept' as const), instance, fc.integer({ min: 1, max: 6 })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constant('again' as const), instance, fc.integer({ min: 1, max: 6 })),
  },
  { weight: 4, arbitrary: fc.tuple(fc.constant('finish' as const), instance) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constant('pass' as const), fc.integer({ min: 100, max: 4_500 })),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant('sleep' as const), instance) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('wake' as const), instance) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('kill' as const), instance) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('stop' as const), instance) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('start' as const)) },
)

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** What long runs found once. */
const found = {
  /** The answer to the INSERT of an update is lost, which would have told of an older one that another instance left. */
  overtaken: [
    ['sleep', 0],
    ['accept', 0, 3],
    ['kill', 0],
    ['wake', 0],
    ['again', 0, 3],
  ] satisfies Step[],
}

describe('leases, claims and hand-backs with a simulated clock', function () {
  this.timeout(180_000)
  let database: Database

  before(async () => {
    database = await openMigrated()
    await database.query(simulatedClock)
  })
  after(async () => {
    await database?.query('set search_path to default; drop table sim_clock cascade')
    await database?.close()
  })

  it('lose nothing, commit nothing twice, and keep each lane’s order, whatever dies, sleeps and leaves', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 30 }), async (steps) => {
        await database.query(
          'delete from inbox; delete from inbox_partitions; delete from instances',
        )
        const simulation = new Simulation(database)
        try {
          await simulation.start()
          await simulation.start()
          for (const [what, ...given] of steps) {
            if (what === 'accept' || what === 'again') {
              await simulation[what](given[0] ?? 0, given[1] ?? 1)
            } else await simulation[what](given[0] ?? 0)
          }
          expect(await simulation.end(), 'all is done').to.equal(true)
          const { committed, accepted } = simulation
          for (const [lane, ids] of accepted) {
            const done = committed.filter((id) => ids.includes(id))
            // what writes nothing may run again, and that again is no harm
            if (isReading(lane)) expect([...new Set(done)].sort(byNumber), lane).to.deep.equal(ids)
            else expect(done, lane).to.deep.equal(ids)
          }
        } finally {
          await simulation.close()
        }
      }),
      // the clock of the database is its own, so a run costs what its statements cost
      {
        numRuns: 12,
        examples: [[found.overtaken]],
        interruptAfterTimeLimit: 120_000,
        markInterruptAsFailure: true,
      },
    )
  })

  it('leave no partition to one that lives and doesn’t take it', async () => {
    await database.query('delete from inbox; delete from inbox_partitions; delete from instances')
    const simulation = new Simulation(database)
    try {
      await simulation.start()
      expect(simulation.held(0)).to.equal(64)
      await simulation.joinIdle()
      await simulation.pass(2_000)
      expect(simulation.held(0), 'its share').to.equal(32)
      await simulation.pass(6_000)
      expect(simulation.held(0), 'nobody else took them').to.equal(64)
      await simulation.pass(70_000)
      expect(simulation.held(0), 'the other one had another chance').to.equal(64)
    } finally {
      await simulation.close()
    }
  })
})

const byNumber = (a: number, b: number) => a - b

/** One connection: the simulated clock is a setting of the session. */
async function openMigrated(): Promise<Database> {
  if (testKind === 'embedded') return freshDatabase({ migrated: true })
  const database = await openDatabase({
    url: await freshUrl(),
    dir: '',
    log: silentLog,
    poolMax: 1,
  })
  await migrate(database, await coreMigrations())
  return database
}
