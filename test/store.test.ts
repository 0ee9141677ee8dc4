import { expect } from 'chai'
import pg from 'pg'
import { openStore } from '../core/store/store.ts'
import { BotProcess } from './support/bot-process.ts'
import { testKind } from './support/database.ts'
import { silentLog } from './support/log.ts'
import { testRedis } from './support/redis.ts'
import { type TcpProxy, tcpProxy } from './support/tcp-proxy.ts'
import { until } from './support/wait.ts'

const ping = `
import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'ping',
  version: '1.0.0',
  commands: ({ command }) => ({ ping: command({ description: 'Answers', run: () => 'pong' }) }),
})
`

describe('a bot with a store', function () {
  this.timeout(120_000)

  const checkOf = async (bot: BotProcess) => {
    const { body } = await bot.http('/readyz')
    return (body as { checks: { store: { status: string; detail: string } } }).checks.store
  }

  it('of its own says so', async () => {
    const bot = await BotProcess.create({ firstParty: false })
    try {
      await bot.start()
      expect((await bot.event('app.started')).store).to.equal('memory')
      expect(await checkOf(bot)).to.include({ status: 'up', detail: 'memory' })
    } finally {
      await bot.close()
    }
  })

  it('that is a Redis which is away starts, serves, and says that it is degraded', async () => {
    const REDIS_URL = 'redis://:hunter2hunter2@127.0.0.1:1'
    const bot = await BotProcess.create({ env: { REDIS_URL }, plugins: { 'ping/index.ts': ping } })
    try {
      await bot.start()
      expect((await bot.event('app.started')).store).to.equal('redis')
      expect(await checkOf(bot)).to.include({
        status: 'degraded',
        detail: 'OPS_STORE_UNREACHABLE',
      })
      expect((await bot.http('/readyz')).status).to.equal(200)
      expect(await bot.ask(bot.ownerId, '/ping')).to.equal('pong')
      expect(JSON.stringify(bot.lines)).not.to.include('hunter2')
    } finally {
      await bot.close()
    }
  })

  if (testRedis !== undefined) {
    const redis = new URL(testRedis)

    describe('in Redis', () => {
      let proxy: TcpProxy
      let bot: BotProcess

      before(async () => {
        proxy = await tcpProxy({ host: redis.hostname, port: Number(redis.port || 6379) })
        const url = new URL(redis)
        url.host = `127.0.0.1:${proxy.port}`
        const env = { REDIS_URL: url.href }
        bot = await BotProcess.create({ env, plugins: { 'ping/index.ts': ping } })
        await bot.start()
      })
      after(async () => {
        await bot.close()
        await proxy.close()
      })

      it('is degraded while Redis is away, serves on, and recovers without a restart', async () => {
        expect(await checkOf(bot)).to.include({ status: 'up', detail: 'redis' })
        proxy.cut()
        await bot.event('store.lost', { code: 'OPS_STORE_UNREACHABLE' })
        expect(await bot.ask(bot.ownerId, '/ping')).to.equal('pong')
        await until('it says so', async () => (await checkOf(bot)).status === 'degraded')
        expect((await bot.http('/readyz')).status).to.equal(200)
        proxy.mend()
        await bot.event('store.back')
        await until('it is well again', async () => (await checkOf(bot)).status === 'up')
      })

      it('takes up what is saved while Redis is away, and keeps what serves when that is broken', async () => {
        bot.forget()
        proxy.cut()
        await bot.event('store.lost')
        bot.write('ping/index.ts', 'broken(')
        await bot.event('plugin.reload.aborted', { plugin: 'ping' })
        expect(await bot.ask(bot.ownerId, '/ping')).to.equal('pong')
        bot.write('ping/index.ts', ping.replace("'pong'", "'pang'"))
        await bot.event('plugin.reload.committed', { plugin: 'ping' })
        expect(await bot.ask(bot.ownerId, '/ping')).to.equal('pang')
        proxy.mend()
        await bot.event('store.back')
        bot.write('ping/index.ts', ping)
        await until('it is saved', async () => (await bot.ask(bot.ownerId, '/ping')) === 'pong')
      })

      if (testKind === 'postgres') {
        it('follows what somebody decided about plugins on another instance, also while Redis was away', async () => {
          const store = await openStore({
            url: redis.href,
            botId: Number.parseInt(bot.api.token, 10),
            log: silentLog,
          })
          const client = new pg.Client({ connectionString: bot.database.url ?? '' })
          await client.connect()
          const decide = (disabled: boolean) =>
            client.query(
              `insert into plugin_choices (plugin, disabled) values ('ping', $1)
               on conflict (plugin) do update set disabled = excluded.disabled`,
              [disabled],
            )
          try {
            await decide(true)
            await store.publish('plugin-choices')
            await bot.event('plugin.choice-followed', { plugin: 'ping', disabled: true })
            const answer = () => bot.ask(bot.ownerId, '/ping')
            await until('it answers no more', async () => (await answer()) !== 'pong')
            proxy.cut()
            await bot.event('store.lost')
            await decide(false)
            await store.publish('plugin-choices')
            proxy.mend()
            await bot.event('plugin.choice-followed', { plugin: 'ping', disabled: false })
            await until('it answers', async () => (await answer()) === 'pong')
          } finally {
            await client.end()
            await store.close()
          }
        })
      }
    })
  }
})
