import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'
import { until } from './support/wait.ts'

const plugin = `
import { AuditEntry, buttons, definePlugin, edit, message } from 'opsgram'
import { z } from 'zod'

const write = (ctx) => ctx.em.create(AuditEntry, { action: 'post.wrote', outcome: 'done' })

export default definePlugin({
  name: 'post',
  version: '1.0.0',
  actions: ({ action }) => ({
    done: action({
      label: 'Done',
      data: z.object({ text: z.string() }),
      run(ctx, { text }) {
        write(ctx)
        return edit('done: ' + text.length)
      },
    }),
  }),
  middleware: ({ middleware }) => [
    middleware({
      phase: 'observe',
      async run(ctx, next) {
        await next()
        // what is written here would be in no transaction
        if (ctx.facts.text === '/read late') ctx.notify(1, 'too late')
      },
    }),
  ],
  commands: ({ command }) => ({
    write: command({
      description: 'Writes and answers',
      args: z.object({ text: z.string() }),
      run(ctx, { text }) {
        write(ctx)
        return text === 'long' ? 'word '.repeat(1_500) : message('wrote ' + text, buttons(ctx.button('done', { text: 'x'.repeat(99) })))
      },
    }),
    read: command({ description: 'Answers', run: () => 'read' }),
    tell: command({
      description: 'Tells somebody',
      args: z.object({ to: z.number(), text: z.string() }),
      run(ctx, { to, text }) {
        ctx.notify(to, text, { urgent: !text.includes('slow'), ifUnsure: text.includes('once') ? 'mark' : 'repeat' })
        if (text.includes('fail')) throw new Error('on purpose')
        return 'told'
      },
    }),
    early: command({
      description: 'Commits in the middle',
      args: z.object({ what: z.string() }),
      async run(ctx, { what }) {
        write(ctx)
        ctx.notify(ctx.actor.telegramId, 'committed ' + ctx.operationId)
        await ctx.commit()
        if (what === 'fail') throw new Error('after the commit')
        if (what === 'write') write(ctx)
        if (what === 'notify') ctx.notify(1, 'x')
        if (what === 'again') await ctx.commit()
        return 'early ' + what
      },
    }),
    locked: command({
      description: 'Reads and writes under a lock',
      args: z.object({ what: z.string() }),
      async run(ctx, { what }) {
        const seen = await ctx.transactional(async (em) => {
          const [{ wrote }] = await em.execute("select count(*)::int as wrote from audit_log where action = 'post.wrote'")
          if (what === 'reply') await ctx.reply('from inside')
          write(ctx)
          if (what === 'fail') throw new Error('inside')
          return wrote
        })
        return 'saw ' + seen
      },
    }),
  }),
})
`

interface Row {
  kind: string
  state: string
  tries: number
  repeats: number
  error: string | null
  content: unknown
}

