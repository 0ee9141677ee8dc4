import { expect } from 'chai'
import { openStore, type Store } from '../../../core/store/store.ts'
import { silentLog } from '../../support/log.ts'
import { testRedis } from '../../support/redis.ts'
import { until } from '../../support/wait.ts'

/** A bot of its own for each test: what one leaves in Redis no other finds. */
const botId = () => Math.floor(Math.random() * 2 ** 40)

const kinds = [
  { name: 'of one process', url: undefined },
  ...(testRedis === undefined ? [] : [{ name: 'in Redis', url: testRedis }]),
]

for (const { name, url } of kinds) {
  describe(`store ${name}`, () => {
    let store: Store
    /** Another process of the same bot; the same one where there can't be another. */
    let other: Store

    beforeEach(async () => {
      const id = botId()
      store = await openStore({ url, botId: id, log: silentLog })
      other = url === undefined ? store : await openStore({ url, botId: id, log: silentLog })
    })
    afterEach(async () => {
      await store.close()
      await other.close()
    })

    it('is well', () => {
      expect(store.trouble).to.equal(undefined)
      expect(store.kind).to.equal(url === undefined ? 'memory' : 'redis')
    })

    it('gives as many tokens as a bucket holds, to all together, then says how long to wait', async () => {
      const limit = { key: 'bot', capacity: 4, perSecond: 0.5 }
      const given: number[] = []
      for (const from of [store, other, store, other]) given.push(await from.take([limit]))
      expect(given).to.deep.equal([0, 0, 0, 0])
      const wait = await other.take([limit])
      expect(wait).to.be.within(1_000, 2_000)
    })

    it('gives a token back with time', async () => {
      const limit = { key: 'chat:1', capacity: 1, perSecond: 20 }
      expect(await store.take([limit])).to.equal(0)
      expect(await store.take([limit])).to.be.within(1, 50)
      await until('the next token', async () => (await other.take([limit])) === 0, 5_000)
    })

    it('takes nothing out of any bucket while one of them is empty', async () => {
      const bot = { key: 'bot', capacity: 2, perSecond: 0.001 }
      const chat = { key: 'chat:1', capacity: 1, perSecond: 0.001 }
      expect(await store.take([bot, chat])).to.equal(0)
      expect(await other.take([bot, chat])).to.be.above(1_000)
      expect(await other.take([bot, chat])).to.be.above(1_000)
      expect(await other.take([bot])).to.equal(0)
      expect(await store.take([bot])).to.be.above(1_000)
    })

    it('tells every instance that there is something new', async () => {
      const heard = { own: 0, others: 0, elsewhere: 0 }
      store.subscribe('choices', async () => void heard.own++)
      other.subscribe('choices', async () => void heard.others++)
      other.subscribe('other', async () => void heard.elsewhere++)
      await until('both listen and hear', async () => {
        await store.publish('choices')
        return heard.own > 0 && heard.others > 0
      })
      // Redis has it all in one order: what comes after it comes after it everywhere
      const before = heard.elsewhere
      await store.publish('other')
      await until('the other topic', () => heard.elsewhere > before)
    })

    it('looks once more for all that came while it looked', async () => {
      let looks = 0
      const first = Promise.withResolvers<void>()
      store.subscribe('slow', async () => {
        looks++
        if (looks === 1) await first.promise
      })
      await until('it looks', async () => {
        await other.publish('slow')
        return looks === 1
      })
      for (let i = 0; i < 5; i++) await other.publish('slow')
      let after = 0
      other.subscribe('after', async () => void after++)
      store.subscribe('after', async () => void after++)
      await until('all have been told', async () => {
        await other.publish('after')
        return after >= 2
      })
      expect(looks).to.equal(1)
      first.resolve()
      await until('it looks again', () => looks === 2)
    })

    it('goes on when one who looks fails, and stops telling who left', async () => {
      let looks = 0
      let left = 0
      store.subscribe('failing', async () => {
        looks++
        throw new Error('on purpose')
      })
      store.subscribe('failing', async () => void left++)()
      await until('it looked twice', async () => {
        await store.publish('failing')
        return looks >= 2
      })
      expect(left).to.equal(0)
    })
  })
}
