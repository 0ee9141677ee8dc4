import { expect } from 'chai'
import { Lanes } from '../../../../core/update/inbox/lane.ts'

describe('lanes', () => {
  it('keep the order of one key, whatever its items take', async () => {
    const ended: string[] = []
    const gate = Promise.withResolvers<void>()
    const lanes = new Lanes<string>(async (name) => {
      if (name === 'a1') await gate.promise
      ended.push(name)
      if (name === 'b1') gate.resolve()
    }, 10)
    for (const name of ['a1', 'a2', 'b1']) lanes.push(name.charAt(0), name)
    expect(lanes.size).to.equal(3)
    await lanes.idle()
    expect(ended).to.deep.equal(['b1', 'a1', 'a2'])
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

  it('begin nothing while they are held, and then go on in order', async () => {
    const gate = Promise.withResolvers<void>()
    const begun: string[] = []
    const lanes = new Lanes<string>(async (name) => {
      begun.push(name)
      if (name === 'a1') await gate.promise
    }, 10)
    lanes.push('a', 'a1')
    lanes.hold()
    for (const name of ['a2', 'b1', 'b2']) lanes.push(name.charAt(0), name)
    gate.resolve()
    await lanes.idle()
    expect(begun).to.deep.equal(['a1'])
    expect(lanes.clear((name) => name === 'b1')).to.deep.equal(['b1'])
    lanes.release()
    await lanes.idle()
    expect(begun.sort()).to.deep.equal(['a1', 'a2', 'b2'])
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

  describe('with turns', () => {
    /** Lets items whose name ends with a number come when the test says so, in the order in which they asked. */
    function withTurns(limit: number) {
      const row: { come: () => void; signal: AbortSignal }[] = []
      const begun: string[] = []
      const lanes = new Lanes<string>(async (name) => void begun.push(name), limit, {
        isNeeded: (name) => /\d$/.test(name),
        come: (signal) =>
          new Promise((resolve, reject) => {
            row.push({ come: resolve, signal })
            signal.addEventListener('abort', reject, { once: true })
          }),
      })
      const settle = () => new Promise((resolve) => setImmediate(resolve))
      return { row, begun, lanes, settle }
    }

    it('give the places of those that wait for theirs to those that need none', async () => {
      const { row, begun, lanes, settle } = withTurns(2)
      for (const name of ['a1', 'a2', 'b1', 'c1', 'owner']) lanes.push(name.charAt(0), name)
      await settle()
      expect(begun).to.deep.equal(['owner'])
      expect(row, 'one of each line').to.have.length(3)
      expect([lanes.active, lanes.waiting]).to.deep.equal([0, 3])
      for (let i = 0; i < 4; i++) {
        row[i]?.come()
        await settle()
      }
      expect(begun).to.deep.equal(['owner', 'a1', 'b1', 'c1', 'a2'])
      expect(lanes.isIdle).to.equal(true)
    })

    it('ask anew when they were held meanwhile, and begin nothing until then', async () => {
      const { row, begun, lanes, settle } = withTurns(2)
      for (const name of ['a1', 'b1']) lanes.push(name.charAt(0), name)
      lanes.hold()
      await lanes.idle()
      expect(row.map(({ signal }) => signal.aborted)).to.deep.equal([true, true])
      for (const { come } of row) come()
      await settle()
      expect(begun).to.deep.equal([])
      lanes.release()
      expect(row).to.have.length(4)
      for (const { come } of row) come()
      await lanes.idle()
      expect(begun).to.deep.equal(['a1', 'b1'])
    })

    it('pass the turn of one that is taken out to nobody', async () => {
      const { row, begun, lanes, settle } = withTurns(2)
      for (const name of ['a1', 'a2', 'b1']) lanes.push(name.charAt(0), name)
      expect(lanes.clear((name) => name.endsWith('1'))).to.deep.equal(['a1', 'b1'])
      expect(row.map(({ signal }) => signal.aborted)).to.deep.equal([true, true, false])
      await settle()
      expect(begun).to.deep.equal([])
      row[2]?.come()
      await lanes.idle()
      expect(begun).to.deep.equal(['a2'])
    })
  })
})
