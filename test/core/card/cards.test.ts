import { expect } from 'chai'
import { z } from 'zod'
import type { CardKind, Presser } from '../../../core/card/card.ts'
import { Cards } from '../../../core/card/cards.ts'
import type { CardPost } from '../../../core/card/post.ts'
import type { Database } from '../../../core/database/connection.ts'
import { coreTexts } from '../../../core/i18n/core-texts.ts'
import { MemoryStore } from '../../../core/store/memory.ts'
import { html } from '../../../core/telegram/html.ts'
import { freshDatabase } from '../../support/database.ts'
import { silentLog } from '../../support/log.ts'
import { until } from '../../support/wait.ts'

interface Sent {
  chat: number
  text: string
  edited: boolean
  atMs: number
}

const ownerId = 7

describe('a card', function () {
  this.timeout(60_000)
  let database: Database
  let sent: Sent[]
  let fails: boolean
  let pressed: string[]
  let opened: Cards[]
  const store = new MemoryStore(silentLog)

  beforeEach(async () => {
    database = await freshDatabase({ migrated: true })
    await database.query(
      `insert into bot_users (id, telegram_id, role, status, last_seen_at) values ('1', $1, 'owner', 'active', now())`,
      [ownerId],
    )
    sent = []
    pressed = []
    fails = false
    opened = []
  })
  afterEach(async () => {
    for (const cards of opened) await cards.stop()
    await database.close()
  })

  const post: CardPost = {
    async send(chat, _card, { text }) {
      if (fails) throw new Error('Telegram is away')
      sent.push({ chat, text: String(text), edited: false, atMs: performance.now() })
      return sent.length
    },
    async edit(chat, _message, _card, { text }) {
      if (fails) throw new Error('Telegram is away')
      sent.push({ chat, text: String(text), edited: true, atMs: performance.now() })
      return true
    },
  }
  const kind: CardKind<{ words: string }> = {
    name: 'test',
    shape: z.object({ words: z.string() }),
    face: ({ words }, state) => ({ text: html`${words} ${state}`, keys: [] }),
    admits: ({ role, can }) => role === 'owner' || can('cards.press'),
    async press(_content, action) {
      pressed.push(action)
      return { outcome: 'done', text: 'did it' }
    },
  }

  async function open({ notices = true } = {}): Promise<Cards> {
    const cards = new Cards({
      database,
      post,
      store,
      texts: coreTexts('en'),
      ownerIds: [ownerId],
      defaults: { language: 'en', timeZone: 'UTC' },
      notices,
      log: silentLog,
    })
    cards.add(kind)
    await cards.start()
    opened.push(cards)
    return cards
  }
  const texts = () => sent.map(({ text }) => text)
  const presser = (role: string, ...held: string[]): Presser => ({
    telegramId: 9,
    name: 'Somebody',
    role,
    can: (permission) => held.includes(permission),
  })
  const press = (cards: Cards, by: Presser, version = 1) =>
    cards.press({
      card: 1,
      version,
      action: 'go',
      presser: by,
      reader: { language: 'en', timeZone: 'UTC' },
      chatId: 9,
    })
  const audit = () =>
    database.query<{ action: string; outcome: string; reason: string | null }>(
      'select action, outcome, reason from audit_log order by id',
    )

  it('asks for the right at the press, and puts every press on record', async () => {
    const cards = await open()
    await cards.show(kind, 'x', () => ({ words: 'hello' }))
    expect(await press(cards, presser('admin'))).to.deep.include({ refused: 'permission' })
    expect(pressed).to.deep.equal([])
    expect(await press(cards, presser('admin', 'cards.press'))).to.deep.equal({ text: 'did it' })
    expect(await audit()).to.deep.equal([
      { action: 'card.test.go', outcome: 'refused', reason: 'permission' },
      { action: 'card.test.go', outcome: 'done', reason: null },
    ])
  })

  it('does nothing for a press on what it no longer says', async () => {
    const cards = await open()
    await cards.show(kind, 'x', () => ({ words: 'one' }))
    await cards.show(kind, 'x', () => ({ words: 'two' }))
    expect(await press(cards, presser('owner'), 1)).to.deep.include({ refused: 'changed' })
    await cards.update(kind, 'x', (content) => ({ content, state: 'decided' }))
    expect(await press(cards, presser('owner'), 3)).to.deep.include({ refused: 'decided' })
    expect(pressed).to.deep.equal([])
    expect((await audit()).map(({ reason }) => reason)).to.deep.equal(['changed', 'decided'])
  })

  it('that instances make at the same moment says what all of them say', async () => {
    const instances = await Promise.all([1, 2, 3, 4].map(() => open()))
    for (const subject of ['a', 'b', 'c']) {
      await Promise.all(
        instances.map((cards) =>
          cards.show(kind, subject, (before) => ({ words: `${before?.words ?? ''}!` })),
        ),
      )
    }
    const rows = await database.query<{ words: string }>(
      `select content->>'words' as words from cards`,
    )
    expect(rows.map(({ words }) => words)).to.deep.equal(['!!!!', '!!!!', '!!!!'])
  })

  it('is sent once and edited from then on, at most once in 3 s', async () => {
    const cards = await open()
    await cards.show(kind, 'x', () => ({ words: 'one' }))
    await until('it is sent', () => sent.length === 1, 10_000)
    await cards.show(kind, 'x', () => ({ words: 'two' }))
    await cards.show(kind, 'x', () => ({ words: 'three' }))
    await until('it is edited', () => sent.length === 2, 10_000)
    expect(texts()).to.deep.equal(['one open', 'three open'])
    const [first, second] = sent
    expect(second?.edited).to.equal(true)
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).to.be.at.least(2_950)
  })

  it('that could not be sent is sent by the next process', async () => {
    fails = true
    const cards = await open()
    await cards.show(kind, 'x', () => ({ words: 'one' }))
    await cards.stop()
    fails = false
    await open()
    await until('it is sent', () => sent.length === 1, 30_000)
    expect(texts()).to.deep.equal(['one open'])
  })

  it('is tried again while Telegram is away', async () => {
    fails = true
    const cards = await open()
    await cards.show(kind, 'x', () => ({ words: 'one' }))
    await until('an attempt was made', async () => {
      const [row] = await database.query('select 1 from card_messages where claimed_at is null')
      return row !== undefined
    })
    fails = false
    await until('it is sent', () => sent.length === 1, 30_000)
  })

  it('is kept and not sent without notices, and sent once there are notices', async () => {
    const quiet = await open({ notices: false })
    await quiet.show(kind, 'x', () => ({ words: 'one' }))
    await quiet.stop()
    expect(sent).to.deep.equal([])
    await open()
    await until('it is sent', () => sent.length === 1, 30_000)
  })

  it('that ended before anybody saw it is not sent', async () => {
    const quiet = await open({ notices: false })
    await quiet.show(kind, 'x', () => ({ words: 'one' }))
    await quiet.update(kind, 'x', (content) => ({ content, state: 'withdrawn' }))
    await quiet.stop()
    const cards = await open()
    await cards.show(kind, 'y', () => ({ words: 'two' }))
    await until('the other is sent', () => sent.length > 0, 10_000)
    expect(texts()).to.deep.equal(['two open'])
  })

  it('of a subject is a new message after a decision, and the same one after a slip', async () => {
    const cards = await open()
    const count = async () =>
      (await database.query<{ n: number }>('select count(*)::int as n from cards'))[0]?.n
    await cards.show(kind, 'x', () => ({ words: 'one' }))
    await cards.update(kind, 'x', (content) => ({ content, state: 'withdrawn' }))
    await cards.show(kind, 'x', () => ({ words: 'two' }))
    expect(await count()).to.equal(1)
    await cards.update(kind, 'x', (content) => ({ content, state: 'decided' }))
    await cards.show(kind, 'x', () => ({ words: 'three' }))
    expect(await count()).to.equal(2)
  })

  it('reaches an owner who writes to the bot for the first time', async () => {
    await database.query('update bot_users set last_seen_at = null')
    const cards = await open()
    await cards.show(kind, 'x', () => ({ words: 'one' }))
    await until('they were skipped', async () => {
      const rows = await database.query('select 1 from card_messages')
      return rows.length === 0 && cards.openOf('test').length === 1
    })
    cards.met(ownerId)
    await until('it is sent', () => sent.length === 1, 10_000)
  })
})
