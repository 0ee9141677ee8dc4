import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'

const plugin = import.meta.dirname

interface Row {
  text: string
  minutes: number
  ticket: string | null
  undone: boolean
  version: number
}

describe('worklog', () => {
  let bot: TestBot

  before(async () => {
    bot = await createTestBot({ plugins: [plugin] })
  })

  after(() => bot.stop())

  beforeEach(() => bot.database.query('truncate worklog_entries'))

  const rows = () =>
    bot.database.query<Row>(
      `select text, minutes, ticket, deleted_at is not null as undone, version
       from worklog_entries order by id`,
    )
  const operator = (firstName = 'Anna', options: { languageCode?: string } = {}) =>
    bot.user({ role: 'operator', firstName, ...options })

  describe('/log', () => {
    it('writes an entry once', async () => {
      const anna = operator()
      await anna.sends('/log 1h30 replaced switch <sw-12> for ZAM-4711')
      await anna.sees('Saved for ZAM-4711: 1 hr 30 min, replaced switch <sw-12> for ZAM-4711')
      expect(await rows()).to.deep.equal([
        {
          text: 'replaced switch <sw-12> for ZAM-4711',
          minutes: 90,
          ticket: 'ZAM-4711',
          undone: false,
          version: 1,
        },
      ])
    })

    it('answers in Russian', async () => {
      const boris = operator('Борис', { languageCode: 'ru' })
      await boris.sends('/log 1ч30 заменил коммутатор')
      await boris.sees('Записано: 1 ч 30 мин, заменил коммутатор')
    })

    it('tells what it wants when something is missing or wrong', async () => {
      const anna = operator()
      await anna.sends('/log')
      await anna.sees(/“duration” is missing.*\n.*\/log <duration: 1h30> <text…>/)
      await anna.sends('/log soon replaced a switch')
      await anna.sees(/“soon” doesn't fit duration/)
      await anna.sends('/log 25h slept')
      await anna.sees('at most 24 hours')
      expect(await rows()).to.deep.equal([])
    })

    it('is not for guests', async () => {
      const guest = bot.user({ role: 'guest' })
      await guest.sends('/log 1h replaced a switch')
      await guest.sees('not allowed to use /log')
      expect(await rows()).to.deep.equal([])
    })
  })

  describe('undo', () => {
    it('takes the entry back, once', async () => {
      const anna = operator()
      await anna.sends('/log 1h replaced a switch')
      const { message } = await anna.sees('Saved')
      const first = anna.telegram.press(message, '↩️ Undo')
      const second = anna.telegram.press(message, '↩️ Undo')
      await anna.sees(/replaced a switch\nUndone/)
      expect((await first.answered).text ?? '').to.equal('')
      expect((await second.answered).text).to.equal('It is undone already.')
      expect(await rows())
        .to.have.lengthOf(1)
        .and.have.nested.property('[0].undone', true)
      expect((await rows())[0]?.version).to.equal(2)
    })

    it('is for the author alone', async () => {
      const anna = operator()
      const boris = operator('Boris')
      const group = bot.group({ members: [anna, boris] })
      await anna.in(group).sends('/log 1h replaced a switch')
      await anna.in(group).sees('Saved')
      await boris.in(group).presses('Undo')
      await boris.in(group).seesAlert('for somebody else')
      expect((await rows())[0]?.undone).to.equal(false)
    })

    it('is refused after a quarter of an hour', async () => {
      const anna = operator()
      await anna.sends('/log 1h replaced a switch')
      await anna.sees('Saved')
      await bot.database.query(
        `update worklog_entries set created_at = created_at - interval '16 minutes'`,
      )
      await anna.presses('Undo')
      await anna.seesAlert('first 15 minutes')
      expect((await rows())[0]?.undone).to.equal(false)
    })
  })

  describe('/worklog list', () => {
    it('shows who did what, with totals, and escapes what people wrote', async () => {
      const anna = operator('Anna <i>')
      const boris = operator('Boris')
      await anna.sends('/log 1h replaced <b>switch</b> & cable')
      await anna.sees('Saved')
      await anna.sends('/log 45m patched a server')
      await anna.sees('Saved')
      await boris.sends('/log 15m called the provider')
      await boris.sees('Saved')
      await boris.sends('/worklog list')
      const { text } = await boris.sees('Today')
      expect(text).to.include('Anna <i> — 1 hr 45 min')
      expect(text).to.include('replaced <b>switch</b> & cable')
      expect(text).to.include('Boris — 15 min')
      expect(text).to.include('All together: 2 hr')
    })

    it('leaves out what was undone, and others than the person asked for', async () => {
      const anna = operator()
      const boris = operator('Boris')
      await anna.sends('/log 1h replaced a switch')
      await anna.presses('Undo')
      await anna.sees('Undone')
      await boris.sends('/log 1h called the provider')
      await boris.sees('Saved')
      await boris.sends('/worklog list week anna')
      await boris.sees('Nothing was written down')
    })

    it('is split when it is long, each part at the end of a line', async () => {
      const anna = operator()
      await anna.sends('/log 1m the first')
      await anna.sees('Saved')
      await bot.database.query(
        `insert into worklog_entries (id, author_id, text, minutes, worked_at, chat_id)
         select lpad(n::text, 26, '0'), author_id, repeat('work ', 20), 1, worked_at, chat_id
         from worklog_entries, generate_series(1, 100) n`,
      )
      await anna.sends('/worklog list')
      await anna.sees('Today')
      // the next message begins where a line does: with its date
      await anna.sees(/^[A-Z][a-z]{2} \d+, \d+:\d\d .* · 1 min · work/)
    })

    it('explains a period that is none', async () => {
      const anna = operator()
      await anna.sends('/worklog list soon')
      await anna.sees('today, yesterday, week, month or a number of days up to 92 is expected')
    })
  })

  describe('/worklog sync', () => {
    it('says that no spreadsheet is configured', async () => {
      const admin = bot.user({ role: 'admin' })
      await admin.sends('/worklog sync')
      await admin.sees('SHEETS: not configured')
    })
  })
})

describe('worklog with a spreadsheet', () => {
  it('says that a stub stands in its place', async () => {
    await using bot = await createTestBot({
      plugins: [plugin],
      env: { WORKLOG_SPREADSHEET_ID: 'sheet-1' },
    })
    await bot.owner.sends('/log 1h replaced a switch')
    await bot.owner.sees('Saved')
    await bot.owner.sends('/worklog sync')
    await bot.owner.sees('SHEETS: stub. 1 entry would go to sheet-1')
  })
})
