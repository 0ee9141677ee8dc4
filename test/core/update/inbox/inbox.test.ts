import { join } from 'node:path'
import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import type { Database } from '../../../../core/database/connection.ts'
import { Held } from '../../../../core/update/inbox/held.ts'
import { Inbox } from '../../../../core/update/inbox/inbox.ts'
import type { InboxItem } from '../../../../core/update/inbox/item.ts'
import type { Turns } from '../../../../core/update/inbox/lane.ts'
import { Search } from '../../../../core/update/inbox/search.ts'
import { partitionOf } from '../../../../core/update/partition/partition.ts'
import type { Ownership } from '../../../../core/update/partition/partitions.ts'
import { freshDatabase } from '../../../support/database.ts'
import { silentLog } from '../../../support/log.ts'
import { until } from '../../../support/wait.ts'

const worklog = join(import.meta.dirname, '../../../../plugins/worklog')

describe('the inbox', () => {
  let bot: TestBot

  before(async function () {
    this.timeout(30_000)
    bot = await createTestBot({ plugins: [worklog] })
  })

  after(() => bot.stop())

  it('takes out of an update what no database stores, for everybody who reads it', async () => {
    await bot.owner.sends('/log 1h replaced\0 a \ud800 switch, not a \\u0000')
    await bot.owner.sees('replaced a \ufffd switch, not a \\u0000')
    const rows = await bot.database.query<{ text: string }>('select text from worklog_entries')
    expect(rows).to.deep.equal([{ text: 'replaced a \ufffd switch, not a \\u0000' }])
  })

  it('answers a stranger whose name no database stores', async () => {
    const stranger = bot.user({ firstName: 'A\0nna \udc00' })
    await stranger.sends('hello')
    await stranger.sees(String(stranger.id))
  })
})

