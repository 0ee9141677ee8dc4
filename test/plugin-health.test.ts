import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import { rejected } from './support/rejected.ts'
import { until } from './support/wait.ts'

interface Check {
  status: string
  latencyMs: number
  detail?: string
}

/** A plugin whose `sheets` check has this body, and what else is given. */
const sheets = (body: string, critical = false) => ({
  'index.ts': `import { definePlugin, OpsError } from 'opsgram'
export default definePlugin({
  name: 'sheets',
  version: '1.0.0',
  setup: (scope) => {
    const state = { looks: 0, signal: undefined, ended: 0 }
    scope.onDispose(() => { scope.log.info('sheets.disposed', { looks: state.looks }) })
    return state
  },
  commands: ({ command }) => ({
    looks: command({ description: 'x', run: (ctx) => 'looks ' + ctx.plugin.looks + ', aborted ' + ctx.plugin.signal?.aborted }),
  }),
  health: ({ check }) => ({
    sheets: check({ critical: ${critical}, run: async (plugin, signal) => {
      plugin.looks++
      plugin.signal = signal
      ${body}
    } }),
  }),
})
`,
})

describe("a plugin's health", () => {
  let bot: TestBot
  beforeEach(async () => {
    bot = await createTestBot({ now: '2026-03-02T08:00:00Z' })
  })
  afterEach(() => bot.stop())

  async function readyz(): Promise<{ status: number; checks: Record<string, Check> }> {
    const response = await fetch(`${bot.url}/readyz`)
    const { checks } = (await response.json()) as { checks: Record<string, Check> }
    return { status: response.status, checks }
  }
  /** What /readyz says of it now; answers younger than a second are its last ones. */
  const saying = (expected: Partial<Check>) =>
    until(`/readyz says ${JSON.stringify(expected)}`, async () => {
      const { checks, status } = await readyz()
      const check = checks['sheets.sheets']
      const fits = Object.entries(expected).every(
        ([key, value]) => check?.[key as keyof Check] === value,
      )
      return fits && { ...check, http: status }
    })
  const health = () => bot.plugin('sheets').health?.[0]
  const looked = () => until('it was looked at', () => health()?.state)

  it('stands in /readyz and in the status of its plugin from the commit on', async () => {
    await bot.dropPlugin('sheets', sheets(''))
    const { http } = await saying({ status: 'up' })
    expect(http).to.equal(200)
    expect(await looked()).to.include({ status: 'up' })
    expect(health()).to.include({ check: 'sheets', critical: false })
  })

  it('is looked at every 30 s', async () => {
    await bot.dropPlugin('sheets', sheets(''))
    await looked()
    await bot.clock.advance(29_000)
    await bot.owner.sends('/looks')
    await bot.owner.sees('looks 1')
    await bot.clock.advance(62_000)
    await bot.owner.sends('/looks')
    await bot.owner.sees('looks 4')
  })

  const failing: [what: string, body: string, detail: string, code: string | undefined][] = [
    ['throws', `throw new Error('no answer')`, 'OPS_HEALTH_FAILED', 'OPS_HEALTH_FAILED'],
    [
      'throws an error with a code',
      `throw Object.assign(new Error('x'), { code: 'ECONNREFUSED' })`,
      'ECONNREFUSED',
      'ECONNREFUSED',
    ],
    [
      'throws what has no code but a text in its place',
      `throw Object.assign(new Error('x'), { code: 'key=hunter2' })`,
      'OPS_HEALTH_FAILED',
      'OPS_HEALTH_FAILED',
    ],
    ['throws no error at all', `throw 'x'`, 'OPS_HEALTH_FAILED', 'OPS_HEALTH_FAILED'],
    ['returns what is no report', 'return true', 'OPS_HEALTH_REPORT', 'OPS_HEALTH_REPORT'],
    ['says so', `return { status: 'down', detail: 'quota used up' }`, 'quota used up', undefined],
  ]
  for (const [what, body, detail, code] of failing) {
    it(`is down when it ${what}, and the process stays ready`, async () => {
      await bot.dropPlugin('sheets', sheets(body))
      expect(await saying({ status: 'degraded', detail })).to.include({ http: 200 })
      expect((await looked()).status).to.equal('down')
      expect(health()?.state?.code).to.equal(code)
      const { fields } = await bot.logged('plugin.health.changed')
      expect(fields).to.include({ plugin: 'sheets', check: 'sheets', status: 'down' })
      expect(bot.plugin('sheets').state).to.equal('active')
    })
  }

  it('makes the process not ready when it is critical', async () => {
    await bot.dropPlugin('sheets', sheets(`throw new Error('x')`, true))
    const { http } = await saying({ status: 'down', detail: 'OPS_HEALTH_FAILED' })
    expect(http).to.equal(503)
    await bot.edit('sheets', sheets('', true))
    expect(await saying({ status: 'up' })).to.include({ http: 200 })
  })

  it('is down when it hangs, told so by its signal, and not begun again beside itself', async () => {
    await bot.dropPlugin('sheets', sheets('await new Promise(() => undefined)'))
    await until('it has begun', async () => {
      await bot.owner.sends('/looks')
      return (await bot.owner.sees('looks')).text.includes('looks 1')
    })
    expect(health()?.state).to.equal(undefined)
    await bot.clock.advance(5_000)
    expect(await looked()).to.include({ status: 'down', code: 'OPS_HEALTH_TIMEOUT' })
    await saying({ status: 'degraded', detail: 'OPS_HEALTH_TIMEOUT' })
    await bot.clock.advance(60_000)
    await bot.owner.sends('/looks')
    await bot.owner.sees('looks 1, aborted true')
  })

  it('holds no secret of what was thrown or said', async () => {
    await bot.dropPlugin('sheets', sheets(`throw new Error('refused: password=hunter2')`))
    const { detail } = await looked()
    expect(detail).to.contain('refused').and.not.to.contain('hunter2')
    expect(JSON.stringify(await readyz())).not.to.contain('hunter2')
    const said = `return { status: 'degraded', detail: 'token=abcdef slow' }`
    await bot.edit('sheets', sheets(said))
    const check = await saying({ status: 'degraded' })
    await until('the new version has looked', () => health()?.state?.status === 'degraded')
    expect(JSON.stringify(check)).not.to.contain('abcdef')
  })

  it('belongs to its version: goes with it, and what it found holds until the next has looked', async () => {
    await bot.dropPlugin('sheets', sheets(`throw new Error('x')`, true))
    expect((await looked()).status).to.equal('down')
    await bot.edit('sheets', sheets('await new Promise(() => undefined)', true))
    expect(health()?.state?.status).to.equal('down')
    const { fields } = await bot.logged('sheets.disposed')
    expect(fields.looks).to.equal(1)
    await bot.edit('sheets', {
      'index.ts': `import { definePlugin } from 'opsgram'
export default definePlugin({ name: 'sheets', version: '1.0.0' })`,
    })
    await until('it is gone', async () => !('sheets.sheets' in (await readyz()).checks))
    expect((await readyz()).status).to.equal(200)
    expect(bot.plugin('sheets')).not.to.have.property('health')
  })

  it('leaves nothing behind', async () => {
    await bot.dropPlugin('sheets', sheets('await new Promise((resolve) => setTimeout(resolve, 5))'))
    await bot.expectNoLeftovers()
  })

  it('is refused in a manifest when it is none', async () => {
    for (const [keys, told] of [
      [`({ check }) => ({ 'a-b': check(() => undefined) })`, 'must be named with'],
      [`({ check }) => ({ a: check({}) })`, 'has no run'],
      ['() => ({ a: () => undefined })', 'must be made with check(…)'],
    ] as const) {
      const source = `import { definePlugin } from 'opsgram'
export default definePlugin({ name: 'sheets', version: '1.0.0', health: ${keys} })`
      const error = await rejected(bot.dropPlugin('sheets', { 'index.ts': source }))
      expect(error.code).to.equal('OPS_PLUGIN_MANIFEST')
      expect(error.message).to.contain(told)
    }
  })
})
