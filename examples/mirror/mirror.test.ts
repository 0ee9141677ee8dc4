import { expect } from 'chai'
import { createTestBot } from 'opsgram/testing'

const options = { plugins: [import.meta.dirname], now: '2026-03-02T08:00:00Z' }

describe('mirror', () => {
  it('is well while it copies', async () => {
    await using bot = await createTestBot(options)
    await bot.clock.advance(5 * 3_600_000)
    const health = bot.plugin('mirror').health ?? []
    expect(health.map(({ check, state }) => `${check}: ${state?.status}`)).to.deep.equal([
      'source: up',
      'age: up',
    ])
  })

  it('says what is wrong, in its status and in the log', async () => {
    await using bot = await createTestBot({ ...options, env: { MIRROR_SOURCE: 'nowhere' } })
    await bot.logged('plugin.health.changed', { check: 'source', code: 'OPS_HEALTH_FAILED' })
    await bot.clock.advance(2 * 3_600_000 + 60_000)
    const { fields } = await bot.logged('plugin.health.changed', { check: 'age' })
    expect(fields).to.include({ status: 'degraded', detail: '2 h old' })
  })
})
