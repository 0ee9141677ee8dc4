import { join } from 'node:path'
import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import type { Database } from '../../../../core/database/connection.ts'
import { Held } from '../../../../core/update/inbox/held.ts'
import { Inbox } from '../../../../core/update/inbox/inbox.ts'
import type { InboxItem } from '../../../../core/update/inbox/item.ts'
import { Search } from '../../../../core/update/inbox/search.ts'
import type { Ownership } from '../../../../core/update/partition/partitions.ts'
import { freshDatabase } from '../../../support/database.ts'
import { silentLog } from '../../../support/log.ts'

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

  const open = (partitions?: Ownership) =>
    new Inbox({
      database,
      botId: 1,
      partitions,
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
