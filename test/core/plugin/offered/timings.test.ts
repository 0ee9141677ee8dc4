import { expect } from 'chai'
import { statementName, Timings } from '../../../../core/plugin/offered/timings.ts'

const nobody = { handled: () => undefined, queried: () => undefined }

describe('timings', () => {
  let timings: Timings
  let disposals: (() => void)[]
  beforeEach(() => {
    timings = new Timings(nobody)
    disposals = []
  })
  const open = (plugin = 'performance') =>
    timings.for(plugin, (dispose) => void disposals.push(dispose))

  it('are given to each plugin once, with all of its versions together', () => {
    const before = open()
    const after = open()
    const other = open('other')
    timings.handled('worklog', 'log', 5, true)
    timings.handled('worklog', 'log', 15, false)
    const [timing] = after.take().handlers
    expect(timing).to.include({
      plugin: 'worklog',
      name: 'log',
      count: 2,
      failed: 1,
      totalMs: 20,
      maxMs: 15,
    })
    expect(before.take().handlers, 'what the new version took').to.deep.equal([])
    expect(other.take().handlers).to.have.length(1)
    timings.updated('worklog', 'done', 7)
    disposals[0]?.()
    expect(after.take().updates[0]).to.include({ plugin: 'worklog', name: 'done', count: 1 })
  })

  it('are not kept for a plugin that is gone', () => {
    const before = open()
    for (const dispose of disposals) dispose()
    timings.handled('worklog', 'log', 5, true)
    expect(before.take().handlers).to.deep.equal([])
    expect(open().take().handlers).to.deep.equal([])
  })

  it('fall into the first bucket whose bound is not below', () => {
    const { bounds, take } = open()
    for (const [i, bound] of bounds.entries()) {
      timings.handled('a', 'x', bound, true)
      const [{ buckets } = { buckets: [] }] = take().handlers
      expect(buckets[i], `${bound} ms`).to.equal(1)
      timings.handled('a', 'x', bound * 1.01, true)
      const [above] = take().handlers
      expect(above?.buckets[i + 1], `just above ${bound} ms`).to.equal(1)
    }
    timings.handled('a', 'x', 0, true)
    timings.handled('a', 'x', 1e9, true)
    const [{ buckets } = { buckets: [] }] = take().handlers
    expect([buckets[0], buckets.at(-1)]).to.deep.equal([1, 1])
  })

  it('are of a bounded number of names', () => {
    const { take } = open()
    for (let i = 0; i < 1_000; i++) timings.handled('a', `x${i}`, 1, true)
    const { handlers } = take()
    expect(handlers).to.have.length(501)
    expect(handlers.find(({ name }) => name === 'other')).to.include({ count: 500 })
  })

  it('name statements without their values, so that one is one', () => {
    const names = [
      `select *  from a where id in ($1, $2, $3) and b = 'it''s secret' and c = 12.5`,
      `select * from a where id in ($1, $2) and b = 'x' and c = 7`,
    ].map(statementName)
    expect(new Set(names).size).to.equal(1)
    expect(names[0]).to.equal('select * from a where id in (…) and b = ? and c = ?')
    expect(statementName('insert into a values ($1, $2), ($3, $4), ($5, $6)')).to.equal(
      'insert into a values (…), …',
    )
    expect(statementName(`select '${'x'.repeat(9_000)}`)).to.equal('select ?')
    expect(statementName(`select ${'x'.repeat(9_000)}`)).to.have.length(300)
  })
})
