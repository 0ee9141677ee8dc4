import { expect } from 'chai'
import { fastify } from 'fastify'
import { createTestBot, type TestBot } from 'opsgram/testing'
import { Registry } from 'prom-client'
import { serveMetrics } from '../core/http/metrics/route.ts'

const token = 'a-token-of-sixteen-or-more'

const source = (word: string) => `
import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'ping',
  version: '1.0.0',
  commands: ({ command }) => ({ ping: command({ description: 'Pings', run: () => '${word}' }) }),
})
`

describe('/metrics', () => {
  let bot: TestBot

  before(async () => {
    bot = await createTestBot({ env: { METRICS_TOKEN: token } })
    await bot.dropPlugin('ping', { 'index.ts': source('pong') })
    await bot.edit('ping', { 'index.ts': source('pang') })
    await bot.owner.sends('/ping')
    await bot.owner.sees('pang')
    await bot.settled()
  })
  after(() => bot.stop())

  const ask = (headers: Record<string, string> = {}) => fetch(`${bot.url}/metrics`, { headers })

  it('tell of jobs, hooks, calls to services and caches, and of names from outside nothing', async () => {
    bot.http.on('GET https://tickets.example.org/1', { status: 503 })
    await bot.dropPlugin('busy', {
      'index.ts': `import { bearer, definePlugin } from 'opsgram'
export default definePlugin({
  name: 'busy', version: '1.0.0',
  jobs: ({ job }) => ({ work: job({
    retry: { limit: 0 },
    async run(ctx) {
      await ctx.http.fetch('https://tickets.example.org/1', { throwOnStatus: false, retries: 0 })
      for (const _ of [1, 2]) await ctx.cache.get('key', { ttlMs: 60_000 }, () => 1)
      throw new Error('in vain')
    },
  }) }),
  hooks: ({ hook }) => ({ ring: hook({ verify: bearer(), secret: () => 'a secret', run: () => {} }) }),
  commands: ({ command }) => ({ work: command({ description: 'Works', run: (ctx) => void ctx.enqueue('work') }) }),
})
`,
    })
    await bot.owner.sends('/work')
    await bot.logged('job.dead')
    const post = (path: string, secret = 'a secret') =>
      fetch(`${bot.url}/hooks/${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}` },
        body: '{}',
      })
    await post('busy/ring')
    await post('busy/ring', 'wrong')
    await post('made-up/name')
    await bot.settled()
    const text = await (await ask()).text()
    for (const line of [
      'opsgram_job_seconds_count{plugin="busy",outcome="dead"} 1',
      'opsgram_job_seconds_count{plugin="busy",outcome="done"} 1',
      'opsgram_jobs_dead{plugin="busy"} 1',
      'opsgram_hook_seconds_count{plugin="busy",hook="ring",outcome="taken"} 1',
      'opsgram_hook_seconds_count{plugin="busy",hook="ring",outcome="refused"} 1',
      'opsgram_hook_seconds_count{plugin="none",hook="none",outcome="unknown"} 1',
      'opsgram_api_call_seconds_count{service="tickets.example.org",outcome="5xx"} 1',
      'opsgram_cache_total{plugin="busy",result="hit"} 1',
      'opsgram_cache_total{plugin="busy",result="miss"} 1',
      'opsgram_log_lines_lost_total{of="files"} 0',
    ]) {
      expect(text.includes(`\n${line}\n`), line).to.equal(true)
    }
    expect(text).not.to.include('made-up')
  })

  it('tell what was done, by plugin, method and outcome, and how all is', async () => {
    const answer = await ask()
    expect(answer.headers.get('content-type')).to.match(/^text\/plain; version=0\.0\.4/)
    const lines = (await answer.text()).split('\n')
    const numberOf = (series: string) =>
      Number(lines.find((line) => line.startsWith(`${series} `))?.slice(series.length))
    expect(numberOf('opsgram_update_seconds_count{plugin="ping",outcome="done"}')).to.equal(1)
    const sent = 'opsgram_telegram_call_seconds_count{method="sendMessage",result="ok"}'
    expect(numberOf(sent)).to.be.at.least(1)
    expect(numberOf('opsgram_reload_seconds_count{plugin="ping",action="load"}')).to.equal(1)
    expect(numberOf('opsgram_reload_seconds_count{plugin="ping",action="reload"}')).to.equal(1)
    expect(numberOf('opsgram_plugins{state="active"}')).to.be.at.least(2)
    expect(numberOf('opsgram_check{check="database"}')).to.equal(2)
    expect(numberOf('opsgram_updates_open{of="this_instance"}')).to.equal(0)
    expect(numberOf('opsgram_outbox_messages{state="waiting"}')).to.equal(0)
    expect(numberOf('opsgram_inbox_updates{state="dead"}')).to.equal(0)
    expect(numberOf('opsgram_lanes{state="waiting"}')).to.equal(0)
    expect(numberOf('opsgram_dialogs_open{of="all_instances"}')).to.equal(0)
    expect(numberOf('opsgram_handler_seconds_count{plugin="ping",result="ok"}')).to.equal(1)
    expect(numberOf('opsgram_query_seconds_count{plugin="none",result="ok"}')).to.be.above(0)
    expect(numberOf('nodejs_eventloop_lag_p99_seconds')).to.be.at.least(0)
    expect(numberOf('opsgram_telegram_limited_total')).to.equal(0)
    expect(numberOf('process_resident_memory_bytes')).to.be.greaterThan(1e7)
    expect(lines.join('\n')).not.to.match(new RegExp(`="[^"]*${bot.owner.id}`))
    expect(lines.join('\n')).not.to.contain(token)
  })

  it('are for this machine, and behind a proxy or elsewhere for who has the token', async () => {
    const forwarded = { 'x-forwarded-for': '203.0.113.9' }
    const refused = await ask(forwarded)
    expect(refused.status).to.equal(401)
    expect(refused.headers.get('www-authenticate')).to.equal('Bearer')
    expect(await refused.json()).to.have.nested.property('error.code', 'OPS_METRICS_TOKEN')
    const wrong = { ...forwarded, authorization: `Bearer ${token}x` }
    expect((await ask(wrong)).status).to.equal(401)
    const right = { ...forwarded, authorization: `Bearer ${token}` }
    expect((await ask(right)).status).to.equal(200)
  })

  it('are for who has the token alone where a proxy is known to be in front, whatever it adds', async () => {
    const http = fastify()
    const metrics = { contentType: Registry.PROMETHEUS_CONTENT_TYPE, text: async () => 'all' }
    serveMetrics(http, { metrics, token, isBehindProxy: true })
    const status = async (headers: Record<string, string>) =>
      (await http.inject({ url: '/metrics', headers, remoteAddress: '127.0.0.1' })).statusCode
    expect(await status({})).to.equal(401)
    expect(await status({ authorization: `Bearer ${token}` })).to.equal(200)
  })
})
