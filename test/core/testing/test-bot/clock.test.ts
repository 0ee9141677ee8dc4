import { expect } from 'chai'
import { createTestBot, TestClock } from 'opsgram/testing'
import { rejected } from '../../../support/rejected.ts'

const hour = 3_600_000
const startsAt = '2026-03-02T08:00:00.000Z'

const shift = `import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'shift',
  version: '1.0.0',
  setup(scope) {
    const rung = []
    scope.interval(3_600_000, async () => { await null; rung.push(scope.now().toISOString().slice(11, 16)) })
    scope.timeout(5_400_000, () => rung.push('once'))
    return { rung }
  },
  commands: ({ command }) => ({
    rung: command({ description: 'x', run: (ctx) => ctx.now().toISOString() + ' ' + ctx.plugin.rung.join() }),
    hang: command({ description: 'x', run: () => new Promise(() => undefined) }),
  }),
})
`

describe('bot.clock', () => {
  it('stands at the given time and rings timers in their order, each at its time', async () => {
    await using bot = await createTestBot({ now: startsAt })
    await bot.dropPlugin('shift', { 'index.ts': shift })
    await bot.owner.sends('/rung')
    await bot.owner.sees(startsAt)
    await bot.clock.advance(3 * hour)
    await bot.owner.sends('/rung')
    const { message } = await bot.owner.sees('2026-03-02T11:00:00.000Z 09:00,once,10:00,11:00')
    expect(message.api.date).to.equal(new Date('2026-03-02T11:00:00Z').getTime() / 1000)
    await bot.clock.advanceTo('2026-03-02T13:30:00Z')
    await bot.owner.sends('/rung')
    await bot.owner.sees('13:30:00.000Z 09:00,once,10:00,11:00,12:00,13:00')
    await bot.expectNoLeftovers()
  })

  it('goes by itself without one, and can be moved on all the same', async () => {
    await using bot = await createTestBot()
    await bot.dropPlugin('shift', { 'index.ts': shift })
    const before = bot.clock.now()
    expect(Math.abs(before - Date.now())).to.be.lessThan(5_000)
    await bot.clock.advance(2 * hour)
    expect(bot.clock.now() - before).to.be.within(2 * hour, 2 * hour + 60_000)
    await bot.owner.sends('/rung')
    await bot.owner.sees(/once/)
  })

  it('ends the time of a handler', async () => {
    await using bot = await createTestBot({ now: startsAt })
    await bot.dropPlugin('shift', { 'index.ts': shift })
    await bot.owner.sends('/hang')
    await bot.owner.sends('/rung')
    // one chat, one order: what hangs is reached when it has begun
    await bot.logged('plugin.loaded', { plugin: 'shift' })
    while (bot.telegram.api.pending > 0) await new Promise((resolve) => setTimeout(resolve, 2))
    await bot.clock.advance(59_000)
    expect(bot.telegram.calls('sendMessage')).to.deep.equal([])
    await bot.clock.advance(2_000)
    await bot.owner.sees(/E-[A-Z0-9]{5}/)
  })

  it('waits out what Telegram asks for', async () => {
    await using bot = await createTestBot({ now: startsAt })
    await bot.dropPlugin('shift', { 'index.ts': shift })
    bot.telegram.fail('sendMessage', 429, { retryAfter: 30 })
    await bot.owner.sends('/rung')
    await bot.logged('telegram.limited', { method: 'sendMessage' })
    await bot.clock.advance(30_000)
    await bot.owner.sees(startsAt)
    const outcomes = bot.telegram.calls('sendMessage').map(({ outcome }) => outcome)
    expect(outcomes).to.deep.equal(['error', 'ok'])
  })
})

describe('a clock of a test', () => {
  const at = Date.parse(startsAt)

  it('runs what is made while it moves, if it falls due on the way', async () => {
    const clock = new TestClock(at)
    const rung: number[] = []
    clock.after(10, () => {
      rung.push(clock.now() - at)
      clock.after(10, () => rung.push(clock.now() - at))
    })
    const cancel = clock.after(15, () => rung.push(-1))
    cancel()
    await clock.advance(19)
    expect(rung).to.deep.equal([10])
    await clock.advance(1)
    expect(rung).to.deep.equal([10, 20])
  })

  it('waits for what a timer runs, but not for ever', async () => {
    const clock = new TestClock(at)
    const rung: string[] = []
    clock.after(1, async () => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      rung.push('slow')
    })
    clock.after(2, () => new Promise(() => undefined))
    clock.after(3, () => rung.push('last'))
    await clock.advance(5)
    expect(rung).to.deep.equal(['slow', 'last'])
  })

  it('runs at once what is due at once, standing or not', async () => {
    for (const clock of [new TestClock(at), new TestClock()]) {
      await new Promise<void>((resolve) => clock.after(0, resolve))
    }
  })

  it('does not go back', async () => {
    expect((await rejected(new TestClock(at).advance(-1))).message).to.contain("can't go back")
  })
})
