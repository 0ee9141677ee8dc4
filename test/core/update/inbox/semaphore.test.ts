import { expect } from 'chai'
import { Semaphore } from '../../../../core/update/inbox/semaphore.ts'

describe('a semaphore', () => {
  it('lets so many work at once, the others in order, also past a failure', async () => {
    const semaphore = new Semaphore(2)
    const begun: number[] = []
    const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>())
    const results = Promise.allSettled(
      gates.map(({ promise }, i) =>
        semaphore.use(async () => {
          begun.push(i)
          await promise
        }),
      ),
    )
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    await turn()
    expect(begun).to.deep.equal([0, 1])
    gates[1]?.reject(new Error('no'))
    await turn()
    expect(begun).to.deep.equal([0, 1, 2])
    for (const { resolve } of gates) resolve()
    const states = (await results).map(({ status }) => status)
    expect(states).to.deep.equal(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    expect(begun).to.deep.equal([0, 1, 2, 3])
  })
})
