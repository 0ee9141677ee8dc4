import { expect } from 'chai'
import { LinkedList } from '../../core/linked-list.ts'

describe('a linked list', () => {
  it('tells what is in it in the order in which it came', () => {
    const list = new LinkedList<string>()
    const [a] = ['a', 'b', 'c'].map((value) => list.add(value))
    expect([...list]).to.deep.equal(['a', 'b', 'c'])
    expect(list.remove(a!)).to.equal(true)
    list.add('d')
    expect([...list]).to.deep.equal(['b', 'c', 'd'])
    expect(list.size).to.equal(3)
  })

  it('takes something out once', () => {
    const list = new LinkedList<string>()
    const link = list.add('a')
    expect([list.remove(link), list.remove(link)]).to.deep.equal([true, false])
    expect(list.size).to.equal(0)
    expect([...list]).to.deep.equal([])
  })

  it('goes on when something is taken out while it tells', () => {
    const list = new LinkedList<string>()
    const links = ['a', 'b', 'c', 'd'].map((value) => list.add(value))
    const told: string[] = []
    for (const { value } of list.links()) {
      told.push(value)
      // itself and the next one
      if (value === 'b') for (const link of links.slice(1, 3)) list.remove(link)
    }
    expect(told).to.deep.equal(['a', 'b', 'd'])
    expect([...list]).to.deep.equal(['a', 'd'])
  })
})
