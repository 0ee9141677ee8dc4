import { EventEmitter } from 'node:events'
import { expect } from 'chai'
import { z } from 'zod'
import { type CarriedState, PluginScope } from '../../../core/plugin/scope.ts'
import { recordingLog } from '../../support/log.ts'
import { rejected } from '../../support/rejected.ts'
import { until } from '../../support/wait.ts'

function scopeOf(carried?: CarriedState) {
  const { log, lines } = recordingLog()
  const scope = new PluginScope<unknown, unknown>({
    plugin: 'sample',
    config: {},
    use: {},
    log,
    em: () => {
      throw new Error('no database here')
    },
    texts: () => (key) => key,
    enqueue: async () => 'id',
    cache: {
      get: () => Promise.reject(new Error('no')),
      invalidate: () => undefined,
      invalidateTags: () => undefined,
    },
    calls: {
      for: () => ({
        fetch: () => Promise.reject(new Error('no')),
        asFetch: () => fetch,
        record: () => undefined,
      }),
    },
    carried,
  })
  return { scope, lines }
}

describe('a scope', () => {
  it('disposes what it owns in reverse order, each awaited', async () => {
    const { scope } = scopeOf()
    const order: string[] = []
    scope.onDispose(() => order.push('first'))
    scope.onDispose(async () => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      order.push('second')
    })
    scope.start()
    await scope.dispose()
    await scope.dispose()
    expect(order).to.deep.equal(['second', 'first'])
    expect(scope.signal.aborted).to.equal(true)
  })

  it('goes on when a disposer throws, and names it with its place', async () => {
    const { scope, lines } = scopeOf()
    let disposed = false
    scope.onDispose(() => {
      disposed = true
    })
    scope.onDispose(() => {
      throw new Error('stuck')
    })
    await scope.dispose()
    expect(disposed).to.equal(true)
    const line = lines.find(({ event }) => event === 'plugin.dispose.failed')
    expect(line?.fields.what).to.match(/onDispose \(made at .*scope\.test\.ts:\d+:\d+\)/)
  })

  it('starts timers and listeners at the commit, not before', async () => {
    const { scope } = scopeOf()
    const emitter = new EventEmitter<{ tick: [number] }>()
    const heard: number[] = []
    let ticks = 0
    scope.listen(emitter, 'tick', (number) => heard.push(number))
    scope.interval(1, () => ticks++)
    emitter.emit('tick', 1)
    await new Promise((resolve) => setImmediate(resolve))
    expect(heard).to.deep.equal([])
    scope.start()
    emitter.emit('tick', 2)
    expect(heard).to.deep.equal([2])
    await until('the interval runs', () => ticks > 1)
    await scope.dispose()
    const after = ticks
    emitter.emit('tick', 3)
    expect(heard).to.deep.equal([2])
    expect(emitter.listenerCount('tick')).to.equal(0)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(ticks).to.equal(after)
  })

  it('never runs an interval twice at once, and survives its throws', async () => {
    const { scope, lines } = scopeOf()
    let running = 0
    let most = 0
    let runs = 0
    scope.interval(1, async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 3))
      running--
      runs++
      throw new Error('again')
    })
    scope.start()
    await until('three runs', () => runs >= 3)
    await scope.dispose()
    expect(most).to.equal(1)
    expect(lines.map(({ event }) => event)).to.include('plugin.interval.failed')
  })

  it('waits at disposal for what its timers are doing, with their signal aborted', async () => {
    const { scope } = scopeOf()
    const begun = Promise.withResolvers<void>()
    const ended: string[] = []
    const work = (what: string) => (signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        begun.resolve()
        signal.addEventListener('abort', () => setTimeout(() => resolve(void ended.push(what)), 5))
      })
    scope.interval(1, work('interval'))
    scope.timeout(1, work('timeout'))
    scope.start()
    await begun.promise
    await new Promise((resolve) => setTimeout(resolve, 5))
    await scope.dispose()
    expect(ended.sort()).to.deep.equal(['interval', 'timeout'])
  })

  it('refuses times that a timer of Node cannot keep', async () => {
    const { scope } = scopeOf()
    const month = 31 * 24 * 3_600_000
    for (const ms of [month, -1, Number.NaN, 0]) {
      expect((await rejected(() => scope.interval(ms, () => 1))).code).to.equal('OPS_SCOPE_TIMER')
    }
    scope.timeout(0, () => 1)
    await scope.dispose()
  })

  it('guards the emitter from a listener that throws', async () => {
    const { scope, lines } = scopeOf()
    const emitter = new EventEmitter<{ tick: [] }>()
    scope.start()
    scope.listen(emitter, 'tick', () => {
      throw new Error('no')
    })
    expect(() => emitter.emit('tick')).not.to.throw()
    expect(lines.map(({ event }) => event)).to.deep.equal(['plugin.listener.failed'])
    await scope.dispose()
  })

  it('refuses what is registered after disposal', async () => {
    const { scope } = scopeOf()
    await scope.dispose()
    const error = await rejected(() => scope.onDispose(() => undefined))
    expect(error.code).to.equal('OPS_SCOPE_DISPOSED')
    expect(error.message).to.include('sample')
  })

  describe('carries state over a reload', () => {
    const seen = z.object({ hosts: z.array(z.string()) })
    const none = () => ({ hosts: ['none'] })

    it('as a clone that the old version no longer changes', () => {
      const first = scopeOf().scope
      const held = first.carry(seen, 1, none)
      held.hosts.push('sw-12')
      const second = scopeOf(first.carried).scope
      const taken = second.carry(seen, 1, none)
      held.hosts.push('late')
      expect(taken).to.deep.equal({ hosts: ['none', 'sw-12'] })
    })

    it('through migrate when the shape changed', () => {
      const scope = scopeOf({ version: 1, value: ['a'] }).scope
      const taken = scope.carry(seen, 2, none, (value, from) => ({
        hosts: [value, from].flat().map(String),
      }))
      expect(taken).to.deep.equal({ hosts: ['a', '1'] })
    })

    it('or begins anew with a log line', () => {
      for (const carried of [
        { version: 1, value: 5 },
        { version: 2, value: { hosts: [] } },
        { version: 1, value: { hosts: () => 1 } },
      ]) {
        const { scope, lines } = scopeOf(carried)
        expect(scope.carry(seen, 1, none)).to.deep.equal({ hosts: ['none'] })
        expect(lines.map(({ event }) => event)).to.deep.equal(['plugin.carry.dropped'])
      }
    })

    it('once', async () => {
      const { scope } = scopeOf()
      scope.carry(seen, 1, none)
      const error = await rejected(() => scope.carry(seen, 1, none))
      expect(error.code).to.equal('OPS_SCOPE_CARRY')
    })
  })
})
