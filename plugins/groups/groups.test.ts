import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'

const plugins = ['plugins/groups', 'plugins/start', 'plugins/worklog']

/** Looks until it is so. */
async function until(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + 10_000
  while (!(await look())) {
    if (Date.now() > end) throw new Error(`never: ${what}`)
    await new Promise((again) => setTimeout(again, 20))
  }
}

describe('groups', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({ plugins, env: { NOTICES: 'true' } })
  })
  after(() => bot?.stop())

  const events = async (chat: number) => {
    const rows = await bot.database.query<{ kind: string; person_name: string }>(
      'select kind, person_name from groups_events where chat_id = $1 order by id',
      [chat],
    )
    return rows.map(({ kind, person_name: name }) => `${kind} ${name}`)
  }

  /** The card of a chat, from the list. */
  const open = async (title: string) => {
    await bot.owner.sends('/groups')
    const { text } = await bot.owner.sees(title)
    const line = text.split('\n').find((one) => one.includes(title))
    await bot.owner.presses(String(line).split('.')[0] ?? '')
    await bot.owner.sees('I am there as')
  }

  it('tells who added the bot to a chat, and what it does not see there', async () => {
    const group = bot.group({ title: 'Night shift <b>', bot: 'left' })
    const eve = bot.user({ firstName: 'Eve' })
    eve.telegram.addsBot(group)
    const { text } = await bot.owner.sees('Night shift <b>')
    expect(text).to.include('Eve added me').and.include('I am no administrator')
    await bot.owner.sends('/groups')
    await bot.owner.sees('Night shift <b>')
    await bot.owner.presses('1')
    const card = await bot.owner.sees('Added by: Eve')
    expect(card.text).to.include('I am there as: a member').and.include(String(group.id))
    eve.telegram.removesBot(group)
    await bot.owner.sees('Eve removed me')
    await bot.owner.sends('/groups')
    await bot.owner.doesNotSee('Night shift')
  })

  it('keeps who joined, left and got other rights, and tells it in one message', async () => {
    const boss = bot.user({ firstName: 'Boss' })
    const ivan = bot.user({ firstName: 'Ivan' })
    const group = bot.group({ title: 'Rack room', administrators: [boss], bot: 'left' })
    boss.telegram.addsBot(group, 'administrator')
    await bot.owner.sees('Rack room')
    ivan.telegram.joins(group)
    bot.telegram.api.world.setMember(group, ivan.telegram.user, 'administrator', boss.telegram.user)
    ivan.telegram.leaves(group)
    await bot.settled()
    // told by a change and by a message, and kept once
    expect(await events(group.id)).to.deep.equal(
      ['bot-join Test bot', 'join Ivan', 'promote Ivan', 'leave Ivan'].map((line) =>
        line.replace('Test bot', bot.telegram.api.world.bot.first_name),
      ),
    )
    await bot.clock.advance(120_000)
    const { text } = await bot.owner.sees('Ivan joined')
    expect(text).to.include('Boss made Ivan an administrator').and.include('Ivan left')
  })

  it('counts what is said as one row a chat and day', async () => {
    const anna = bot.user({ role: 'operator', firstName: 'Anna' })
    const group = bot.group({ title: 'Talk', members: [anna] })
    for (const text of ['one', 'two', '/whoami', 'three']) await anna.in(group).sends(text)
    await bot.settled()
    await bot.clock.advance(120_000)
    await until('one row', async () => {
      const rows = await bot.database.query(
        'select messages, commands from groups_activity where chat_id = $1',
        [group.id],
      )
      return JSON.stringify(rows) === '[{"messages":4,"commands":1}]'
    })
  })

  it('switches a plugin off in one chat: help, commands and buttons there follow, on record', async () => {
    const anna = bot.user({ role: 'operator', firstName: 'Anna' })
    const here = bot.group({ title: 'Quiet', members: [anna, bot.owner] })
    const there = bot.group({ title: 'Loud', members: [anna] })
    await anna.in(here).sends('/log 30m moved a rack')
    await anna.in(here).sees('Saved')
    await open('Quiet')
    await bot.owner.presses('Plugins')
    await bot.owner.sees('A press switches')
    await bot.owner.presses('✅ worklog')
    await bot.owner.seesToast('worklog is off there.')
    await anna.in(here).sends('/log 30m again')
    await anna.in(here).sees('“worklog” is switched off in this chat.')
    await anna.in(here).presses('Undo')
    await anna.in(here).seesAlert('“worklog” is switched off in this chat.')
    await anna.in(here).sends('/help')
    const help = await anna.in(here).sees('What you can use here')
    expect(help.text).to.not.include('/log')
    await anna.in(there).sends('/log 30m elsewhere')
    await anna.in(there).sees('Saved')
    const rows = await bot.database.query<{ action: string }>(
      `select action from audit_log where target = $1`,
      [`chat:${here.id}`],
    )
    expect(rows.map(({ action }) => action)).to.deep.equal(['groups.plugin-off'])
    await bot.owner.presses('⛔ worklog')
    await bot.owner.seesToast('worklog is on there.')
    await anna.in(here).sends('/log 30m again')
    await anna.in(here).sees('Saved')
  })

  it('follows from the next update on what another instance decided for a chat, although nobody told it', async () => {
    const anna = bot.user({ role: 'operator', firstName: 'Anna' })
    const group = bot.group({ title: 'Far', members: [anna] })
    const decide = (off: string, language: string | null) =>
      bot.database.query(
        `insert into chat_settings (chat_id, plugins_off, language) values ($1, $2, $3)
         on conflict (chat_id) do update set plugins_off = excluded.plugins_off, language = excluded.language`,
        [group.id, off, language],
      )
    await decide('["worklog"]', null)
    await anna.in(group).sends('/log 30m one')
    await anna.in(group).sees('“worklog” is switched off in this chat.')
    await decide('[]', 'ru')
    await anna.in(group).sends('/log 30m two')
    await anna.in(group).sees('Записано')
    await bot.database.query('delete from chat_settings where chat_id = $1', [group.id])
    await anna.in(group).sends('/log 30m three')
    await bot.settled()
    await anna.in(group).sends('/log 30m four')
    await anna.in(group).sees('Saved')
  })

  it('offers neither what lets people in nor itself, and nothing to whom may not', async () => {
    bot.group({ title: 'Keys', members: [bot.owner] })
    const admin = bot.user({ role: 'admin' })
    const operator = bot.user({ role: 'operator' })
    await operator.sends('/groups')
    await operator.sees('You are not allowed to use /groups')
    await admin.sends('/groups')
    await admin.presses('1')
    await admin.presses('Plugins')
    const { message } = await admin.sees('A press switches a plugin off')
    const labels = message.buttons.map(({ text }) => text)
    expect(labels).to.include('✅ start').and.not.include('✅ auth').and.not.include('✅ groups')
  })

  it('lets nobody flood those who see groups, however many chats they add the bot to', async () => {
    await bot.clock.advance(120_000)
    const eve = bot.user({ firstName: 'Eve' })
    const told = () =>
      bot.telegram
        .calls('sendMessage')
        .filter(({ params }) => params.chat_id === bot.owner.id)
        .map(({ params }) => String(params.text))
    await bot.settled()
    const before = told().length
    // the first ones at once, the others by the minute
    for (let i = 0; i < 20; i++) {
      eve.telegram.addsBot(bot.group({ title: `Flood ${i}`, bot: 'left' }))
    }
    await bot.settled()
    await bot.clock.advance(120_000)
    await bot.owner.sees(/something happened in \d+ more chats/)
    expect(told().slice(before).length).to.be.lessThan(15)
    const rows = await bot.database.query('select 1 from groups_events where not reported')
    expect(rows).to.have.length(0)
  })

  it('forgets chats that it left long ago, and who brought it there', async () => {
    await bot.database.query(
      `insert into groups_chats (chat_id, title, type, status, added_by, left_at)
       values (-91, 'Gone', 'group', 'left', 5, now() - interval '91 days'),
         (-89, 'Going', 'group', 'left', 5, now() - interval '89 days')`,
    )
    // five minutes after a start, then once a day
    await bot.restart()
    await bot.clock.advance(360_000)
    const kept = () =>
      bot.database.query('select chat_id from groups_chats where chat_id in (-91, -89)')
    await until('it is forgotten', async () => (await kept()).length === 1)
    expect(await kept()).to.deep.equal([{ chat_id: -89 }])
  })

  it('takes everything along when a group becomes a supergroup', async () => {
    const { world } = bot.telegram.api
    const anna = bot.user({ role: 'operator', firstName: 'Anna' })
    const group = bot.group({ title: 'Small', type: 'group', members: [anna] })
    await anna.in(group).sends('hello')
    await bot.settled()
    await bot.database.query(
      `insert into access_grants (id, person, permission, effect, chat_id)
       values ('MOVED1', $1, 'groups.view', 'allow', $2)`,
      [anna.id, group.id],
    )
    await open('Small')
    await bot.owner.presses('Plugins')
    await bot.owner.sees('A press switches')
    await bot.owner.presses('✅ worklog')
    await bot.owner.seesToast('worklog is off there.')
    const next = world.migrate(group)
    await bot.settled()
    await bot.clock.advance(120_000)
    const count = async (table: string, chat: number) =>
      (await bot.database.query(`select 1 from ${table} where chat_id = $1`, [chat])).length
    for (const table of ['groups_chats', 'groups_activity', 'chat_settings', 'access_grants']) {
      await until(`${table} moved`, async () => (await count(table, next.id)) === 1)
      expect(await count(table, group.id), table).to.equal(0)
    }
    await anna.in(next).sends('/log 30m in the new one')
    await anna.in(next).sees('“worklog” is switched off in this chat.')
  })
})