describe('the outbox', function () {
  this.timeout(60_000)
  let bot: TestBot
  let owner: TestPerson
  let ann: TestPerson

  before(async () => {
    bot = await createTestBot()
    await bot.dropPlugin('post', { 'index.ts': plugin })
    owner = bot.owner
    ann = bot.user({ role: 'operator', firstName: 'Ann' })
  })
  after(() => bot.stop())
  beforeEach(() => bot.database.query('delete from outbox'))
  afterEach(() => bot.telegram.api.faults.clear())

  const rows = () =>
    bot.database.query<Row>(
      'select kind, state, tries, repeats, error, content from outbox order by id',
    )
  const wrote = async () =>
    (await bot.database.query(`select 1 from audit_log where action = 'post.wrote'`)).length
  /** Lets what waits for another attempt be due. */
  const due = async () => {
    await bot.database.query(`update outbox set next_at = now() where next_at < 'infinity'`)
    await bot.clock.advance(2_000)
  }
  /** What the bot wrote to somebody. */
  const texts = (person: TestPerson) =>
    bot.telegram.api
      .messages(person.id)
      .filter(({ byBot }) => byBot)
      .map(({ text }) => text)

  it('holds what a handler answers that wrote something; of others it knows nothing', async () => {
    await owner.sends('/read')
    await owner.sees('read')
    await bot.settled()
    expect(await rows()).to.deep.equal([])
    await owner.sends('/write note')
    await owner.sees('wrote note')
    await owner.presses('Done')
    await owner.sees('done: 99')
    await bot.settled()
    const sent = { kind: 'answer', state: 'sent', tries: 0, repeats: 0, error: null, content: null }
    expect(await rows()).to.deep.equal([sent, sent])
  })

  it('takes nothing from who writes after the commit', async () => {
    await owner.sends('/read late')
    await owner.sees('read')
    const { fields } = await bot.logged('observer.failed')
    expect(fields.error).to.have.property('code', 'OPS_COMMITTED')
  })

  it('sends a long answer part by part, in order', async () => {
    const before = texts(owner).length
    await owner.sends('/write long')
    await bot.settled()
    const parts = texts(owner).slice(before)
    expect(parts).to.have.length(2)
    expect(parts.join(' ')).to.match(/^(word ?){1500}$/)
    expect(await rows()).to.have.length(2)
  })

  it('sends a message to somebody else when what the handler wrote is committed, and not when it throws', async () => {
    await owner.sends(`/tell ${ann.id} slow news`)
    await ann.sees('slow news')
    await owner.sees('told')
    await owner.sends(`/tell ${ann.id} fail`)
    await owner.sees(/E-/)
    await ann.doesNotSee()
    expect((await rows()).map(({ kind }) => kind)).to.deep.equal(['answer', 'message'])
  })

  it('sends an answer again whose own answer was lost, and says so', async () => {
    const before = texts(owner).length
    bot.telegram.fail('sendMessage', { kind: 'reset', when: 'after' })
    await owner.sends('/write twice')
    await bot.logged('outbox.delayed')
    expect(await wrote()).to.be.greaterThan(0)
    await bot.settled()
    await due()
    await bot.settled()
    expect(texts(owner).slice(before)).to.deep.equal(['wrote twice', 'wrote twice'])
    const [row] = await rows()
    expect(row).to.include({ state: 'sent', tries: 1, repeats: 1 })
  })

  it('puts aside what must not come twice', async () => {
    const before = texts(ann).length
    bot.telegram.fail('sendMessage', { kind: 'reset', when: 'after' }, { chat: ann.id })
    await owner.sends(`/tell ${ann.id} once`)
    await bot.logged('outbox.not-sent', { state: 'unsure' })
    await bot.settled()
    await due()
    await bot.settled()
    expect(texts(ann).slice(before)).to.deep.equal(['once'])
    expect((await rows()).find(({ kind }) => kind === 'message')).to.include({ state: 'unsure' })
  })

  it('waits while Telegram is away, in the order of the messages, and then sends each once', async () => {
    const before = texts(ann).length
    const fault = bot.telegram.api.faults.add({ kind: '5xx', method: 'sendMessage', chat: ann.id })
    await owner.sends(`/tell ${ann.id} news 1`)
    await bot.logged('outbox.delayed')
    await owner.sends(`/tell ${ann.id} news 2`)
    await bot.settled()
    fault.remove()
    await due()
    await bot.settled()
    expect(texts(ann).slice(before)).to.deep.equal(['news 1', 'news 2'])
  })

  it('marks who can’t be reached, and tries no further message to them', async () => {
    const gone = bot.user({ role: 'operator' })
    bot.telegram.fail('sendMessage', 403, { chat: gone.id, times: 9 })
    await owner.sends(`/tell ${gone.id} slow one`)
    await bot.logged('outbox.not-sent', { state: 'failed' })
    const calls = () =>
      bot.telegram.calls('sendMessage').filter((c) => Number(c.params.chat_id) === gone.id)
    expect(calls()).to.have.length(1)
    await owner.sends(`/tell ${gone.id} slow two`)
    await bot.logged('outbox.not-sent', { state: 'failed' })
    await bot.settled()
    expect(calls()).to.have.length(1)
    expect(await bot.database.query('select chat_id from dead_targets')).to.deep.equal([
      { chat_id: gone.id },
    ])
    const failed = (await rows()).filter(({ kind }) => kind === 'message')
    expect(failed.map(({ state }) => state)).to.deep.equal(['failed', 'failed'])
    expect(failed[1]?.error).to.match(/OPS_TELEGRAM_TARGET.*blocked/)
  })

  it('waits out a 429 without counting it', async () => {
    bot.telegram.fail('sendMessage', 429, { chat: ann.id, retryAfter: 3_600 })
    await owner.sends(`/tell ${ann.id} patience`)
    await bot.logged('outbox.delayed')
    await bot.settled()
    const row = (await rows()).find(({ kind }) => kind === 'message')
    expect(row).to.include({ state: 'waiting', tries: 0 })
  })

  it('delays in a storm of 429 whom Telegram names and nobody else, and each message comes once', async () => {
    const people = Array.from({ length: 8 }, () => bot.user({ role: 'operator' }))
    const [limited, free] = [people.slice(0, 4), people.slice(4)]
    const faults = limited.map(({ id }) =>
      bot.telegram.api.faults.add({ kind: '429', method: 'sendMessage', chat: id, retryAfter: 5 }),
    )
    const callsTo = ({ id }: TestPerson) =>
      bot.telegram.calls('sendMessage').filter(({ params }) => Number(params.chat_id) === id)
    const news = ['1', '2', '3'].map((number) => `news ${number}`)
    for (const text of news) {
      for (const { id } of people) await owner.sends(`/tell ${id} ${text}`)
    }
    for (const person of free) {
      await until('what is free arrives', () => texts(person).length === news.length)
    }
    expect(limited.map(texts)).to.deep.equal(limited.map(() => []))
    for (const person of limited) expect(callsTo(person), 'not asked again').to.have.length(1)
    for (const fault of faults) fault.remove()
    await bot.clock.advance(5_000)
    for (const person of limited) {
      await until('what was limited arrives', async () => {
        await bot.clock.advance(1_000)
        return texts(person).length >= news.length
      })
    }
    await bot.settled()
    for (const person of people) expect(texts(person)).to.deep.equal(news)
    const messages = (await rows()).filter(({ kind }) => kind === 'message')
    expect(messages.map(({ state, repeats }) => `${state} ${repeats}`)).to.deep.equal(
      messages.map(() => 'sent 0'),
    )
  })

  it('goes on after a restart with what it could not send', async () => {
    const fault = bot.telegram.api.faults.add({ kind: '5xx', method: 'sendMessage' })
    await owner.sends('/write later')
    await bot.logged('outbox.delayed')
    await bot.settled()
    fault.remove()
    await bot.database.query('update outbox set next_at = now()')
    await bot.restart()
    await owner.sees('wrote later')
  })

  it('gives up what could not be sent in its time', async () => {
    await bot.database.query(
      `insert into outbox (kind, chat_id, lane, if_unsure, content, expires_at)
       values ('message', $1, 'bulk', 'repeat', '{"part":{"as":"message","text":"stale","extra":{}}}', now() - interval '1 minute')`,
      [ann.id],
    )
    await bot.clock.advance(2_000)
    await until('it is settled', async () => (await rows())[0]?.state === 'failed')
    await ann.doesNotSee('stale')
  })

  it('ctx.commit writes at once and once; what comes after it fails, and is not run again', async () => {
    for (const [what, code] of [
      ['fail', undefined],
      ['write', 'OPS_COMMITTED'],
      ['notify', 'OPS_COMMITTED'],
      ['again', 'OPS_COMMITTED'],
    ] as const) {
      const before = await wrote()
      await owner.sends(`/early ${what}`)
      const told = await owner.sees(/E-[A-Z0-9]+/)
      await owner.sees(/^committed \d+-\d+-post$/)
      expect(await wrote()).to.equal(before + 1)
      const failed = bot.log.findLast(({ event }) => event === 'update.failed')
      expect(told.text).to.include(String(failed?.fields.errorId))
      expect(failed?.fields.error).to.have.property(
        code === undefined ? 'message' : 'code',
        code ?? 'after the commit',
      )
    }
    expect(bot.log.filter(({ event }) => event === 'update.dead-lettered')).to.have.length(1)
    await bot.database.query('delete from outbox')
    await owner.sends('/early well')
    await owner.sees('early well')
    await bot.settled()
    expect((await rows()).map(({ kind, state }) => `${kind} ${state}`)).to.have.members([
      'message sent',
      'answer sent',
    ])
  })

  it('ctx.transactional reads and writes in one transaction, in which nobody is called', async () => {
    const before = await wrote()
    await owner.sends('/locked well')
    await owner.sees(`saw ${before}`)
    for (const what of ['fail', 'reply']) {
      await owner.sends(`/locked ${what}`)
      await owner.sees(/E-/)
    }
    await owner.doesNotSee('from inside')
    expect(await wrote()).to.equal(before + 1)
    const failed = bot.log.findLast(({ event }) => event === 'update.failed')
    expect(failed?.fields.error).to.have.property('code', 'OPS_TRANSACTION_CALL')
  })
})
