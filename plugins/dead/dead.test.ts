import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'

const fragile = (works: boolean) => ({
  'index.ts': `import { definePlugin } from 'opsgram'
import { z } from 'zod'
export default definePlugin({
  name: 'fragile',
  version: '1.0.0',
  commands: ({ command }) => ({
    fragile: command({
      description: 'Breaks',
      args: z.object({ text: z.string() }),
      run(_ctx, { text }) {
        ${works ? "return 'at last: ' + text" : "throw new Error('no <good>')"}
      },
    }),
  }),
})
`,
})

describe('updates that were put aside', () => {
  let bot: TestBot

  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname] })
  })
  after(() => bot.stop())
  beforeEach(() => bot.dropPlugin('fragile', fragile(false)))

  /** @returns the id that the person was told */
  async function fail(text: string): Promise<string> {
    await bot.owner.sends(`/fragile ${text}`)
    const answer = await bot.owner.sees(/E-[A-Z0-9]+/)
    return /E-[A-Z0-9]+/.exec(answer.text)?.[0] ?? ''
  }

  it('are listed by the id that was told, and shown with what was written and why it failed', async () => {
    await bot.owner.sends('/dead')
    await bot.owner.sees('No update was put aside')
    const id = await fail('first')
    await bot.owner.sends('/dead')
    await bot.owner.sees(new RegExp(`${id} · .+ · Error: no <good>`))
    await bot.owner.sends(`/dead show ${id.toLowerCase()}`)
    const card = await bot.owner.sees('/fragile first')
    expect(card.text).to.include('Error: no <good>').and.include(String(bot.owner.id))
  })

  it('are handled once more by a button, when what broke them is mended', async () => {
    const id = await fail('again')
    await bot.dropPlugin('fragile', fragile(true))
    await bot.owner.sends(`/dead show ${id}`)
    await bot.owner.sees('/fragile again')
    await bot.owner.presses('Run again')
    await bot.owner.sees('at last: again')
    await bot.owner.sends(`/dead show ${id}`)
    await bot.owner.sees('No update is put aside')
    const rows = await bot.database.query<{ action: string; error_id: string }>(
      `select action, error_id from audit_log where action like 'dead.%'`,
    )
    expect(rows).to.deep.equal([{ action: 'dead.again', error_id: id }])
  })

  it('are dropped with what was written in them', async () => {
    const id = await fail('secret plan')
    await bot.owner.sends(`/dead drop ${id}`)
    await bot.owner.sees(`${id} is dropped`)
    const rows = await bot.database.query(`select 1 from inbox where payload like '%secret plan%'`)
    expect(rows).to.deep.equal([])
    await bot.owner.sends(`/dead again ${id}`)
    await bot.owner.sees('No update is put aside')
  })

  it('are for admins to see and for owners to decide about', async () => {
    const id = await fail('third')
    const admin = bot.user({ role: 'admin' })
    await admin.sends(`/dead show ${id}`)
    expect((await admin.sees('/fragile third')).buttons).to.deep.equal([])
    await admin.sends(`/dead again ${id}`)
    await admin.sees('not allowed')
    const operator = bot.user({ role: 'operator' })
    await operator.sends('/dead')
    await operator.sees('not allowed')
  })
})
