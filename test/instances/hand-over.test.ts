import { expect } from 'chai'
import type { Chat } from '../../core/testing/bot-api/world/chat.ts'
import type { BotProcess } from '../support/bot-process.ts'
import { testKind } from '../support/database.ts'
import { flawless, Ledger } from '../support/ledger.ts'
import { until } from '../support/wait.ts'

describe('instances that come and go', function () {
  this.timeout(240_000)
  let ledger: Ledger

  before(async function () {
    // an embedded database is of one process
    if (testKind === 'embedded') return this.skip()
    ledger = await Ledger.create({ instances: 2 })
    await Promise.all(ledger.bots.map((bot) => bot.start()))
  })
  after(() => ledger?.close())

  const [a, b] = [() => ledger.bots[0] ?? fail(), () => ledger.bots[1] ?? fail()]
  function fail(): never {
    throw new Error('there is no such bot')
  }

  it('go on with a dialog that another one has begun, and that is gone by now', async () => {
    const owner = a().person(a().ownerId)
    const answerTo = async (text: string) => {
      const before = a().said(owner.id).length
      owner.sendText(text)
      return until(`an answer to ${text}`, () => a().said(owner.id)[before])
    }
    await a().stop()
    expect(await answerTo('/committed')).to.include('“from” is missing')
    await a().start()
    await ledger.shared(2)
    await b().stop()
    expect(await answerTo('0')).to.match(/^\d+$/)
    expect(await ledger.query('select 1 from user_sessions')).to.deep.equal([])
    await b().start()
    await ledger.shared(2)
  })

  it('load a plugin anew each from its own disk, and tell when they run different versions', async () => {
    const edited = a().read('counter/index.ts').replace("version: '1.0.0'", "version: '1.1.0'")
    for (const bot of ledger.bots) {
      bot.forget()
      bot.write('counter/index.ts', edited)
    }
    expect(await a().ask(a().ownerId, '/plugins reload counter')).to.include('1.1.0 is live')
    for (const bot of ledger.bots) await bot.event('plugin.reload.committed', { plugin: 'counter' })
    const check = async () => {
      const { body } = await a().http('/readyz')
      return (body as { checks: { instances: { status: string; detail: string } } }).checks
        .instances
    }
    await until('they run the same', async () => (await check()).status === 'up')
    b().write('counter/index.ts', edited.replace('1.1.0', '1.2.0'))
    await a().ask(a().ownerId, '/plugins reload counter')
    await until('it is seen', async () => (await check()).status === 'degraded')
    expect((await check()).detail)
      .to.include('2 live')
      .and.include('1 run other versions')
    const told = await a().ask(a().ownerId, '/plugins')
    expect(told).to.match(/⚠️ Instance .+ \(\d+\) runs other versions of: counter/)
  })

  it('put the same build back everywhere, and see what another one has in quarantine', async () => {
    const command = (text: string) => a().ask(a().ownerId, text)
    const version = (number: string) =>
      a()
        .read('counter/index.ts')
        .replace(/version: '.*'/, `version: '${number}'`)
    const everywhere = async (text: string, say: string) => {
      for (const bot of ledger.bots) {
        bot.forget()
        bot.write('counter/index.ts', text)
      }
      expect(await command('/plugins reload counter')).to.include(say)
      for (const bot of ledger.bots) await bot.event('plugin.reload.committed')
    }
    const failing = version('1.4.0').replace(
      'const ticks =',
      "throw new Error('no'); const ticks =",
    )
    await everywhere(version('1.3.0'), '1.3.0 is live')
    await everywhere(failing, '1.4.0 is live')

    const { rooms } = ledger
    const owner = a().person(a().ownerId)
    const askIn = async (chat: Chat, text: string) => {
      const before = a().said(chat.id).length
      owner.sendText(text, { chat })
      return until(`an answer to ${text}`, () => a().said(chat.id)[before])
    }
    const [first] = rooms
    if (first === undefined) throw new Error('there is no room')
    for (let i = 0; i < 5; i++) await askIn(first, '/committed 0')
    await until('one has it in quarantine', () =>
      ledger.bots.some(({ lines }) => lines.some(({ event }) => event === 'plugin.quarantined')),
    )
    // rooms belong to either instance: one of them is not the one that has it
    await until('the other one knows', async () => {
      const lists = await Promise.all(rooms.map((room) => askIn(room, '/plugins')))
      return lists.some((list) => /⛔ Instance .+ has in quarantine: counter/.test(list))
    })
    const card = async () =>
      (await ledger.query("select state, content from cards where subject = 'counter'"))[0]
    await until('its card is there', async () => (await card()) !== undefined)
    expect(await card()).to.include({ state: 'open' })

    for (const bot of ledger.bots) bot.forget()
    expect(await command('/plugins rollback counter')).to.include('1.3.0 is live')
    for (const bot of ledger.bots) {
      await bot.event('plugin.reload.committed', { plugin: 'counter', version: '1.3.0' })
    }
    await until('the card says so', async () => (await card())?.state === 'decided')
    expect(await askIn(first, '/committed 0')).to.match(/^\d+$/)
  })

  it('hold to what was decided for a chat from its next update on, whichever of them has that', async () => {
    const owner = a().person(a().ownerId)
    const off = 'is switched off in this chat'
    const decide = (chat: Chat, plugins: string) =>
      ledger.query(
        `insert into chat_settings (chat_id, plugins_off) values (${chat.id}, '${plugins}')
         on conflict (chat_id) do update set plugins_off = excluded.plugins_off`,
      )
    for (const chat of ledger.rooms.slice(0, 6)) {
      for (const plugins of ['["counter"]', '[]', '["counter"]', '[]']) {
        await decide(chat, plugins)
        const before = a().said(chat.id).length
        owner.sendText('/committed 0', { chat })
        const answer = await until('an answer', () => a().said(chat.id)[before])
        expect(answer.includes(off), `${plugins}: ${answer}`).to.equal(plugins !== '[]')
      }
    }
  })

  it('let updates wait, all of them, until one is told to go on', async () => {
    const readyz = async (bot: BotProcess) =>
      ((await bot.http('/readyz')).body as { checks: { updates: { status: string } } }).checks
        .updates.status
    const bothSay = (status: string) =>
      until(status, async () => (await readyz(a())) === status && (await readyz(b())) === status)
    const ask = (text: string) => a().ask(a().ownerId, text)
    expect(await ask('/pause')).to.include('Paused')
    await bothSay('degraded')
    const before = ledger.begun().length
    ledger.send(24)
    await until('they are stored', async () => {
      const [row] = await ledger.query<{ open: number }>(
        'select count(*)::int as open from inbox where state = 0',
      )
      return row?.open === 24
    })
    expect(ledger.begun()).to.have.length(before)
    expect(await ask('/resume')).to.include('Going on')
    await bothSay('up')
    await ledger.done()
  })

  it('make room for a third one, and take its share when it leaves', async () => {
    const third = await ledger.add()
    await third.start()
    await ledger.shared(3)
    ledger.send(60)
    await ledger.done()
    expect(await third.stop()).to.equal(0)
    await ledger.shared(2)
    expect(await ledger.tally()).to.include(flawless)
  })
})
