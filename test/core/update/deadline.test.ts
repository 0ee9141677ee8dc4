import { expect } from 'chai'
import { Deadlines, untilAborted } from '../../../core/update/deadline.ts'
import { rejected } from '../../support/rejected.ts'
import { until } from '../../support/wait.ts'

describe('deadlines', () => {
  it('end the signal of what takes too long, and of nothing else', async () => {
    const deadlines = new Deadlines(20)
    const [slow, quick, paused] = [deadlines.begin(), deadlines.begin(), deadlines.begin()]
    quick.end()
    paused.pause()
    await until('it is over', () => slow.signal.aborted)
    expect(slow.signal.reason).to.include({ code: 'OPS_DEADLINE' })
    expect(slow.signal.reason.message).to.include('0.02 s')
    expect([quick.signal.aborted, paused.signal.aborted]).to.deep.equal([false, false])
    paused.restart()
    await until('the clock goes again', () => paused.signal.aborted)
    deadlines.stop()
  })

  it('end all at a shutdown, paused ones too', () => {
    const deadlines = new Deadlines(60_000)
    const [running, paused] = [deadlines.begin(), deadlines.begin()]
    paused.pause()
    deadlines.shutDown()
    for (const { signal } of [running, paused]) {
      expect(signal.reason).to.include({ code: 'OPS_SHUTDOWN' })
    }
    deadlines.stop()
  })

  it('let nobody wait for work that goes on after an abort', async () => {
    const deadlines = new Deadlines(60_000)
    const { signal } = deadlines.begin()
    const endless = new Promise<void>(() => undefined)
    const waiting = untilAborted(signal, endless)
    deadlines.shutDown()
    expect((await rejected(waiting)).code).to.equal('OPS_SHUTDOWN')
    expect((await rejected(untilAborted(signal, endless))).code).to.equal('OPS_SHUTDOWN')
    deadlines.stop()
  })
})
