import { createHmac } from 'node:crypto'
import { expect } from 'chai'
import { hmac, standardWebhook } from 'opsgram'
import { createTestBot, type TestBot } from 'opsgram/testing'
import { until } from './support/wait.ts'

const receiver = (requires = '') => ({
  'index.ts': `import { AuditEntry, bearer, definePlugin, hmac, standardWebhook } from 'opsgram'
import { z } from 'zod'

function mark(ctx, action) {
  ctx.em.create(AuditEntry, { plugin: 'receiver', action, outcome: 'done' })
}

export default definePlugin({
  name: 'receiver',
  version: '1.0.0',
  ${requires}
  config: z.object({ secret: z.string().optional(), key: z.string().optional() }),
  hooks: ({ hook }) => ({
    github: hook({
      verify: hmac('sha256', 'X-Hub-Signature-256', { prefix: 'sha256=', delivery: 'X-GitHub-Delivery' }),
      secret: (config) => config.secret,
      body: z.object({ action: z.string() }),
      retry: { limit: 2, delayMs: 1_000 },
      async run(ctx, body) {
        await mark(ctx, 'github ' + JSON.stringify(body))
        if (body.action === 'takes long') await globalThis[Symbol.for('receiver.gate')]
        if (body.action === 'fails once' && ctx.job.attempt === 1) throw new Error('not yet')
      },
    }),
    grafana: hook({
      verify: hmac('sha256', 'X-Grafana-Alerting-Signature', { timestamp: { header: 'X-Grafana-Time' } }),
      secret: (config) => config.secret,
      run: (ctx, body) => mark(ctx, 'grafana ' + JSON.stringify(body)),
    }),
    alerts: hook({
      verify: bearer(),
      secret: (config) => config.secret,
      run: (ctx, body) => mark(ctx, 'alerts ' + JSON.stringify(body)),
    }),
    standard: hook({
      verify: standardWebhook(),
      secret: (config) => config.key,
      run: (ctx) => mark(ctx, 'standard'),
    }),
    bare: hook({ verify: bearer(), secret: () => undefined, run: (ctx) => mark(ctx, 'bare') }),
  }),
})
`,
})

const key = Buffer.from('a key of standard webhooks').toString('base64')

