import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'

const teller = {
  'index.ts': `import { definePlugin, Outbox } from 'opsgram'
import { z } from 'zod'
export default definePlugin({
  name: 'teller',
  version: '1.0.0',
  uses: { outbox: Outbox },
  setup: (scope) => ({ tell: (to: number, text: string) => scope.use.outbox.notify(to, text) }),
  commands: ({ command }) => ({
    tell: command({
      description: 'Tells somebody',
      args: z.object({ to: z.number(), text: z.string() }),
      run: (ctx, { to, text }) => ctx.plugin.tell(to, text),
    }),
  }),
})
`,
}

describe('messages that are not sent', () => {
  let bot: TestBot
  let owner: TestPerson
  let ann: TestPerson

  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname] })
    await bot.dropPlugin('teller', teller)
    owner = bot.owner
  })
  after(() => bot.stop())
  beforeEach(async () => {
    await bot.settled()
    bot.telegram.api.faults.clear()
    await bot.database.query('delete from outbox')
    await bot.database.query('delete from dead_targets')
    // a new one each time: notices to one person go once a second
    ann = bot.user({ role: 'operator', firstName: 'Ann' })
  })

  /** @returns the number of a message to Ann that Telegram refused */
  async function fail(text: string): Promise<string> {
    bot.telegram.fail('sendMessage', 400, { chat: ann.id, description: 'Bad Request: no <good>' })
    await owner.sends(`/tell ${ann.id} ${text}`)
    await bot.logged('outbox.not-sent')
    await bot.settled()
    const [row] = await bot.database.query<{ id: number }>('select id from outbox')
    return String(row?.id)
  }

  it('are listed by number, and shown with their text and why', async () => {
    await owner.sends('/outbox')
    await owner.sees('All messages are sent')
    const id = await fail('the password=hunter22x')
    await owner.sends('/outbox')
    expect((await owner.sees('0 wait, 1 failed')).text).to.match(
      new RegExp(`${id} · failed .* ${ann.id}`),
    )
    await owner.sends(`/outbox show ${id}`)
    const { text } = await owner.sees('no <good>')
    expect(text).to.include('Plugin teller').and.not.include('hunter22x')
  })

  it('are sent again by a button, on record', async () => {
    const id = await fail('again')
    await owner.sends(`/outbox show ${id}`)
    await owner.sees('no <good>')
    await owner.presses('Send again')
    await ann.sees('again')
    await owner.sends(`/outbox send ${id}`)
    await owner.sees('There is no message')
    const rows = await bot.database.query(
      `select action, target from audit_log where action like 'outbox.%'`,
    )
    expect(rows).to.deep.equal([{ action: 'outbox.send', target: `message:${id}` }])
  })

  it('are dropped with what was written in them', async () => {
    const id = await fail('secret plan')
    await owner.sends(`/outbox drop ${id}`)
    await owner.sees(`${id} is dropped`)
    expect(
      await bot.database.query(`select 1 from outbox where content::text like '%plan%'`),
    ).to.deep.equal([])
    await owner.sends(`/outbox show ${id}`)
    expect((await owner.sees('dropped')).buttons).to.deep.equal([])
  })

  it('are for admins to see and for owners to decide about', async () => {
    const id = await fail('third')
    const admin = bot.user({ role: 'admin' })
    await admin.sends(`/outbox show ${id}`)
    expect((await admin.sees('third')).buttons).to.deep.equal([])
    for (const command of [`/outbox send ${id}`, '/broadcast x']) {
      await admin.sends(command)
      await admin.sees('not allowed')
    }
  })

  it('a broadcast asks first, can be paused, and reaches everybody once who can be reached', async () => {
    const [gone, late, early] = [0, 1, 2].map(() => bot.user({ role: 'guest' })) as [
      TestPerson,
      TestPerson,
      TestPerson,
    ]
    for (const person of [gone, late, early]) {
      await person.sends('hello')
      await bot.settled()
    }
    bot.telegram.fail('sendMessage', 403, { chat: gone.id, times: 9 })
    // longer than the gateway waits: the row does
    bot.telegram.fail('sendMessage', 429, { chat: late.id, retryAfter: 61 })
    await owner.sends('/broadcast Maintenance at 8')
    const people = Number(/\d+/.exec((await owner.sees('Send this to')).text)?.[0])
    await owner.presses('Send to all')
    await early.sees('Maintenance at 8')
    await bot.settled()
    await owner.presses('Pause')
    await owner.sees(`Paused. Sent: ${people - 2} of ${people}.\n1 could not be delivered`)
    await bot.clock.advance(62_000)
    await late.doesNotSee('Maintenance')
    await owner.presses('Go on')
    await late.sees('Maintenance at 8')
    await bot.settled()
    await owner.presses('How far?')
    await owner.sees(`Done. Sent: ${people - 1} of ${people}.`)
    await early.doesNotSee('Maintenance')
    expect(await bot.database.query('select chat_id from dead_targets')).to.deep.equal([
      { chat_id: gone.id },
    ])
  })
})
