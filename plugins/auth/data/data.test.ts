import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'

const plugins = ['plugins/groups', 'plugins/logging', 'plugins/start', 'plugins/worklog']

const notes = `
import { definePlugin } from 'opsgram'
import { z } from 'zod'
export default definePlugin({
  name: 'notes', version: '1.0.0',
  setup: () => ({ notes: new Map() }),
  dialogs: ({ dialog }) => ({
    ask: dialog({ version: 1, state: z.object({ name: z.string() }), steps: { name: { ask: () => 'Your name?' } }, finish: () => 'thanks' }),
  }),
  commands: ({ command }) => ({
    ask: command({ description: 'x', run: (ctx) => ctx.begin('ask') }),
    note: command({ description: 'x', args: z.object({ text: z.string() }), run(ctx, { text }) {
      ctx.plugin.notes.set(ctx.actor.telegramId, text)
      return 'noted'
    } }),
  }),
  personalData: {
    export: ({ telegramId }, { plugin }) => plugin.notes.get(telegramId),
    erase({ telegramId }, { plugin }) {
      if (globalThis.keepNotes) { globalThis.keepNotes = false; throw new Error('not now') }
      return plugin.notes.delete(telegramId) ? 1 : 0
    },
  },
})`

describe('data of a person', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({ plugins })
    await bot.dropPlugin('notes', { 'index.ts': notes })
  })
  after(() => bot?.stop())

  /** What was sent to somebody as a file, the newest. */
  const file = async (person: TestPerson): Promise<Record<string, unknown>> => {
    await person.sees('All that I keep')
    return JSON.parse(bot.telegram.sentFile(person).text)
  }
  const count = async (sql: string, ...values: unknown[]) =>
    (await bot.database.query(sql, values)).length

  const busy = async (): Promise<TestPerson> => {
    const anna = bot.user({ role: 'operator', firstName: 'Anna', lastName: 'Secretova' })
    const group = bot.group({ title: 'Rack', members: [anna] })
    anna.telegram.joins(group)
    await anna.sends('/log 30m replaced switch')
    await anna.sees('Saved')
    await anna.sends('/note buy milk')
    await anna.sees('noted')
    await bot.owner.sends(`/grants give ${anna.id} auth.audit`)
    await bot.owner.sees('auth.audit')
    await anna.sends('/ask')
    await anna.sees('Your name?')
    await bot.settled()
    // the message log is written behind
    for (let end = Date.now() + 5_000; Date.now() < end; ) {
      if ((await count('select 1 from message_logs where chat_id = $1', anna.id)) >= 6) break
      await new Promise((again) => setTimeout(again, 20))
    }
    return anna
  }

  it('is sent to whom it is about, by all who keep any, and on record', async () => {
    const anna = await busy()
    await anna.sends('/mydata')
    const all = await file(anna)
    expect(all).to.have.keys('opsgram', 'auth', 'groups', 'logging', 'notes', 'worklog')
    const text = JSON.stringify(all)
    for (const part of ['Secretova', 'replaced switch', 'buy milk', 'auth.audit', 'Your name?']) {
      expect(text, part).to.include(part)
    }
    expect(text).to.include('"name":"ask"').and.not.include('hash')
    expect(await count(`select 1 from audit_log where action = 'data.export'`)).to.equal(1)
  })

  it('is nobody else’s, but for who may, of people below them', async () => {
    const anna = bot.user({ role: 'operator' })
    const boris = bot.user({ role: 'operator' })
    const admin = bot.user({ role: 'admin' })
    const other = bot.user({ role: 'admin' })
    await boris.sends(`/mydata ${anna.id}`)
    await boris.sees('your own data only')
    await admin.sends(`/mydata ${other.id}`)
    await admin.sees('below')
    await admin.sends(`/mydata ${anna.id}`)
    expect(await file(admin)).to.have.property('opsgram')
    await boris.sends(`/forget ${anna.id}`)
    await boris.sees('not allowed')
  })

  it('is erased everywhere or nowhere, after a yes', async () => {
    const anna = await busy()
    const [row] = await bot.database.query<{ id: string }>(
      'select id from bot_users where telegram_id = $1',
      [anna.id],
    )
    await bot.database.query(
      `insert into error_reports (at, error_id, event, user_id, code, message, stack, fingerprint, instance)
       values (now(), 'E-TEST', 'update.failed', $1, 'OPS_INTERNAL', 'Anna wrote this', '', 'x', 'y')`,
      [anna.id],
    )
    Object.assign(globalThis, { keepNotes: true })
    await bot.owner.sends(`/forget ${anna.id}`)
    const { text } = await bot.owner.sees('Anna Secretova')
    expect(text)
      .to.include('can’t be undone')
      .and.include('don’t say what they keep about people: start')
    await bot.owner.presses('Yes, do it')
    await bot.owner.seesAlert('Something went wrong')
    expect(await count('select 1 from access_grants where person = $1', anna.id)).to.equal(1)
    await bot.owner.sends(`/forget ${anna.id}`)
    await bot.owner.sees('Anna Secretova')
    await bot.owner.presses('Yes, do it')
    await bot.owner.sees(`${anna.id} is forgotten`)
    for (const [table, column] of [
      ['access_grants', 'person'],
      ['user_sessions', 'user_id'],
      ['message_logs', 'chat_id'],
      ['groups_events', 'person'],
      ['error_reports', 'user_id'],
      ['bot_users', 'telegram_id'],
    ]) {
      expect(await count(`select 1 from ${table} where ${column} = $1`, anna.id), table).to.equal(0)
    }
    expect(
      await count(`select 1 from error_reports where error_id = 'E-TEST' and message <> ''`),
    ).to.equal(0)
    // the journal is the team's: it stays, by nobody
    const [author] = await bot.database.query<{ telegram_id: string; first_name: string | null }>(
      'select telegram_id, first_name from bot_users where id = $1',
      [row?.id],
    )
    expect(Number(author?.telegram_id)).to.be.lessThan(0)
    expect(author?.first_name).to.equal(null)
    await anna.sends('/log 30m more')
    await anna.sees(String(anna.id))
    const [entry] = await bot.database.query<{ after: { rows: Record<string, number> } }>(
      `select after from audit_log where action = 'data.erase' and target = $1`,
      [`user:${anna.id}`],
    )
    expect(entry?.after.rows).to.include({ notes: 1, auth: 1 })
    expect(entry?.after.rows.logging).to.be.greaterThan(5)
  })

  it('of somebody blocked leaves the block, and owners can’t be forgotten', async () => {
    const eve = bot.user({ role: 'guest', firstName: 'Eve' })
    await eve.sends('/whoami')
    await eve.sees('Role')
    await bot.owner.sends(`/users block ${eve.id}`)
    await bot.owner.sees('is blocked')
    await bot.owner.sends(`/forget ${eve.id}`)
    await bot.owner.sees('Eve')
    await bot.owner.presses('Yes, do it')
    await bot.owner.sees('is forgotten')
    const [row] = await bot.database.query(
      'select status, first_name from bot_users where telegram_id = $1',
      [eve.id],
    )
    expect(row).to.deep.equal({ status: 'blocked', first_name: null })
    await bot.owner.sends(`/forget ${bot.owner.id}`)
    await bot.owner.sees('That is an owner')
  })

  it('of strangers who never came in, and old rows of the audit log, are kept no longer than wished', async () => {
    await bot.stop()
    bot = await createTestBot({ plugins, env: { AUTH_STRANGER_DAYS: '30', AUTH_AUDIT_DAYS: '30' } })
    await bot.database.query(
      `insert into bot_users (id, telegram_id, status, created_at) values
         ('OLD', 501, 'pending', now() - interval '40 days'), ('NEW', 502, 'pending', now()),
         ('SHUT', 503, 'blocked', now() - interval '40 days')`,
    )
    await bot.database.query(
      `insert into audit_log (id, action, outcome, created_at)
       values ('OLD', 'old', 'done', now() - interval '40 days'), ('NEW', 'new', 'done', now())`,
    )
    await bot.clock.advance(11 * 60_000)
    const left = async () =>
      (
        await bot.database.query<{ id: string }>(
          `select id from bot_users where id in ('OLD', 'NEW', 'SHUT')
         union all select action from audit_log where action in ('old', 'new', 'data.retention') order by 1`,
        )
      ).map(({ id }) => id)
    for (let end = Date.now() + 5_000; Date.now() < end && (await left()).length > 4; ) {
      await new Promise((again) => setTimeout(again, 20))
    }
    expect(await left()).to.have.members(['NEW', 'SHUT', 'data.retention', 'new'])
  })
})

describe('sessions of a person', () => {
  it('show on the card and are ended there, and by a lockdown', async () => {
    await using bot = await createTestBot()
    await bot.dropPlugin('notes', { 'index.ts': notes })
    const anna = bot.user({ role: 'operator', firstName: 'Anna' })
    const open = () =>
      bot.database.query('select 1 from user_sessions where user_id = $1', [anna.id])
    await anna.sends('/ask')
    await anna.sees('Your name?')
    await bot.owner.sends(`/users show ${anna.id}`)
    await bot.owner.sees('notes: ask, name')
    await bot.owner.presses('End dialogs')
    await bot.owner.sees('End all dialogs of Anna?')
    await bot.owner.presses('Yes')
    await bot.owner.seesToast('1 dialog of Anna was ended.')
    expect(await open()).to.have.length(0)
    await anna.sends('/ask')
    await anna.sees('Your name?')
    await bot.owner.sends('/lockdown on')
    await bot.owner.sees('owners')
    await bot.settled()
    expect(await open()).to.have.length(0)
  })
})
