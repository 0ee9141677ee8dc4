import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'

const fragile = (works: boolean) => ({
  'index.ts': `import { definePlugin } from 'opsgram'
import { z } from 'zod'
export default definePlugin({
  name: 'fragile',
  version: '1.0.0',
  jobs: ({ job }) => ({
    push: job({
      data: z.object({ text: z.string() }),
      retry: { limit: 0 },
      async run(ctx, { text }) {
        ctx.progress(0.4, 'half-way')
        ${works ? "await ctx.telegram.sendMessage(ctx.actor.telegramId, 'at last: ' + text)" : "throw new Error('no <good>')"}
      },
    }),
    nightly: job({ cron: '0 3 * * *', run: () => undefined }),
  }),
  commands: ({ command }) => ({
    push: command({
      description: 'Pushes',
      args: z.object({ text: z.string() }),
      run(ctx, { text }) {
        ctx.enqueue('push', { text })
        return 'pushed'
      },
    }),
  }),
})
`,
})

describe('the work in the background', () => {
  let bot: TestBot

  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname] })
  })
  after(() => bot.stop())

  /** @returns the id of the error */
  async function fail(text: string): Promise<string> {
    await bot.dropPlugin('fragile', fragile(false))
    await bot.owner.sends(`/push ${text}`)
    await bot.owner.sees('pushed')
    const { fields } = await bot.logged('job.dead')
    return String(fields.errorId)
  }

  it('is counted by kind, also when there is none', async () => {
    await bot.owner.sends('/jobs')
    await bot.owner.sees('No plugin has work')
    await bot.dropPlugin('fragile', fragile(true))
    await bot.owner.sends('/jobs')
    const { text } = await bot.owner.sees('fragile.nightly')
    expect(text)
      .to.include('⏰ 0 3 * * *')
      .and.include('fragile.push · 0 waiting, 0 running, 0 dead')
  })

  it('is shown with what it failed of, and run again by a button when that is mended', async () => {
    const id = await fail('again')
    await bot.owner.sends('/jobs')
    await bot.owner.sees(new RegExp(`${id} · fragile.push · .+ · no <good>`))
    await bot.dropPlugin('fragile', fragile(true))
    await bot.owner.sends(`/jobs show ${id.toLowerCase()}`)
    const card = await bot.owner.sees('Error: no <good>')
    expect(card.text).to.include('"text":"again"').and.include(String(bot.owner.id))
    await bot.owner.presses('Run again')
    await bot.owner.sees('at last: again')
    await bot.owner.sends(`/jobs show ${id}`)
    await bot.owner.sees('No dead job')
    const rows = await bot.database.query(
      `select action, error_id from audit_log where action like 'jobs.%'`,
    )
    expect(rows).to.deep.equal([{ action: 'jobs.again', error_id: id }])
  })

  it('is dropped', async () => {
    const id = await fail('plan')
    await bot.owner.sends(`/jobs drop ${id}`)
    await bot.owner.sees(`${id} is dropped`)
    await bot.owner.sends(`/jobs again ${id}`)
    await bot.owner.sees('No dead job')
  })

  it('waits for a plugin that is away, and says so', async () => {
    await bot.dropPlugin('fragile', fragile(true))
    const [{ name } = { name: '' }] = await bot.database.query<{ name: string }>(
      'select name from pgboss.queue',
    )
    expect(name).to.equal('opsgram')
    await bot.owner.sends('/push later')
    await bot.owner.sees('at last: later')
    await bot.database.query(
      `update pgboss.job set state = 'created', started_on = null, completed_on = null
        where data->'data'->>'text' = 'later'`,
    )
    await bot.removePlugin('fragile')
    await bot.owner.sends('/jobs')
    await bot.owner.sees('fragile.push · 1 waiting, 0 running, 0 dead · waits for its plugin')
  })

  it('is for admins to see and for owners to decide about', async () => {
    const id = await fail('third')
    const admin = bot.user({ role: 'admin' })
    await admin.sends(`/jobs show ${id}`)
    expect((await admin.sees('no <good>')).buttons).to.deep.equal([])
    await admin.sends(`/jobs again ${id}`)
    await admin.sees('not allowed')
    const operator = bot.user({ role: 'operator' })
    await operator.sends('/jobs')
    await operator.sees('not allowed')
  })
})
