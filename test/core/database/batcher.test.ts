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

  describe('that may write a second batch beside', () => {
    const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

    /** Batches are written when their `end` is called. */
    function slow(from: number) {
      const batches: { items: readonly string[]; end: () => void }[] = []
      const write = (items: string[]) => new Promise<void>((end) => batches.push({ items, end }))
      const batcher = new Batcher<string>(write, 10, { from, keyOf: (item) => item[0] ?? '' })
      return { batcher, batches, written: () => batches.map(({ items }) => items.join(' ')) }
    }

    it('does so when enough waits, and never a third', async () => {
      const { batcher, batches, written } = slow(2)
      const added = [batcher.add('a1')]
      await turn()
      added.push(batcher.add('b1'))
      await turn()
      expect(written()).to.deep.equal(['a1'])
      added.push(batcher.add('c1'))
      await turn()
      expect(written()).to.deep.equal(['a1', 'b1 c1'])
      for (const item of ['d1', 'e1', 'f1']) added.push(batcher.add(item))
      await turn()
      expect(batches).to.have.length(2)
      batches[1]?.end()
      await turn()
      expect(written()).to.deep.equal(['a1', 'b1 c1', 'd1 e1 f1'])
      batches[0]?.end()
      batches[2]?.end()
      await Promise.all(added)
      expect(batcher.isBusy).to.equal(false)
      await batcher.idle()
    })

    it('keeps the order of each key: what follows something that is being written waits for it', async () => {
      const { batcher, batches, written } = slow(2)
      const added = [batcher.add('a1')]
      await turn()
      for (const item of ['a2', 'b1', 'a3']) added.push(batcher.add(item))
      await turn()
      expect(written()).to.deep.equal(['a1', 'b1'])
      batches[0]?.end()
      await turn()
      while (batcher.isBusy) {
        for (const { end } of batches) end()
        await turn()
      }
      await Promise.all(added)
      expect(written().join(' ').match(/a\d/g)).to.deep.equal(['a1', 'a2', 'a3'])
    })

    it('is settled when all is written that was there, also what waits for its key', async () => {
      const { batcher, batches, written } = slow(1)
      const added = [batcher.add('a1')]
      await turn()
      added.push(batcher.add('a2'), batcher.add('b1'))
      await turn()
      let settled = false
      const all = batcher.settled().then(() => {
        settled = true
      })
      batches[1]?.end()
      await turn()
      expect(settled).to.equal(false)
      batches[0]?.end()
      await turn()
      expect([settled, written()]).to.deep.equal([false, ['a1', 'b1', 'a2']])
      batches[2]?.end()
      await Promise.all([all, ...added])
    })
  })
})
