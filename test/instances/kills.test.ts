import { expect } from 'chai'
import { Balancer } from '../support/balancer.ts'
import type { BotProcess } from '../support/bot-process.ts'
import { testKind } from '../support/database.ts'
import { chatCount, flawless, Ledger } from '../support/ledger.ts'
import { until } from '../support/wait.ts'

describe('several instances of one bot', function () {
  this.timeout(240_000)
  let ledger: Ledger
  /** Where Telegram finds them, once they are by webhook. */
  let balancer: Balancer

  before(async function () {
    // an embedded database is of one process
    if (testKind === 'embedded') return this.skip()
    balancer = await Balancer.start()
    const webhook = {
      WEBHOOK_URL: `http://127.0.0.1:${balancer.port}`,
      WEBHOOK_SECRET: 'a-secret',
    }
    ledger = await Ledger.create({ instances: 2, envOf: () => webhook })
    await Promise.all(ledger.bots.map((bot) => bot.start()))
  })
  after(async () => {
    await ledger?.close()
    balancer?.close()
  })

  const [a, b] = [() => ledger.bots[0] ?? fail(), () => ledger.bots[1] ?? fail()]
  function fail(): never {
    throw new Error('there is no such bot')
  }

  it('share the partitions, and one alone polls', async () => {
    await ledger.shared(2)
    const leaders = ledger.bots.filter(({ lines }) =>
      lines.some(({ event }) => event === 'telegram.polling.started'),
    )
    expect(leaders).to.have.length(1)
    ledger.send(60)
    await ledger.done()
    const workers = await ledger.query('select distinct pid from counter_ticks')
    expect(workers).to.have.length(2)
    expect(await ledger.tally()).to.deep.equal({ ...flawless, begunTwice: 0 })
    expect(await ledger.answered(), 'answers that came twice').to.equal(0)
  })

  it('lose nothing and do nothing twice when each is killed in turn under load', async () => {
    const takeovers: number[] = []
    for (const bot of [a(), b(), a()]) {
      const before = await ledger.committed()
      ledger.send(40)
      await until('it works', async () => (await ledger.committed()) > before + 5)
      const killedAt = Date.now()
      await bot.kill()
      ledger.send(40)
      await ledger.done()
      const other = bot === a() ? b() : a()
      const polling = other.lines.findLast(({ event }) => event === 'telegram.polling.started')
      const tookMs = Date.parse(polling?.time ?? '') - killedAt
      if (tookMs > 0) takeovers.push(tookMs)
      await bot.start()
    }
    expect(await ledger.tally()).to.include(flawless)
    await ledger.answered()
    // on a busy machine one may take longer
    const [soonest = Number.POSITIVE_INFINITY] = takeovers.sort((one, other) => one - other)
    expect(soonest, `takeovers of polling: ${takeovers.join()} ms`).to.be.at.most(5_000)
  })

  it('do nothing twice when one sleeps past its lease and wakes up again', async () => {
    await ledger.shared(2)
    ledger.send(24, 1_500)
    const begun = ledger.begun().length
    await until('some have begun', () => ledger.begun().length >= begun + 6)
    a().signal('SIGSTOP')
    await ledger.shared(1)
    a().signal('SIGCONT')
    ledger.send(24)
    await ledger.done()
    expect(await ledger.tally()).to.include(flawless)
    await ledger.answered()
    await ledger.shared(2)
  })

  const portOf = async (bot: BotProcess) => Number((await bot.event('http.listening')).port)
  const startByWebhook = async (bot: BotProcess) => {
    bot.env.UPDATES = 'webhook'
    await bot.start()
    balancer.add(await portOf(bot))
  }
  const setCalls = () => a().api.journal.calls('setWebhook').length

  it('begin no handler twice in a rolling restart from polling to webhook', async () => {
    // the kills began some
    const before = (await ledger.tally()).begunTwice
    for (const bot of ledger.bots) {
      // long enough for the other one to take what would be given back too early
      ledger.send(chatCount, 2_000)
      const begun = ledger.begun().length
      await until('some have begun', () => ledger.begun().length >= begun + chatCount / 2)
      ledger.send(48)
      expect(await bot.stop()).to.equal(0)
      ledger.send(48)
      await startByWebhook(bot)
    }
    await ledger.done()
    expect(await ledger.tally()).to.deep.equal({ ...flawless, begunTwice: before })
    expect(setCalls()).to.equal(1)
  })

  it('handle all once when the one that leads is killed while updates come by webhook', async () => {
    const leads = async (bot: BotProcess) => {
      const { body } = await bot.http('/readyz')
      return JSON.stringify(body).includes(', leads')
    }
    const leader = (await leads(a())) ? a() : b()
    const before = await ledger.committed()
    ledger.send(48)
    await until('they work', async () => (await ledger.committed()) > before + 5)
    balancer.remove(await portOf(leader))
    await leader.kill()
    ledger.send(48)
    await ledger.done()
    await startByWebhook(leader)
    ledger.send(24)
    await ledger.done()
    expect(await ledger.tally()).to.include(flawless)
    await ledger.shared(2)
    // it is set, whoever leads
    expect(setCalls()).to.equal(1)
  })
})
