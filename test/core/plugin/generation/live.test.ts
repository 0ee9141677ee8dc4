import { expect } from 'chai'
import type { Generation } from '../../../../core/plugin/generation/generation.ts'
import { Live } from '../../../../core/plugin/generation/live.ts'
import type { LoadedPlugin } from '../../../../core/plugin/generation/loaded.ts'

// only identity matters here
const plugin = (name: string) => ({ name }) as LoadedPlugin
const generation = (id: number, ...plugins: LoadedPlugin[]) =>
  ({
    id,
    plugins: new Map(plugins.map((each) => [each.name, each])),
    waiting: new Map(),
  }) as unknown as Generation

const idle = (plugin?: string, cut = () => {}) => ({ plugin: () => plugin, cut })

describe('the live generation', () => {
  it('lets an instance go when no held generation contains it', () => {
    const released: string[] = []
    const [a1, a2, b] = [plugin('a1'), plugin('a2'), plugin('b')]
    const live = new Live(generation(1, a1, b), ({ name }) => released.push(name))
    const held = live.take(idle())
    live.replace(generation(2, a2, b))
    expect(live.current.id).to.equal(2)
    expect(held.generation.id).to.equal(1)
    expect(released).to.deep.equal([])
    expect([...live.draining()]).to.deep.equal([[a1, 1]])
    held.release()
    held.release()
    expect(released).to.deep.equal(['a1'])
    expect(live.draining().size).to.equal(0)
  })

  it('lets go at once what nobody works on, and never what the live one contains', () => {
    const released: string[] = []
    const [a, b] = [plugin('a'), plugin('b')]
    const live = new Live(generation(1, a, b), ({ name }) => released.push(name))
    live.replace(generation(2, b))
    expect(released).to.deep.equal(['a'])
    live.take(idle()).release()
    expect(released).to.deep.equal(['a'])
  })

  it('keeps an instance that several old generations contain until the last is released', () => {
    const released: string[] = []
    const [a, b1, b2, b3] = [plugin('a'), plugin('b1'), plugin('b2'), plugin('b3')]
    const live = new Live(generation(1, a, b1), ({ name }) => released.push(name))
    const first = live.take(idle())
    live.replace(generation(2, a, b2))
    const second = live.take(idle())
    live.replace(generation(3, b3))
    second.release()
    expect(released).to.deep.equal(['b2'])
    first.release()
    expect(released.sort()).to.deep.equal(['a', 'b1', 'b2'])
  })

  it('ends the oldest handlers of a plugin when more than four replaced versions still run', () => {
    const other = plugin('other')
    const versions = Array.from({ length: 7 }, () => plugin('a'))
    const cut: string[] = []
    const live = new Live(generation(0, other), () => undefined)
    for (const [i, version] of versions.entries()) {
      live.replace(generation(i + 1, version, other))
      live.take(idle('a', () => cut.push(`a${i}`)))
      live.take(idle('other', () => cut.push(`other${i}`)))
    }
    // six were replaced: the two oldest are too many, and handlers of others are nobody's to end
    expect(new Set(cut)).to.deep.equal(new Set(['a0', 'a1']))
  })
})
