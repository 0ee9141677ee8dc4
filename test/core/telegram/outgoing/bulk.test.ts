import { expect } from 'chai'
import { Buckets } from '../../../../core/store/buckets.ts'
import { BulkLane } from '../../../../core/telegram/outgoing/bulk.ts'
import { TestClock } from '../../../../core/testing/test-bot/clock.ts'

const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('the bulk lane', () => {
  let clock: TestClock
  let lane: BulkLane
  let sent: (number | string)[]

  beforeEach(() => {
    clock = new TestClock(0)
    lane = new BulkLane(new Buckets(() => clock.elapsed()), clock)
    sent = []
  })

  const send = (chat: number | string, name: number | string = chat, signal?: AbortSignal) => {
    const turn = lane.turn(chat, signal)
    return turn.then(() => sent.push(name))
  }
  /** In steps: what waits asks again when its time has come. */
  async function pass(ms: number): Promise<void> {
    for (let gone = 0; gone < ms; gone += 20) {
      await settle()
      await clock.advance(20)
    }
    await settle()
  }

  it('lets 25 a second go in all, and a burst of 25 at once', async () => {
    for (let chat = 1; chat <= 100; chat++) void send(chat)
    await settle()
    await settle()
    expect(sent.length).to.equal(25)
    await pass(1_000)
    expect(sent.length).to.be.within(48, 50)
    await pass(3_000)
    expect(sent.length).to.equal(100)
  })

  it('lets one a second go to a person, in order', async () => {
    for (let n = 1; n <= 5; n++) void send(7, n)
    await pass(100)
    expect(sent).to.deep.equal([1])
    await pass(2_000)
    expect(sent).to.deep.equal([1, 2, 3])
    await pass(3_000)
    expect(sent).to.deep.equal([1, 2, 3, 4, 5])
  })

  it('lets 18 a minute go to a group, and holds up no other chat meanwhile', async () => {
    for (let n = 1; n <= 40; n++) void send(-100, 'group')
    await pass(1_000)
    expect(sent.length).to.equal(18)
    void send(7, 'person')
    await pass(100)
    expect(sent.at(-1)).to.equal('person')
    await pass(60_000)
    expect(sent.filter((name) => name === 'group').length).to.be.within(35, 37)
  })

  it('a caller that gives up takes no token and holds nobody up', async () => {
    const stop = new AbortController()
    void send(7, 1)
    await settle()
    const given = send(7, 2, stop.signal).catch(() => 'given up')
    void send(7, 3)
    stop.abort()
    expect(await given).to.equal('given up')
    await pass(1_100)
    expect(sent).to.deep.equal([1, 3])
  })
})
