import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'

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
})