describe('groups that are to be approved', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({
      plugins,
      env: { GROUPS_LEAVE_UNAPPROVED: 'true', GROUPS_APPROVE_WITHIN_H: '0.1' },
    })
  })
  after(() => bot?.stop())

  const isIn = (chat: { isMember(id: number): boolean }) =>
    chat.isMember(bot.telegram.api.world.bot.id)

  it('asks admins with a card; the first press decides', async () => {
    const admin = bot.user({ role: 'admin' })
    await admin.sends('/whoami')
    await admin.sees('Role')
    const eve = bot.user({ firstName: 'Eve' })
    const [kept, left] = ['Kept', 'Left'].map((title) => bot.group({ title, bot: 'left' }))
    eve.telegram.addsBot(kept!)
    await admin.sees('Eve added me, and nobody has approved that')
    await admin.presses('Approve')
    await admin.seesToast('“Kept” is approved.')
    eve.telegram.addsBot(left!)
    await admin.sees('Left')
    await admin.presses('Leave')
    await admin.seesToast('I leave “Left”.')
    await until('it left', () => !isIn(left!))
    expect(isIn(kept!)).to.equal(true)
  })

  it('asks about a few at a time, and leaves all of them in time', async () => {
    const admin = bot.user({ role: 'admin' })
    await admin.sends('/whoami')
    await admin.sees('Role')
    const eve = bot.user({ firstName: 'Eve' })
    const chats = Array.from({ length: 14 }, (_, i) =>
      bot.group({ title: `Many ${i}`, bot: 'left' }),
    )
    for (const chat of chats) eve.telegram.addsBot(chat)
    await bot.settled()
    await bot.clock.advance(120_000)
    const cards = bot.telegram
      .calls('sendMessage')
      .filter(({ params }) => params.chat_id === admin.id && /Many/.test(String(params.text)))
    // ten, and what passes at the same moment did not see of each other
    expect(cards.length).to.be.greaterThan(3).and.lessThan(14)
    await bot.clock.advance(480_000)
    await until('it left them all', () => chats.every((chat) => !isIn(chat)))
  })

  it('leaves what nobody approved in time, and stays where who manages chats brought it', async () => {
    const eve = bot.user({ firstName: 'Eve' })
    const [late, own] = ['Late', 'Own'].map((title) => bot.group({ title, bot: 'left' }))
    eve.telegram.addsBot(late!)
    bot.owner.telegram.addsBot(own!)
    await bot.settled()
    await bot.clock.advance(120_000)
    expect(isIn(late!)).to.equal(true)
    await bot.clock.advance(360_000)
    await until('it left', () => !isIn(late!))
    await bot.clock.advance(600_000)
    expect(isIn(own!)).to.equal(true)
  })
})
