import { expect } from 'chai'
import { Backoff, sleep } from '../../../core/telegram/backoff.ts'
import { rejection } from './api-server.ts'

describe('back-off', () => {
  it('doubles the bound, stays below the limit, and begins anew after a success', () => {
    const backoff = new Backoff({ firstMs: 100, maxMs: 1_000 })
    for (const bound of [100, 200, 400, 800, 1_000, 1_000]) {
      expect(backoff.next()).to.be.within(0, bound)
    }
    backoff.reset()
    expect(backoff.next()).to.be.within(0, 100)
  })

  it('spreads its waits over the whole range', () => {
    const waits = Array.from({ length: 200 }, () =>
      new Backoff({ firstMs: 100, maxMs: 100 }).next(),
    )
    expect(Math.min(...waits)).to.be.below(20)
    expect(Math.max(...waits)).to.be.above(80)
  })

  it('a wait ends with the reason of its signal', async () => {
    const stop = new AbortController()
    const wait = rejection(sleep(60_000, stop.signal))
    const reason = new Error('stop')
    stop.abort(reason)
    expect(await wait).to.equal(reason)
    expect(await rejection(sleep(60_000, stop.signal))).to.equal(reason)
  })
})
