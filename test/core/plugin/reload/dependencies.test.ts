import { expect } from 'chai'
import { orderByDependencies } from '../../../../core/plugin/reload/dependencies.ts'
import { optional, Plugins, type ServiceToken, service } from '../../../../core/plugin/service.ts'

const People = service<object>('people', 1)
const Sheets = service<object>('sheets', 2)

interface Needs {
  requires?: string[]
  uses?: ServiceToken<never>[]
  provides?: ServiceToken<never>[]
}

function plugin(name: string, { requires = [], uses = [], provides = [] }: Needs = {}) {
  const named = (tokens: ServiceToken<never>[]) =>
    new Map(tokens.map((token, i) => [`key${i}`, token]))
  return { name, requires, uses: named(uses), provides: named(provides) }
}

describe('the order of plugins', () => {
  it('sets providers up before their consumers, and is stable', () => {
    const { order, waiting, cycle } = orderByDependencies([
      plugin('a', { uses: [People, Plugins] }),
      plugin('b', { requires: ['a'] }),
      plugin('z', { provides: [People] }),
      plugin('c'),
    ])
    expect(order).to.deep.equal(['c', 'z', 'a', 'b'])
    expect(waiting.size).to.equal(0)
    expect(cycle).to.equal(undefined)
  })

  it('lets wait what needs an absent one, and what needs that in turn', () => {
    const { order, waiting } = orderByDependencies([
      plugin('a', { uses: [People] }),
      plugin('b', { requires: ['a'] }),
      plugin('c'),
    ])
    expect(order).to.deep.equal(['c'])
    expect(Object.fromEntries(waiting)).to.deep.equal({ a: ['people@1'], b: ['a'] })
  })

  it('tells majors apart', () => {
    const older = service<object>('sheets', 1)
    const { waiting } = orderByDependencies([
      plugin('a', { uses: [Sheets] }),
      plugin('b', { provides: [older] }),
    ])
    expect(Object.fromEntries(waiting)).to.deep.equal({ a: ['sheets@2'] })
  })

  it('waits for nothing that is optional, but puts it first where it can', () => {
    const { order } = orderByDependencies([
      plugin('a', { uses: [optional(People)] }),
      plugin('z', { provides: [People] }),
    ])
    expect(order).to.deep.equal(['z', 'a'])
    expect(orderByDependencies([plugin('a', { uses: [optional(People)] })]).order).to.deep.equal([
      'a',
    ])
    const both = orderByDependencies([
      plugin('a', { uses: [optional(People)], provides: [Sheets] }),
      plugin('z', { uses: [optional(Sheets)], provides: [People] }),
    ])
    expect([...both.order].sort()).to.deep.equal(['a', 'z'])
  })

  it('finds a circle and names its way', () => {
    const { cycle, waiting } = orderByDependencies([
      plugin('a', { uses: [People], provides: [Sheets] }),
      plugin('b', { uses: [Sheets] }),
      plugin('c', { requires: ['b'], provides: [People] }),
    ])
    expect(cycle).to.deep.equal(['a', 'c', 'b', 'a'])
    expect(waiting.size).to.equal(3)
  })
})
