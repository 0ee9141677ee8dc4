import { expect } from 'chai'
import { Cleaning } from '../../../core/database/cleaning.ts'
import { RecordedLog } from '../../../core/testing/test-bot/log.ts'
import { until } from '../../support/wait.ts'

describe('cleaning', () => {
  it('goes on after a failure, which the log tells, and ends with the stop', async () => {
    const log = new RecordedLog()
    const signals: AbortSignal[] = []
    const cleaning = new Cleaning({
      what: 'things',
      async clean(signal) {
        signals.push(signal)
        if (signals.length === 1) throw new Error('no database')
        if (signals.length === 3) cleaning.stop()
      },
      log,
      everyMs: 1,
      firstMs: 1,
    })
    await until('the stop', () => signals.at(-1)?.aborted === true)
    expect(log.lines.map(({ event, fields }) => [event, fields.what])).to.deep.equal([
      ['cleaning.failed', 'things'],
    ])
    await cleaning.now()
    expect(signals).to.have.length(4)
  })
})
