import { expect } from 'chai'
import { Lanes } from '../../../core/update/lane.ts'

describe('lanes', () => {
  it('keep the order of one key, whatever its items take', async () => {
    const ended: string[] = []
    const lanes = new Lanes<{ name: string; ms: number }>(async ({ name, ms }) => {
      await new Promise((resolve) => setTimeout(resolve, ms))
      ended.push(name)
    }, 10)
    lanes.push('a', { name: 'a1', ms: 20 })
    lanes.push('a', { name: 'a2', ms: 1 })
    lanes.push('b', { name: 'b1', ms: 5 })
    expect(lanes.size).to.equal(3)
    await lanes.idle()
    expect(ended.indexOf('a1')).to.be.lessThan(ended.indexOf('a2'))
    expect(ended[0]).to.equal('b1')
    expect(lanes.size).to.equal(0)
  })

  it('work on no more than the limit at once, and on all in the end', async () => {
    let running = 0
    let most = 0
    let done = 0
    const lanes = new Lanes<number>(async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setImmediate(resolve))
      running--
      done++
    }, 3)
    for (let i = 0; i < 50; i++) lanes.push(String(i % 17), i)
    await lanes.idle()
    expect(most).to.equal(3)
    expect(done).to.equal(50)
    expect(lanes.active).to.equal(0)
  })

  it('give back what has not begun, and let the running end', async () => {
    const gate = Promise.withResolvers<void>()
    const begun: number[] = []
    const lanes = new Lanes<number>(async (item) => {
      begun.push(item)
      await gate.promise
    }, 1)
    lanes.push('a', 1)
    lanes.push('a', 2)
    lanes.push('b', 3)
    expect(lanes.clear().sort()).to.deep.equal([2, 3])
    gate.resolve()
    await lanes.idle()
    expect(begun).to.deep.equal([1])
    lanes.push('b', 4)
    await lanes.idle()
    expect(begun).to.deep.equal([1, 4])
  })
})
