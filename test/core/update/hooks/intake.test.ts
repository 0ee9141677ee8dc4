import { expect } from 'chai'
import type { Clock } from '../../../../core/clock.ts'
import { HookIntake, type IntakeOptions } from '../../../../core/update/hooks/intake.ts'
import { silentLog } from '../../../support/log.ts'

describe('the cleaning of what hooks took', () => {
  it('sets no timer any more when the stop comes while it runs', async () => {
    const timers = new Set<() => unknown>()
    const clock: Pick<Clock, 'now' | 'after'> = {
      now: () => 0,
      after(_ms, run) {
        timers.add(run)
        return () => timers.delete(run)
      },
    }
    const cleaned = Promise.withResolvers<{ rows: number }[]>()
    const database = { query: () => cleaned.promise }
    // no more of it is used by the cleaning
    const intake = new HookIntake({ clock, database, log: silentLog } as unknown as IntakeOptions)
    intake.start()
    const [clean] = timers
    timers.clear()
    const cleaning = clean?.()
    intake.stop()
    cleaned.resolve([{ rows: 0 }])
    await cleaning
    expect(timers.size).to.equal(0)
    intake.start()
    expect(timers.size).to.equal(1)
    intake.stop()
    expect(timers.size).to.equal(0)
  })
})
