import { expect } from 'chai'
import { Buckets } from '../../../core/store/buckets.ts'

describe('buckets', () => {
  it('never hold more than their capacity, however long nothing is taken', () => {
    let now = 0
    const buckets = new Buckets(() => now)
    const limit = { key: 'a', capacity: 3, perSecond: 1 }
    expect(buckets.take([limit])).to.equal(0)
    now += 3_600_000
    const given = Array.from({ length: 4 }, () => buckets.take([limit]))
    expect(given).to.deep.equal([0, 0, 0, 1_000])
  })

  it('let through what their rate allows, over any longer time', () => {
    let now = 0
    const buckets = new Buckets(() => now)
    const limit = { key: 'group', capacity: 1, perSecond: 18 / 60 }
    let sent = 0
    while (now < 600_000) {
      const wait = buckets.take([limit])
      if (wait === 0) sent++
      now += wait
    }
    expect(sent).to.be.within(180, 181)
  })

  it('of chats that were quiet for long are forgotten', () => {
    let now = 0
    const buckets = new Buckets(() => now)
    for (let chat = 0; chat < 100_000; chat++) {
      buckets.take([{ key: `chat:${chat}`, capacity: 1, perSecond: 1 }])
      now += 10
    }
    expect(buckets.size).to.be.below(2_100)
  })
})
