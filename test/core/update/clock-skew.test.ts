import { expect } from 'chai'
import { factsOf, type IncomingUpdate } from '../../../core/telegram/facts.ts'
import { ClockSkew } from '../../../core/update/clock-skew.ts'
import { silentLog } from '../../support/log.ts'

const now = 1_800_000_000_000

/** What is said after messages of these ages, in seconds. */
function saidAfter(ages: readonly number[]) {
  const skew = new ClockSkew(() => now, silentLog)
  for (const age of ages) {
    const message = { message_id: 1, date: now / 1_000 - age, text: 'x' }
    const facts = factsOf({ update_id: 1, message } as IncomingUpdate)
    skew.arrived({ facts, acceptedAt: performance.now() })
  }
  return skew.check()
}
const many = (age: number) => Array.from({ length: 50 }, () => age)

describe('the clock of this machine', () => {
  it('is behind when a message comes from the future', () => {
    expect(saidAfter([1, -30])).to.deep.equal({
      status: 'degraded',
      detail: 'OPS_CLOCK_SKEW: 30 s behind Telegram’s',
    })
  })

  it('is ahead when all messages seem old', () => {
    expect(saidAfter(many(300)).detail).to.equal('OPS_CLOCK_SKEW: 300 s ahead of Telegram’s')
  })

  it('is right while messages that waited at Telegram arrive, and after them', () => {
    expect(saidAfter([3_600, 3_000, 300])).to.deep.equal({ status: 'up' })
    expect(saidAfter([...many(3_600).slice(10), 1])).to.deep.equal({ status: 'up' })
    expect(saidAfter([-30, ...many(1)])).to.deep.equal({ status: 'up' })
  })
})