describe('an inbox', function () {
  this.timeout(20_000)
  let database: Database
  let handled: InboxItem[]

  beforeEach(async () => {
    database = await freshDatabase({ migrated: true })
    handled = []
  })
  afterEach(() => database.close())

  const open = (partitions?: Ownership, turns?: Turns<InboxItem>) =>
    new Inbox({
      database,
      botId: 1,
      partitions,
      ...(turns === undefined ? {} : { turns }),
      handle: async (item) => void handled.push(item),
      poison: async () => undefined,
      log: silentLog,
    })
  const update = { update_id: 1, message: { message_id: 1, date: 1, text: 'x' } } as never
  const states = () => database.query<{ state: number }>('select state from inbox')

  it('begins nothing that is only just being written when it stops', async () => {
    const inbox = open()
    const accepted = inbox.accept([update])
    await inbox.stop()
    await accepted
    expect(handled).to.deep.equal([])
    expect(await states()).to.deep.equal([{ state: 0 }])
    const refused = await inbox.accept([update]).catch((error: unknown) => error)
    expect(refused).to.have.property('code', 'OPS_SHUTDOWN')
  })

  it('tells what is written until now, although more and more comes', async () => {
    const inbox: Inbox = new Inbox({
      database,
      botId: 1,
      partitions: undefined,
      handle: async (item) => inbox.done(item),
      poison: async () => undefined,
      log: silentLog,
    })
    let isOver = false
    const message = { message_id: 1, date: 1, text: 'x' }
    let next = 1
    const senders = Array.from({ length: 4 }, async () => {
      while (!isOver) await inbox.accept([{ update_id: next++, message } as never])
    })
    await until('much has come', () => next > 200)
    await inbox.written()
    isOver = true
    await Promise.all(senders)
    await inbox.written()
    expect(await states()).to.deep.equal(Array(next - 1).fill({ state: 1 }))
    await inbox.stop()
  })

  it('puts nothing aside that another instance has by now, also when it doesn’t know of that yet', async () => {
    const partitions = {
      instance: 'slept',
      stateOf: () => 'own',
      isOurs: () => true,
      isSurelyOurs: () => true,
      ended: () => undefined,
    } as unknown as Ownership
    const inbox = open(partitions)
    await inbox.accept([update])
    const [item] = handled
    if (item === undefined) throw new Error('nothing was handled')
    await inbox.bury(item, 'it failed where it is no longer handled', 'E-1')
    expect(await states()).to.deep.equal([{ state: 0 }])
    await inbox.stop()
  })

  /** Turns that come when the test says so. */
  const turnsOf = () => {
    const waiting: (() => void)[] = []
    const turns: Turns<InboxItem> = {
      isNeeded: () => true,
      come: (signal) =>
        new Promise<void>((resolve, reject) => {
          waiting.push(resolve)
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    }
    return { turns, waiting }
  }

  it('counts no try of what process after process only had wait for its turn', async () => {
    const first = open(undefined, turnsOf().turns)
    await first.accept([update])
    await first.stop()
    for (let starts = 0; starts < 5; starts++) {
      const { turns, waiting } = turnsOf()
      const next = open(undefined, turns)
      await next.start()
      await until('it waits for its turn', () => waiting.length === 1)
      await next.stop()
    }
    expect(handled).to.deep.equal([])
    expect(await database.query('select state, tries from inbox')).to.deep.equal([
      { state: 0, tries: 0 },
    ])
    const last = open()
    await last.start()
    await until('it is handled', () => handled.length === 1)
    await last.stop()
  })

  it('does not begin what waits for its turn when its partition goes, and takes it again when that is back', async () => {
    const { turns, waiting } = turnsOf()
    const inbox = open(
      {
        instance: 'one',
        stateOf: () => 'own',
        start: async () => undefined,
        isSurelyOurs: () => true,
        ended: () => undefined,
      } as unknown as Ownership,
      turns,
    )
    await inbox.accept([update])
    const part = Array.from({ length: 4_096 }, (_, each) => each).find(
      (each) => inbox.sizeOf(each) > 0,
    )
    if (part === undefined) throw new Error('it is nowhere')
    expect(inbox.begunIn(part), 'nothing of it runs').to.deep.equal([])
    inbox.leave(new Set([part]))
    expect(inbox.open).to.equal(0)
    waiting.shift()?.()
    await inbox.idle()
    expect(handled).to.deep.equal([])
    await inbox.takeIn([part], false)
    await until('it waits again', () => waiting.length === 1)
    waiting.shift()?.()
    await until('it is handled', () => handled.length === 1)
    await inbox.stop()
  })
})

describe('whether a person has a dialog open, as the inbox knows it', function () {
  this.timeout(20_000)
  let database: Database
  let inbox: Inbox
  let ends: (() => void)[]
  let known: Map<number, boolean>

  before(async () => {
    database = await freshDatabase({ migrated: true })
  })
  after(() => database.close())
  beforeEach(() => {
    ends = []
    known = new Map()
    inbox = openInbox(undefined)
  })
  afterEach(async () => {
    for (const end of ends.splice(0)) end()
    await inbox.stop()
    await database.query('delete from user_sessions')
    await database.query('delete from inbox')
  })

  const openInbox = (partitions: Ownership | undefined): Inbox => {
    const opened: Inbox = new Inbox({
      database,
      botId: 1,
      partitions,
      async handle(item) {
        known.set(item.facts.updateId, opened.hasNoDialog(item))
        await new Promise<void>((resolve) => ends.push(resolve))
        opened.done(item)
      },
      poison: async () => undefined,
      passesHold: ({ facts }) => facts.updateId >= 100,
      log: silentLog,
    })
    return opened
  }
  const said = (id: number, { from = 7, chat = from }: { from?: number; chat?: number } = {}) => {
    const type = chat > 0 ? 'private' : 'group'
    const message = {
      message_id: id,
      date: 1,
      text: 'x',
      from: { id: from },
      chat: { id: chat, type },
    }
    return { update_id: id, message } as never
  }
  const began = (id: number) => until(`update ${id} begins`, () => known.has(id))
  const ended = async () => {
    ends.shift()?.()
    await inbox.written()
  }
  const begin = (person: number) =>
    database.query(
      `insert into user_sessions (chat_id, user_id, plugin, name, step, version, revision, context, expires_at)
       values ($1, $1, 'p', 'd', 's', 1, 'r', '{}', now() + interval '1 hour')`,
      [person],
    )

  it('is sure that there is none where none is and nothing is on its way', async () => {
    await inbox.accept([said(1), said(2, { from: 8 }), said(3, { chat: -5 })])
    await Promise.all([1, 2, 3].map(began))
    expect(Object.fromEntries(known)).to.deep.equal({ 1: true, 2: true, 3: false })
    await ended()
    await begin(7)
    await inbox.accept([said(4), said(5, { from: 9 })])
    await Promise.all([4, 5].map(began))
    expect(known.get(4), 'one is open').to.equal(false)
    expect(known.get(5), 'another person’s').to.equal(true)
  })

  it('does not know while an update of the chat may still begin one', async () => {
    await inbox.accept([said(1), said(2)])
    await began(1)
    await inbox.accept([said(3)])
    for (const id of [1, 2, 3]) {
      await began(id)
      await ended()
    }
    expect(Object.fromEntries(known)).to.deep.equal({ 1: true, 2: false, 3: false })
    await inbox.accept([said(4)])
    await began(4)
    expect(known.get(4)).to.equal(true)
  })

  it('does not know what another instance is still at', async () => {
    await inbox.stop()
    inbox = openInbox({
      instance: 'one',
      stateOf: () => 'own',
      start: async () => undefined,
      isSurelyOurs: () => true,
      ended: () => undefined,
    } as unknown as Ownership)
    await database.query(
      `insert into inbox (bot_id, update_id, part, lane, payload, received_at) values (1, 1, $1, 'chat:7', $2, now())`,
      [partitionOf('chat:7'), JSON.stringify(said(1))],
    )
    await inbox.accept([said(2)])
    for (const id of [1, 2]) {
      await began(id)
      await ended()
    }
    expect(Object.fromEntries(known)).to.deep.equal({ 1: false, 2: false })
  })

  it('does not know after a pause, in which what passes may have begun one', async () => {
    inbox.hold()
    await inbox.accept([said(1)])
    await inbox.accept([said(100)])
    await began(100)
    await ended()
    inbox.release()
    await began(1)
    expect(Object.fromEntries(known)).to.deep.equal({ 1: false, 100: false })
  })
})

describe('the search for rows of others', () => {
  it('misses no partition that is named while it ends', async () => {
    for (let turns = 0; turns < 30; turns++) {
      const looked: number[] = []
      const search = new Search({
        rows: {
          async openIn(parts) {
            looked.push(...parts)
            return []
          },
          open: async () => [],
        },
        held: new Held(),
        stateOf: () => 'own',
        push: () => true,
        log: silentLog,
        signal: new AbortController().signal,
      })
      search.into([1])
      for (let turn = 0; turn < turns; turn++) await null
      search.into([2])
      await new Promise((resolve) => setImmediate(resolve))
      expect(looked, `${turns} turns later`).to.deep.equal([1, 2])
    }
  })
})
