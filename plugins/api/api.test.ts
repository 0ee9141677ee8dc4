import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'

const caller = {
  'index.ts': `import { definePlugin } from 'opsgram'
import { z } from 'zod'
export default definePlugin({
  name: 'caller',
  version: '1.0.0',
  setup: (scope) => ({ http: scope.http }),
  commands: ({ command }) => ({
    call: command({
      description: 'Calls',
      args: z.object({ method: z.string(), path: z.string() }),
      async run(ctx, { method, path }) {
        const options = { method, service: 'netbox', retries: 0, query: { token: 'abc' } }
        const { status } = await ctx.http.fetch('https://netbox.example' + path, options)
        return 'status ' + status
      },
    }),
    scoped: command({
      description: 'Calls by the scope',
      async run({ plugin }) {
        const { status } = await plugin.http.fetch('https://zammad.example/', { service: 'zammad' })
        return 'status ' + status
      },
    }),
  }),
})
`,
}

describe('/api', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname] })
    await bot.dropPlugin('caller', caller)
  })
  after(() => bot?.stop())

  it('tells how calls to each service went', async () => {
    await bot.owner.sends('/api')
    await bot.owner.sees('No calls to other services')
    bot.http.on('GET https://netbox.example/ok', { text: 'fine' })
    bot.http.on('GET https://netbox.example/sick', { status: 500 })
    bot.http.on('GET https://zammad.example/', {})
    for (const command of ['/call GET /ok', '/call GET /ok', '/scoped']) {
      await bot.owner.sends(command)
      await bot.owner.sees('status 200')
    }
    await bot.owner.sends('/call GET /sick')
    await bot.owner.sees(/E-[A-Z0-9]{5}/)
    await bot.owner.sends('/api')
    const { text } = await bot.owner.sees('netbox')
    expect(text).to.match(
      /netbox\n3 calls, 1 failed · p50 \d+ ms, p95 \d+ ms · .+ · last error 500/,
    )
    expect(text).to.match(/zammad\n1 calls, 0 failed/)
    const rows = await bot.database.query<{ url: string; plugin: string }>(
      `select url, plugin from api_logs where service = 'netbox' limit 1`,
    )
    expect(rows).to.deep.equal([{ url: 'https://netbox.example/ok?token=***', plugin: 'caller' }])
  })

  it('is for admins and operators', async () => {
    const guest = bot.user({ role: 'guest' })
    await guest.sends('/api')
    await guest.sees('not allowed')
  })

  it('forgets what is older than it is told to keep', async () => {
    await bot.database.query(
      `insert into api_logs (created_at, plugin, service, method, url, ms, attempt)
       values (now() - interval '91 days', 'caller', 'old', 'GET', '', 1, 1)`,
    )
    await bot.clock.advance(6 * 3_600_000)
    await bot.logged('api.cleaned', { rows: 1 })
  })

  it('has nothing of a call that is not stubbed', async () => {
    await bot.owner.sends('/call GET /unknown')
    await bot.owner.sees(/E-[A-Z0-9]{5}/)
    const { fields } = await bot.logged('update.failed', { route: 'call' })
    expect(fields.error).to.have.property('code')
  })
})
