import { expect } from 'chai'
import { Batcher } from '../../../core/database/batcher.ts'

describe('a batcher', () => {
  it('writes what arrives during a write together in the next one', async () => {
    const batches: number[][] = []
    const gate = Promise.withResolvers<void>()
    const batcher = new Batcher<number>(async (items) => {
      batches.push(items)
      if (batches.length === 1) await gate.promise
    }, 3)
    const first = batcher.add(1)
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    const later = [2, 3, 4, 5].map((item) => batcher.add(item))
    gate.resolve()
    await Promise.all([first, ...later])
    expect(batches).to.deep.equal([[1], [2, 3, 4], [5]])
    await batcher.idle()
  })

  it('tells a failed batch to all who are in it, and goes on', async () => {
    let broken = true
    const batcher = new Batcher<number>(async () => {
      if (broken) throw new Error('away')
    }, 10)
    const results = await Promise.allSettled([batcher.add(1), batcher.add(2)])
    expect(results.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected'])
    broken = false
    await batcher.add(3)
  })
})
