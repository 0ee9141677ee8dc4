import { expect } from 'chai'
import { createTestBot, type TestBot, type TestBotOptions } from 'opsgram/testing'

interface Row {
  direction: string
  chat_id: number
  user_id: string | null
  message_id: number | null
  kind: string
  text: string | null
  metadata: Record<string, unknown>
  command: string | null
  plugin: string | null
  outcome: string
  duration_ms: number
  error_id: string | null
}

const probe = `import { buttons, definePlugin, message } from 'opsgram'
export default definePlugin({
  name: 'probe',
  version: '1.0.0',
  permissions: { 'probe.use': { description: 'Use it', roles: ['operator'] } },
  setup() {
    const { promise, resolve } = Promise.withResolvers()
    return { freed: promise, free: () => resolve(undefined) }
  },
  actions: ({ action }) => ({ again: action({ label: 'Again', run: () => 'once more' }) }),
  commands: ({ command }) => ({
    probe: command({ description: 'Probe', permission: 'probe.use', run: (ctx) => message('password=hunter2 <done>', buttons(ctx.button('again', {}))) }),
    boom: command({ description: 'Fail', run: () => { throw new Error('on purpose') } }),
    nap: command({ description: 'Sleep', run: () => new Promise((r) => setTimeout(() => r('slept'), 60)) }),
    hold: command({ description: 'Wait', run: async (ctx) => { await ctx.reply('holding'); await ctx.plugin.freed; return 'freed' } }),
    free: command({ description: 'Go on', run: (ctx) => { ctx.plugin.free(); return 'ok' } }),
  }),
})`

async function startBot(options: TestBotOptions = {}): Promise<TestBot> {
  const bot = await createTestBot({ plugins: ['./plugins/logging'], ...options })
  await bot.dropPlugin('probe', { 'index.ts': probe })
  return bot
}

