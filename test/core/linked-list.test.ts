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

  it('goes on when what it tells is taken out meanwhile, or something comes', () => {
    const list = new LinkedList<string>()
    for (const value of ['a', 'b', 'c']) list.add(value)
    const told: string[] = []
    for (const link of list.links()) {
      told.push(link.value)
      list.remove(link)
      if (told.length === 1) list.add('d')
    }
    expect(told).to.deep.equal(['a', 'b', 'c', 'd'])
    expect(list.size).to.equal(0)
  })
})