describe('hooks', () => {
  let bot: TestBot

  before(async () => {
    bot = await createTestBot({
      now: '2026-03-02T08:00:00Z',
      env: { RECEIVER_SECRET: 'old, new', RECEIVER_KEY: `whsec_${key}` },
    })
    await bot.dropPlugin('receiver', receiver())
  })
  after(() => bot?.stop())
  afterEach(() => bot.database.query('truncate audit_log'))

  async function send(hook: string, body: string, headers: Record<string, string> = {}) {
    const response = await fetch(`${bot.url}/hooks/${hook}`, { method: 'POST', headers, body })
    const text = await response.text()
    return { status: response.status, text, headers: response.headers }
  }

  const github = (body: string, secret = 'new', more = {}) =>
    send('receiver/github', body, {
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
      ...more,
    })

  const marks = async () => {
    await bot.settled()
    const rows = await bot.database.query<{ action: string }>(
      `select action from audit_log where plugin = 'receiver' and action not like 'plugin.%' order by id`,
    )
    return rows.map(({ action }) => action)
  }

  it('are answered when it is durable, and handled as a job, with fields that nobody asked for', async () => {
    const body = JSON.stringify({ action: 'fails once', number: 7 })
    const { status, text } = await github(body)
    expect(status).to.equal(202)
    expect(JSON.parse(text)).to.have.property('status', 'taken')
    await bot.logged('job.failed', { job: 'hook:github', attempt: 1 })
    await bot.clock.advance(2_000)
    expect(await marks()).to.deep.equal([`github ${body}`])
  })

  it('take either secret while one replaces the other, and nothing else', async () => {
    expect((await github('{"action":"1"}', 'old')).status).to.equal(202)
    expect((await github('{"action":"2"}', 'new')).status).to.equal(202)
    for (const refused of [
      github('{"action":"3"}', 'old, new'),
      github('{"action":"3"}', 'other'),
      send('receiver/github', '{"action":"3"}'),
      send('receiver/github', '{"action":"3"}', { 'x-hub-signature-256': 'sha256=' }),
      send('receiver/github', '{"action":"3"}', { 'x-hub-signature-256': 'sha256=zz' }),
      send('receiver/alerts', '{}', { authorization: 'Bearer wrong' }),
      send('receiver/bare', '{}', { authorization: 'Bearer ' }),
    ]) {
      const { status, text } = await refused
      expect(status).to.equal(401)
      expect(text).not.to.include('secret is set')
    }
    expect(await marks()).to.have.length(2)
  })

  it('know the usual ways of proof', async () => {
    const now = String(Math.floor(bot.clock.now() / 1_000))
    const grafana = (time: string) => {
      const signature = createHmac('sha256', 'new').update(`${time}:{"n":${time}}`).digest('hex')
      return send('receiver/grafana', `{"n":${time}}`, {
        'x-grafana-alerting-signature': signature,
        'x-grafana-time': time,
      })
    }
    expect((await grafana(now)).status).to.equal(202)
    expect((await grafana(String(Number(now) - 301))).status).to.equal(401)
    expect(
      (await send('receiver/alerts', 'plain text', { authorization: 'bearer new' })).status,
    ).to.equal(202)
    const standard = (id: string, time: string) => {
      const mac = createHmac('sha256', Buffer.from(key, 'base64')).update(`${id}.${time}.{}`)
      return send('receiver/standard', '{}', {
        'webhook-id': id,
        'webhook-timestamp': time,
        'webhook-signature': `v1,c29tZXRoaW5nIGVsc2U= v1,${mac.digest('base64')}`,
      })
    }
    expect((await standard('m1', now)).status).to.equal(202)
    expect((await standard('m1', now)).status).to.equal(200)
    expect((await standard('m2', String(Number(now) + 400))).status).to.equal(401)
    expect((await marks()).sort()).to.deep.equal([
      'alerts "plain text"',
      `grafana {"n":${now}}`,
      'standard',
    ])
  })

  it('take a delivery once, also when it comes twice at the same moment', async () => {
    const body = '{"action":"twice"}'
    const id = { 'x-github-delivery': 'd-1' }
    const answers = await Promise.all([github(body, 'new', id), github(body, 'new', id)])
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, 202])
    // somebody who listened in: the id isn't signed, so what was signed counts too
    expect((await github(body, 'new', { 'x-github-delivery': 'd-2' })).status).to.equal(200)
    expect((await github(body, 'new')).status).to.equal(200)
    // the sender sends it again, and says by now something else in it
    expect((await github('{"action":"twice","now":1}', 'new', id)).status).to.equal(200)
    const other = '{"action":"other"}'
    const both = await Promise.all(
      ['d-3', 'd-4'].map((each) => github(other, 'new', { 'x-github-delivery': each })),
    )
    expect(both.map(({ status }) => status).sort()).to.deep.equal([200, 202])
    // without an id the body is what tells
    expect((await github('{"action":"x"}')).status).to.equal(202)
    expect((await github('{"action":"x"}')).status).to.equal(200)
    expect(await marks()).to.have.length(3)
  })

  it('take half a character as what stands for one: what else comes at that moment is not held up', async () => {
    const bodies = ['{"action":"half \\ud83d"}', '{"action":"whole"}']
    const answers = await Promise.all(bodies.map((body) => github(body)))
    expect(answers.map(({ status }) => status)).to.deep.equal([202, 202])
    expect((await marks()).sort()).to.deep.equal([
      'github {"action":"half \ufffd"}',
      'github {"action":"whole"}',
    ])
  })

  it('tell deliveries apart by all of their ids, however long', async () => {
    const ids = ['1', '2'].map((end) => ({ 'x-github-delivery': 'd'.repeat(250) + end }))
    for (const id of ids)
      expect((await github(`{"action":"l${ids.indexOf(id)}"}`, 'new', id)).status).to.equal(202)
    for (const id of ids)
      expect((await github('{"action":"long"}', 'new', id)).status).to.equal(200)
    const none = { 'x-github-delivery': '' }
    for (const action of ['a', 'b']) {
      expect((await github(`{"action":"${action}"}`, 'new', none)).status, 'no id').to.equal(202)
    }
    expect(await marks()).to.have.length(4)
  })

  it('log refusals once a minute, however many come', async () => {
    const before = bot.log.filter(({ event }) => event === 'hook.refused').length
    for (let n = 0; n < 20; n++) await github('{"action":"3"}', 'other')
    const after = bot.log.filter(({ event }) => event === 'hook.refused').length
    expect(after - before).to.be.at.most(1)
  })

  it('accept no time that would outlive the memory of what was taken', () => {
    const timestamp = { header: 'X-Time', toleranceS: 301 }
    expect(() => hmac('sha256', 'X-Signature', { timestamp })).to.throw('at most 300')
  })

  it('take no secret of Standard Webhooks that holds no key: with none everybody could sign', () => {
    const body = Buffer.from('{}')
    const now = bot.clock.now()
    const time = String(Math.floor(now / 1_000))
    for (const [secret, isTaken] of [
      ['whsec_', false],
      ['!!', false],
      [`whsec_${key}`, true],
    ] as const) {
      const mac = createHmac('sha256', isTaken ? Buffer.from(key, 'base64') : '')
      const signature = mac.update(`m.${time}.`).update(body).digest('base64')
      const headers = {
        'webhook-id': 'm',
        'webhook-timestamp': time,
        'webhook-signature': `v1,${signature}`,
      }
      const taken = standardWebhook().verify({ headers, body, secrets: [secret], now })
      expect(taken !== undefined, secret).to.equal(isTaken)
    }
  })

  it('refuse what they don’t take, with the reason', async () => {
    const wrong = await github('{"action":5}')
    expect(wrong.status).to.equal(400)
    expect(wrong.text).to.include('OPS_HOOK_BODY').and.include('action')
    expect((await github('{"action"')).status).to.equal(400)
    expect((await github(`{"action":"${'x'.repeat(1_100_000)}"}`)).status).to.equal(413)
    expect((await send('receiver/none', '{}')).status).to.equal(404)
    expect((await send('nobody/none', '{}')).text).to.include('OPS_HOOK_UNKNOWN')
    expect(await marks()).to.deep.equal([])
  })

  it('take what comes while an exclusive plugin is being replaced, for its next version', async () => {
    const gate = Promise.withResolvers<void>()
    Reflect.set(globalThis, Symbol.for('receiver.gate'), gate.promise)
    await bot.edit('receiver', receiver(`reload: 'exclusive',`))
    await github('{"action":"takes long"}')
    const isHeld = () => bot.log.filter(({ event }) => event === 'plugin.held').length === 2
    const edited = bot.edit('receiver', receiver(`reload: 'exclusive', // the next version`))
    await until('it is held', isHeld)
    expect((await github('{"action":"meanwhile"}')).status).to.equal(202)
    expect((await github('{"action":"forged"}', 'other')).status).to.equal(401)
    gate.resolve()
    await edited
    expect(await marks()).to.deep.equal([
      'github {"action":"takes long"}',
      'github {"action":"meanwhile"}',
    ])
  })

  it('are not there while their plugin is away, and say so', async () => {
    await bot.edit('receiver', receiver(`requires: ['missing'],`)).catch(() => undefined)
    const { status, text } = await github('{"action":"away"}')
    expect(status).to.equal(404)
    expect(text).to.include('OPS_HOOK_AWAY').and.include('waits')
    await bot.edit('receiver', receiver())
    expect((await github('{"action":"back"}')).status).to.equal(202)
    expect(await marks()).to.deep.equal(['github {"action":"back"}'])
  })
})
