import { expect } from 'chai'
import { PluginCache } from '../../../core/plugin/cache.ts'
import { MemoryStore } from '../../../core/store/memory.ts'
import { silentLog } from '../../support/log.ts'
import { rejected } from '../../support/rejected.ts'

describe('a cache', () => {
  let now: number
  let loads: string[]
  const store = new MemoryStore(silentLog)
  after(() => store.close())
  beforeEach(() => {
    now = 0
    loads = []
  })

  const open = () => new PluginCache({ plugin: 'sample', store, elapsed: () => now })
  const second = { ttlMs: 1_000 }
  const load = (key: string) => async () => {
    loads.push(key)
    return `${key} ${loads.length}`
  }
  /** What subscribers do is over by then. */
  const told = () => new Promise((resolve) => setImmediate(resolve))

  it('keeps a value as long as it is told', async () => {
    const cache = open()
    expect(await cache.get('a', second, load('a'))).to.equal('a 1')
    now = 999
    expect(await cache.get('a', second, load('a'))).to.equal('a 1')
    now = 1_000
    expect(await cache.get('a', second, load('a'))).to.equal('a 2')
    cache.close()
  })

  it('loads once for all who ask meanwhile, also if that takes longer than it is kept', async () => {
    const cache = open()
    const { promise, resolve } = Promise.withResolvers<string>()
    const slow = () => {
      loads.push('slow')
      return promise
    }
    const all = Promise.all([1, 2, 3].map(() => cache.get('slow', second, slow)))
    now = 5_000
    const late = cache.get('slow', second, slow)
    resolve('there')
    expect(await all).to.deep.equal(['there', 'there', 'there'])
    expect(await late).to.equal('there')
    expect(loads).to.have.length(1)
    cache.close()
  })

  it('keeps nothing of a failure', async () => {
    const cache = open()
    const fails = () => Promise.reject(new Error('away'))
    expect(await cache.get('a', second, fails).catch((error: Error) => error.message)).to.equal(
      'away',
    )
    expect(await cache.get('a', second, load('a'))).to.equal('a 1')
    expect((await rejected(cache.get('a', { ttlMs: 0 }, load('a')))).code).to.equal('OPS_CACHE')
    cache.close()
  })

  it('drops by key and by tag, in all instances, also what is being loaded', async () => {
    const [here, there] = [open(), open()]
    for (const cache of [here, there]) {
      await cache.get('a', { ...second, tags: ['site:1'] }, load('a'))
      await cache.get('b', { ...second, tags: ['site:2'] }, load('b'))
    }
    here.invalidateTags('site:1')
    await told()
    loads = []
    for (const cache of [here, there]) await cache.get('a', second, load('a'))
    expect(loads).to.deep.equal(['a', 'a'])
    const { promise, resolve } = Promise.withResolvers<string>()
    const old = there.get('c', second, () => promise)
    here.invalidate('c')
    await told()
    const fresh = there.get('c', second, load('c'))
    resolve('old')
    expect(await old).to.equal('old')
    expect(await fresh).to.equal('c 3')
    expect(await there.get('c', second, load('c'))).to.equal('c 3')
    here.close()
    there.close()
  })

  it('holds so many, and lets go what was not asked for longest', async () => {
    const cache = open()
    for (let i = 0; i < 1_000; i++) await cache.get(`${i}`, second, load(`${i}`))
    await cache.get('0', second, load('0'))
    await cache.get('one more', second, load('one more'))
    loads = []
    await cache.get('0', second, load('0'))
    expect(loads).to.deep.equal([])
    await cache.get('1', second, load('1'))
    expect(loads).to.deep.equal(['1'])
    cache.close()
  })
})