describe('logging', () => {
  let bot: TestBot

  before(async () => {
    bot = await startBot()
  })
  // each test has waited for all of its rows
  beforeEach(() => bot.database.query('truncate message_logs'))
  after(() => bot.stop())

  /** All rows by time, once there are that many. */
  const rows = async (count: number): Promise<Row[]> => {
    await bot.settled()
    for (const end = performance.now() + 30_000; ; ) {
      const found = await bot.database.query<Row>(
        'select * from message_logs order by created_at, id',
      )
      if (found.length >= count) {
        expect(found).to.have.length(count)
        return found
      }
      if (performance.now() > end) throw new Error(`${found.length} rows: ${JSON.stringify(found)}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  const idOf = async ({ id }: { id: number }): Promise<string | undefined> => {
    const found = await bot.database.query<{ id: string }>(
      'select id from bot_users where telegram_id = $1',
      [id],
    )
    return found[0]?.id
  }

  it('keeps what people write and what they are answered, without secrets', async () => {
    const operator = bot.user({ role: 'operator' })
    const sent = await operator.sends('/probe')
    const { message } = await operator.sees('done')
    const [incoming, outgoing] = await rows(2)
    const common = {
      chat_id: operator.id,
      user_id: await idOf(operator),
      command: 'probe',
      plugin: 'probe',
      outcome: 'done',
      error_id: null,
    }
    expect(incoming).to.include({
      ...common,
      direction: 'in',
      kind: 'message',
      message_id: sent.id,
      text: '/probe',
    })
    expect(incoming?.metadata).to.include({ from: operator.id, chatType: 'private' })
    expect(outgoing).to.include({
      ...common,
      direction: 'out',
      kind: 'sendMessage',
      message_id: message.id,
      text: 'password=*** <done>',
    })
    expect(outgoing?.metadata.updateId).to.equal(incoming?.metadata.updateId)
    for (const row of [incoming, outgoing]) expect(row?.duration_ms).to.be.at.least(0)
  })

  it('keeps presses and what they are answered', async () => {
    const operator = bot.user({ role: 'operator' })
    await operator.sends('/probe')
    await operator.presses('Again')
    await operator.sees('once more')
    const found = await rows(5)
    const press = found.find(({ kind }) => kind === 'callback_query')
    expect(press).to.include({ direction: 'in', plugin: 'probe', command: 'again', text: null })
    expect(press?.metadata.data).to.match(/^v1:probe:again/)
    expect(found.map(({ kind }) => kind)).to.include('answerCallbackQuery')
  })

  it('keeps edits, joins and files by what they are', async () => {
    const operator = bot.user({ role: 'operator' })
    const message = await operator.sends('helo')
    await operator.edits(message, 'hello')
    operator.telegram.sendPhoto({ data: Buffer.from('x') }, { caption: 'the rack' })
    const group = bot.group({ members: [operator], bot: 'administrator' })
    bot.owner.telegram.joins(group)
    const found = await rows(5)
    const edited = found.find(({ kind }) => kind === 'edited_message')
    expect(edited).to.include({ text: 'hello', message_id: message.id })
    const photo = found.find(({ metadata }) => metadata.content === 'photo')
    expect(photo).to.include({ kind: 'message', text: 'the rack' })
    const metadata = found.map((row) => row.metadata)
    expect(metadata.some(({ content }) => content === 'new_chat_members')).to.equal(true)
    expect(
      metadata.some(({ member, after }) => member === bot.owner.id && after === 'member'),
    ).to.equal(true)
  })

  it('keeps the refused ones: strangers, blocked people, missing permissions', async () => {
    const stranger = bot.user()
    const blocked = bot.user({ role: 'operator', status: 'blocked' })
    const guest = bot.user({ role: 'guest' })
    await stranger.sends('token=abcdef let me in')
    await stranger.sees()
    await blocked.sends('/probe')
    await blocked.doesNotSee()
    await guest.sends('/probe')
    await guest.sees('not allowed')
    const found = await rows(5)
    const of = (person: { id: number }) =>
      found.filter((row) => row.chat_id === person.id && row.direction === 'in')
    expect(of(stranger)[0]).to.include({
      outcome: 'refused',
      user_id: null,
      text: 'token=*** let me in',
    })
    expect(of(stranger)[0]?.metadata).to.include({ from: stranger.id, refused: 'stranger' })
    expect(of(blocked)[0]?.metadata).to.include({ from: blocked.id, refused: 'blocked' })
    expect(of(guest)[0]).to.include({
      outcome: 'refused',
      user_id: await idOf(guest),
      command: 'probe',
    })
    expect(of(guest)[0]?.metadata).to.include({ refused: 'permission' })
  })

  it('keeps failures under the id that the person was told', async () => {
    const operator = bot.user({ role: 'operator' })
    await operator.sends('/boom')
    const { text } = await operator.sees(/E-/)
    const [incoming, outgoing] = await rows(2)
    expect(incoming).to.include({ outcome: 'failed', command: 'boom' })
    expect(incoming?.error_id).to.be.a('string')
    expect(text).to.contain(incoming?.error_id ?? 'no id')
    expect(outgoing).to.include({ direction: 'out', outcome: 'done' })
  })

  it('keeps calls that failed', async () => {
    bot.telegram.fail('sendMessage', 403, { description: 'Forbidden: bot was blocked by the user' })
    const operator = bot.user({ role: 'operator' })
    await operator.sends('/nap')
    const found = await rows(2)
    const outgoing = found.find(({ direction }) => direction === 'out')
    expect(outgoing).to.include({ kind: 'sendMessage', outcome: 'failed', text: 'slept' })
    expect(outgoing?.metadata.error).to.contain('blocked by the user')
  })

  it('goes on over its own reload, and logs nothing twice meanwhile', async () => {
    const operator = bot.user({ role: 'operator' })
    const guest = bot.user({ role: 'guest' })
    await operator.sends('/hold')
    await operator.sees('holding')
    await bot.reload('logging')
    await guest.sends('/free')
    await operator.sees('freed')
    await guest.sees('ok')
    const texts = (await rows(5)).map(({ text }) => text)
    expect(texts).to.have.members(['/hold', 'holding', '/free', 'ok', 'freed'])
  })

  it('keeps rows of people who are gone', async () => {
    const guest = bot.user({ role: 'guest' })
    await guest.sends('hello')
    await rows(1)
    await bot.database.query('delete from bot_users where telegram_id = $1', [guest.id])
    expect((await rows(1))[0]).to.include({ text: 'hello', user_id: null })
  })
})

describe('the settings of logging', () => {
  it('say what is slow', async () => {
    await using bot = await startBot({ env: { LOGGING_SLOW_MS: '50' } })
    await bot.owner.sends('/nap')
    await bot.owner.sees('slept')
    await bot.settled()
    const slow = bot.log.filter(({ event }) => event === 'update.slow')
    expect(slow.map(({ fields }) => [fields.plugin, fields.route])).to.deep.equal([
      ['probe', 'nap'],
    ])
    expect(slow[0]?.fields.ms).to.be.at.least(50)
  })

  it('say how long rows are kept; older ones are cleaned away in the background', async () => {
    await using bot = await startBot({ env: { LOGGING_RETENTION_DAYS: '30' } })
    await bot.database.query(
      `insert into message_logs (direction, kind, outcome, text, created_at)
       select 'in', 'message', 'done', case when n <= 4500 then 'old' else 'young' end,
         now() - case when n <= 4500 then interval '31 days' else interval '29 days' end
       from generate_series(1, 4510) as n`,
    )
    const cleaned = () => bot.log.filter(({ event }) => event === 'logging.cleaned')
    for (const end = performance.now() + 30_000; cleaned().length === 0; ) {
      if (performance.now() > end) throw new Error('nothing was cleaned within 30 s')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(cleaned().map(({ fields }) => fields.rows)).to.deep.equal([4500])
    const left = await bot.database.query<{ text: string }>('select text from message_logs')
    expect(left.map(({ text }) => text)).to.deep.equal(Array(10).fill('young'))
  })
})
