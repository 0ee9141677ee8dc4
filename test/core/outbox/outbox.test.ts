import { expect } from 'chai'
import { systemClock } from '../../../core/clock.ts'
import type { Database } from '../../../core/database/connection.ts'
import { Outbox } from '../../../core/outbox/outbox.ts'
import type { NewMessage } from '../../../core/outbox/rows.ts'
import { createGateway, type Gateway } from '../../../core/telegram/gateway.ts'
import type { FakeBotApi } from '../../../core/testing/bot-api/api.ts'
import { startFakeBotApi } from '../../../core/testing/bot-api/server.ts'
import { freshDatabase } from '../../support/database.ts'
import { silentLog } from '../../support/log.ts'
import { until } from '../../support/wait.ts'

describe('several instances and one outbox', function () {
  this.timeout(60_000)
  let database: Database
  let api: FakeBotApi
  let gateway: Gateway
  let opened: Outbox[]

  before(async () => {
    database = await freshDatabase({ migrated: true })
    api = await startFakeBotApi()
    gateway = createGateway({ token: api.token, apiRoot: api.url, log: silentLog })
  })
  after(async () => {
    await gateway?.close()
    await api?.close()
    await database?.close()
  })
  beforeEach(async () => {
    opened = []
    await database.query('delete from outbox')
    await database.query('delete from instances')
  })
  afterEach(() => Promise.all(opened.map((one) => one.stop())))

  /** An instance that lives, as its row says. */
  async function join(instance: string): Promise<Outbox> {
    await database.query(
      `insert into instances (id, bot_id, state, host, pid, core_version) values ($1, 1, 'serving', 'here', 1, '1')`,
      [instance],
    )
    const outbox = new Outbox({ database, gateway, instance, clock: systemClock, log: silentLog })
    opened.push(outbox)
    return outbox
  }
  const message = (chatId: number, text: string, more: Partial<NewMessage> = {}): NewMessage => ({
    kind: 'message',
    chatId,
    outgoing: { part: { as: 'message', text, extra: {} } },
    lane: 'interactive',
    ifUnsure: 'repeat',
    keepMs: 60_000,
    ...more,
  })
  const states = async () =>
    (await database.query<{ state: string }>('select state from outbox order by id')).map(
      ({ state }) => state,
    )
  const settled = () => until('all is settled', async () => !(await states()).includes('waiting'))
  const said = (chat: number) => api.messages(chat).map(({ text }) => text)

  it('send each message once, and those of a chat in their order', async () => {
    const instances = await Promise.all(['a', 'b', 'c'].map(join))
    const chats = Array.from({ length: 10 }, () => api.user().id)
    const texts = Array.from({ length: 6 }, (_, i) => `message ${i}`)
    for (const text of texts) {
      await opened[0]?.write(
        database,
        chats.map((chat) => message(chat, text)),
      )
    }
    for (const one of instances) one.start()
    await settled()
    for (const chat of chats) expect(said(chat)).to.deep.equal(texts)
  })

  it('send what stands behind an answer right after it', async () => {
    const a = await join('a')
    const chat = api.user().id
    const own = await a.writeOwn(database, [message(chat, 'answer', { kind: 'answer' })])
    await a.write(database, [message(chat, 'and more')])
    a.wake()
    await a.idle()
    expect(said(chat)).to.deep.equal([])
    await a.sendOwn(own, gateway.telegram, new AbortController().signal)
    await a.idle()
    expect(said(chat)).to.deep.equal(['answer', 'and more'])
  })

  it('leave to its owner what one that lives is sending, and take over from one that died', async () => {
    const a = await join('a')
    const b = await join('b')
    const [safe, twice, once] = [1, 2, 3].map(() => api.user().id) as [number, number, number]
    // begun by their writer, which is killed before it can tell what came of them
    await a.writeOwn(database, [
      message(twice, 'again'),
      message(once, 'not again', { ifUnsure: 'mark' }),
    ])
    // taken, and not begun
    await a.write(database, [message(safe, 'first time')])
    await database.query(`update outbox set owner = 'a' where chat_id = $1`, [safe])
    b.wake()
    await b.idle()
    expect(await states()).to.deep.equal(['waiting', 'waiting', 'waiting'])
    await database.query(`delete from instances where id = 'a'`)
    b.wake()
    await settled()
    expect(await states()).to.deep.equal(['sent', 'unsure', 'sent'])
    expect([said(twice), said(once), said(safe)]).to.deep.equal([['again'], [], ['first time']])
    const repeats = await database.query('select repeats from outbox order by id')
    expect(repeats).to.deep.equal([{ repeats: 1 }, { repeats: 0 }, { repeats: 0 }])
  })

  it('lose to whoever took over: one that was asleep sends nothing, and settles nothing', async () => {
    const a = await join('a')
    const b = await join('b')
    const chat = api.user().id
    // a call to the chat waits until the other one has it
    const asleep = api.faults.add({ kind: 'latency', ms: 300, method: 'editMessageText' })
    const text = { as: 'message', text: 'one', extra: {} } as const
    await a.write(database, [message(chat, 'one', { outgoing: { part: text, edit: 4711 } })])
    a.wake()
    await until(
      'it is taken',
      async () => (await database.query(`select 1 from outbox where owner = 'a'`)).length > 0,
    )
    await database.query(`update outbox set owner = 'b' where owner = 'a'`)
    await a.idle()
    asleep.remove()
    expect(said(chat)).to.deep.equal([])
    expect(await states()).to.deep.equal(['waiting'])
    b.wake()
    await settled()
    expect(said(chat)).to.deep.equal(['one'])
  })

  it('give back at a stop what has not left', async () => {
    const a = await join('a')
    const b = await join('b')
    const chat = api.user().id
    // the second waits for its turn: one a second in a chat
    await a.write(
      database,
      ['one', 'two'].map((text) => message(chat, text, { lane: 'bulk' })),
    )
    a.wake()
    await until('the first is sent', () => said(chat).length === 1)
    await a.stop()
    const owners = await database.query<{ owner: string | null }>('select owner from outbox')
    expect(owners).to.deep.equal([{ owner: null }, { owner: null }])
    b.wake()
    await settled()
    expect(said(chat)).to.deep.equal(['one', 'two'])
  })
})
