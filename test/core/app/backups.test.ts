import { expect } from 'chai'
import { ScheduledBackups } from '../../../core/app/backups.ts'
import { OpsError } from '../../../core/errors.ts'
import { TestClock } from '../../../core/testing/test-bot/clock.ts'
import { recordingLog } from '../../support/log.ts'
import { rejected } from '../../support/rejected.ts'

const hour = 3_600_000

describe('backups on a schedule', () => {
  let clock: TestClock
  let backups: ScheduledBackups
  let taken: string[]
  let told: string[]
  let isBroken: boolean
  let leads: boolean

  function begin(newest?: Date): Promise<void> {
    clock = new TestClock(Date.parse('2026-03-02T00:00:00Z'))
    taken = []
    told = []
    isBroken = false
    leads = true
    backups = new ScheduledBackups({
      cron: '15 3 * * *',
      timeZone: 'UTC',
      async take() {
        if (isBroken) throw new OpsError('OPS_BACKUP_TOOL', 'pg_dump is away')
        taken.push(clock.date.toISOString().slice(5, 16))
        return { file: 'file', bytes: 1, removed: [] }
      },
      newest: async () => newest,
      leads: () => leads,
      tell: async (what, reason) => void told.push(`${what} ${reason}`.trim()),
      clock,
      log: recordingLog().log,
    })
    return backups.start()
  }
  afterEach(() => backups.stop())

  it('are written when it is time, once', async () => {
    await begin()
    await clock.advance(3 * hour)
    expect(taken).to.deep.equal([])
    await clock.advance(hour)
    expect(taken).to.deep.equal(['03-02T03:15'])
    await clock.advance(48 * hour)
    expect(taken).to.deep.equal(['03-02T03:15', '03-03T03:15', '03-04T03:15'])
  })

  it('are made up for when one was missed, and not when none was', async () => {
    await begin(new Date('2026-02-27T03:15:10Z'))
    await clock.advance(60_000)
    expect(taken).to.have.length(1)
    await begin(new Date('2026-03-01T03:15:10Z'))
    await clock.advance(60_000)
    expect(taken).to.have.length(0)
  })

  it('are tried again every hour when one fails; owners are told of the first, and of the end', async () => {
    await begin()
    isBroken = true
    await clock.advance(6 * hour)
    expect(taken).to.deep.equal([])
    expect(told).to.deep.equal(['failed OPS_BACKUP_TOOL pg_dump is away'])
    isBroken = false
    await clock.advance(hour)
    expect(taken).to.have.length(1)
    expect(told).to.deep.equal(['failed OPS_BACKUP_TOOL pg_dump is away', 'mended'])
  })

  it('are the leading instance’s, whichever that is by then', async () => {
    await begin()
    leads = false
    await clock.advance(24 * hour)
    expect(taken).to.deep.equal([])
    leads = true
    await clock.advance(24 * hour)
    expect(taken).to.deep.equal(['03-03T03:15'])
  })

  it('are made up for by who comes to lead soon after, if who led has not written them', async () => {
    await begin(new Date('2026-03-01T03:15:10Z'))
    leads = false
    await clock.advance(3.5 * hour)
    leads = true
    await clock.advance(60_000)
    expect(taken).to.deep.equal(['03-02T03:30'])
    await begin(new Date('2026-03-02T03:15:10Z'))
    leads = false
    await clock.advance(3.5 * hour)
    leads = true
    await clock.advance(60_000)
    expect(taken).to.deep.equal([])
  })

  it('go by a clock that was set back as if it had always gone so', async () => {
    await begin()
    const set = clock.now.bind(clock)
    clock.now = () => set() - 48 * hour
    await clock.advance(4 * hour)
    expect(taken).to.have.length(1)
  })

  it('need a cron expression', async () => {
    const error = await rejected(async () => {
      const none = { cron: '99 3 * * *', timeZone: 'UTC', clock } as unknown
      return new ScheduledBackups(none as ConstructorParameters<typeof ScheduledBackups>[0])
    })
    expect(error.code).to.equal('OPS_BACKUP_CRON')
  })
})
