import { expect } from 'chai'
import { fastify } from 'fastify'
import { serveHooks } from '../../../../core/app/doors/hooks.ts'
import type { Clock } from '../../../../core/clock.ts'
import { HookIntake, type IntakeOptions } from '../../../../core/update/hooks/intake.ts'
import { silentLog } from '../../../support/log.ts'

describe('the cleaning of what hooks took', () => {
  it('sets no timer any more when the stop comes while it runs', async () => {
    const timers = new Set<() => unknown>()
    const clock: Pick<Clock, 'now' | 'after'> = {
      now: () => 0,
      after(_ms, run) {
        timers.add(run)
        return () => timers.delete(run)
      },
    }
    const cleaned = Promise.withResolvers<{ found: number; gone: number; last: null }[]>()
    const database = { query: () => cleaned.promise }
    // no more of it is used by the cleaning
    const intake = new HookIntake({ clock, database, log: silentLog } as unknown as IntakeOptions)
    intake.start()
    const [clean] = timers
    timers.clear()
    const cleaning = clean?.()
    intake.stop()
    cleaned.resolve([{ found: 0, gone: 0, last: null }])
    await cleaning
    expect(timers.size).to.equal(0)
    intake.start()
    expect(timers.size).to.equal(1)
    intake.stop()
    expect(timers.size).to.equal(0)
  })
})

describe('a flood of requests to a hook', () => {
  it('is refused by 429, with when to come again, and counted', async () => {
    const hook = { verify: { verify: () => ({}) }, secret: () => 'a secret' }
    const current = {
      plugins: new Map([['bell', { config: {}, hooks: new Map([['ring', hook]]) }]]),
      unapproved: { former: new Map() },
    }
    const asked: string[] = []
    const store = {
      async take([bucket]: { key: string }[]) {
        asked.push(bucket?.key ?? '')
        return 2_500
      },
    }
    const clock = { now: () => 0 }
    const parts = { live: { current }, store, clock, log: silentLog }
    const intake = new HookIntake(parts as unknown as IntakeOptions)
    const http = fastify()
    const counted: string[] = []
    const measured = {
      hookAnswered: (plugin: string, name: string, outcome: string) =>
        void counted.push(`${plugin} ${name} ${outcome}`),
    }
    serveHooks(http, { intake, measured, log: silentLog })
    const answer = await http.inject({ method: 'POST', url: '/hooks/bell/ring', payload: '{}' })
    expect(answer.statusCode).to.equal(429)
    expect(answer.headers['retry-after']).to.equal('3')
    expect(answer.json()).to.have.nested.property('error.code', 'OPS_HOOK_FLOOD')
    expect(asked).to.deep.equal(['hook:bell:ring'])
    expect(counted).to.deep.equal(['bell ring flood'])
    await http.close()
  })
})
