import { expect } from 'chai'
import { Redis } from 'ioredis'
import { openStore, type Store } from '../../../core/store/store.ts'
import { silentLog } from '../../support/log.ts'
import { testRedis } from '../../support/redis.ts'
import { type TcpProxy, tcpProxy } from '../../support/tcp-proxy.ts'
import { until } from '../../support/wait.ts'

const limit = { key: 'bot', capacity: 2, perSecond: 0.001 }

describe('a Redis that is not there', () => {
  it('is no reason not to start, and limits hold in this process', async () => {
    const store = await openStore({ url: 'redis://127.0.0.1:1', botId: 1, log: silentLog })
    expect(store.trouble?.code).to.equal('OPS_STORE_UNREACHABLE')
    expect(await store.take([limit])).to.equal(0)
    expect(await store.take([limit])).to.equal(0)
    expect(await store.take([limit])).to.be.above(1_000)
    let looks = 0
    store.subscribe('choices', async () => void looks++)
    await store.publish('choices')
    await until('this process is told', () => looks === 1)
    await store.close()
  })
})

if (testRedis !== undefined) {
  const server = new URL(testRedis)

  describe('a Redis that goes away and comes back', () => {
    let proxy: TcpProxy
    let store: Store
    let direct: Store

    beforeEach(async () => {
      proxy = await tcpProxy({ host: server.hostname, port: Number(server.port || 6379) })
      const url = new URL(server)
      url.host = `127.0.0.1:${proxy.port}`
      const botId = Math.floor(Math.random() * 2 ** 40)
      store = await openStore({ url: url.href, botId, log: silentLog })
      direct = await openStore({ url: server.href, botId, log: silentLog })
    })
    afterEach(async () => {
      await store.close()
      await direct.close()
      await proxy.close()
    })

    const troubled = (code: string) =>
      until(`trouble ${code}`, async () => {
        await store.take([{ ...limit, key: 'noticing' }])
        return store.trouble?.code === code
      })
    const mended = () => until('all is well', () => store.trouble === undefined)

    for (const how of ['cut', 'hold'] as const) {
      it(`is done without and taken up again: connections ${how === 'cut' ? 'ended' : 'dead without a word'}`, async () => {
        expect(await store.take([limit])).to.equal(0)
        proxy[how]()
        await troubled('OPS_STORE_UNREACHABLE')
        // its own buckets begin full: at worst each process sends what all together may
        expect(await store.take([limit])).to.equal(0)
        expect(await store.take([limit])).to.equal(0)
        expect(await store.take([limit])).to.be.above(1_000)
        proxy.mend()
        await mended()
        // the shared bucket has had one taken
        expect(await direct.take([limit])).to.equal(0)
        expect(await store.take([limit])).to.be.above(1_000)
      })
    }

    it('loses no news: what was published meanwhile on either side is looked at', async () => {
      const looks = { here: 0, there: 0 }
      store.subscribe('choices', async () => void looks.here++)
      direct.subscribe('choices', async () => void looks.there++)
      await until('both hear', async () => {
        await direct.publish('choices')
        return looks.here > 0 && looks.there > 0
      })
      proxy.cut()
      await troubled('OPS_STORE_UNREACHABLE')
      const before = { ...looks }
      await store.publish('choices')
      await until('this process looks', () => looks.here > before.here)
      const missed = looks.here
      await direct.publish('choices')
      await until('the other side looks', () => looks.there > before.there)
      const there = looks.there
      proxy.mend()
      await until('what could not be told is told', () => looks.there > there)
      await until('what was not heard is looked for', () => looks.here > missed)
    })

    const refusals = {
      OPS_STORE_FULL: "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
      OPS_STORE_LOADING: '-LOADING Redis is loading the dataset in memory\r\n',
      OPS_STORE_READONLY: "-READONLY You can't write against a read only replica.\r\n",
      OPS_STORE_AUTH: "-NOPERM this user has no permissions to run the 'evalsha' command\r\n",
    }
    for (const [code, answer] of Object.entries(refusals)) {
      it(`says what is wrong, and is taken up again by itself: ${code}`, async () => {
        proxy.answer('evalsha', answer)
        await troubled(code)
        expect(await store.take([{ ...limit, key: 'own' }])).to.equal(0)
        proxy.mend()
        await mended()
      })
    }

    it('knows no script after a new start, and is taught it', async () => {
      const admin = new Redis(server.href)
      await admin.script('FLUSH')
      await admin.quit()
      expect(await store.take([limit])).to.equal(0)
      expect(store.trouble).to.equal(undefined)
      expect(await direct.take([limit])).to.equal(0)
      expect(await store.take([limit])).to.be.above(1_000)
    })
  })
}
