import { expect } from 'chai'
import { HealthChecks } from '../../../core/http/health.ts'
import { recordingLog } from '../../support/log.ts'
import { until } from '../../support/wait.ts'

function healthOf() {
  const { log, lines } = recordingLog()
  return { lines, health: new HealthChecks({ version: '1.2.3', log }) }
}

describe('health', () => {
  it('is not ready while starting and while stopping, whatever the checks say', async () => {
    const { health } = healthOf()
    health.register('database', () => ({ status: 'up' }))
    expect(await health.readiness()).to.have.property('status', 'not-ready')
    health.phase = 'ready'
    expect(await health.readiness()).to.have.property('status', 'ready')
    health.phase = 'stopping'
    expect(await health.readiness()).to.have.property('status', 'not-ready')
  })

  it('stays ready while a part is degraded and shows what each part says', async () => {
    const { health } = healthOf()
    health.phase = 'ready'
    health.register('plugins', () => ({ status: 'degraded', detail: '1 of 6 failed' }))
    const { status, checks } = await health.readiness()
    expect(status).to.equal('ready')
    expect(checks.plugins).to.include({ status: 'degraded', detail: '1 of 6 failed' })
    expect(checks.plugins?.latencyMs).to.be.a('number')
  })

  it('is not ready when a check throws, and tells its code but not its message', async () => {
    const { health } = healthOf()
    health.phase = 'ready'
    health.register('database', () => {
      throw Object.assign(new Error('connect 10.0.0.5 as ops'), { code: 'ECONNREFUSED' })
    })
    const readiness = await health.readiness()
    expect(readiness.status).to.equal('not-ready')
    expect(readiness.checks.database).to.include({ status: 'down', detail: 'ECONNREFUSED' })
    expect(JSON.stringify(readiness)).not.to.include('10.0.0.5')
  })

  it('does not wait for a check that hangs, nor start it again beside itself', async () => {
    const { health } = healthOf()
    health.phase = 'ready'
    let calls = 0
    health.register('slow', () => {
      calls++
      return new Promise(() => undefined)
    })
    const started = performance.now()
    expect((await health.readiness()).checks.slow).to.include({ status: 'down' })
    expect(performance.now() - started).to.be.at.least(1_900)
    const again = await until('it is asked again, without the wait', async () => {
      const { slow } = (await health.readiness()).checks
      return slow !== undefined && slow.latencyMs < 100 && slow
    })
    expect(again.status).to.equal('down')
    expect(calls).to.equal(1)
  })

  it('asks a part once a second at most, however many ask', async () => {
    const { health } = healthOf()
    let calls = 0
    health.register('database', () => {
      calls++
      return { status: 'up' }
    })
    const began = performance.now()
    for (let i = 0; i < 20; i++) await Promise.all([health.readiness(), health.readiness()])
    expect(calls).to.be.within(1, 1 + Math.floor((performance.now() - began) / 1000))
  })

  it('logs when a part changes, and only then', async () => {
    const { health, lines } = healthOf()
    health.register('store', () => ({ status: 'down', detail: 'gone' }))
    await health.readiness()
    await health.readiness()
    const changed = lines.filter(({ event }) => event === 'health.changed')
    expect(changed).to.have.length(1)
    expect(changed[0]?.fields).to.include({ check: 'store', status: 'down', detail: 'gone' })
  })

  it('keeps the newer part when the older of the same name is removed late', async () => {
    const { health } = healthOf()
    const removeOld = health.register('sheets', () => ({ status: 'down' }))
    health.register('sheets', () => ({ status: 'up' }))
    removeOld()
    expect((await health.readiness()).checks.sheets).to.include({ status: 'up' })
  })

  it('lives with version, uptime and an instance of its own', () => {
    const one = healthOf().health.liveness()
    const other = healthOf().health.liveness()
    expect(one).to.include({ status: 'ok', version: '1.2.3', uptimeS: 0 })
    expect(one.instance).to.be.a('string').and.not.equal(other.instance)
  })
})
