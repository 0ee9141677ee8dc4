import { expect } from 'chai'
import type { UserStatus } from 'opsgram'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'
import { auditStatement } from './audit/list.ts'
import { findStatement, listStatements } from './people/list.ts'

interface Row {
  telegram_id: number
  role: string
  status: string
  auth_epoch: number
  blocked_reason: string | null
}

interface Profile {
  first_name: string
  last_seen_at: string
  version: number
}

interface AuditRow {
  actor_id: number | null
  action: string
  target: string
  outcome: string
  reason: string | null
  before: unknown
  after: unknown
}

/** A value as it stands in a statement. */
function literal(value: unknown): string {
  return typeof value === 'number' ? String(value) : `'${String(value)}'`
}

/** What an earlier test left unread is nothing to this one. */
async function overlook(person: TestPerson): Promise<void> {
  const reads = () =>
    person.sees(/^/, { within: 0 }).then(
      () => true,
      () => false,
    )
  while (await reads());
}

describe('auth', () => {
  let bot: TestBot

  before(async () => {
    bot = await createTestBot({
      plugins: ['./plugins/auth', './plugins/plugins'],
      env: { ACCESS: 'request' },
    })
  })
  beforeEach(async () => {
    await bot.settled()
    await bot.database.query(
      'truncate bot_users, audit_log, access_grants, access_roles, cards cascade',
    )
    await overlook(bot.owner)
  })
  after(() => bot.stop())

  const rowOf = async ({ id }: { id: number }): Promise<Row | undefined> => {
    await bot.settled()
    const rows = await bot.database.query<Row>(
      `select telegram_id, role, status, auth_epoch, blocked_reason from bot_users where telegram_id = $1`,
      [id],
    )
    return rows[0]
  }
  const audit = async (): Promise<AuditRow[]> => {
    await bot.settled()
    return bot.database.query<AuditRow>(
      `select actor_id, action, target, outcome, reason, before, after from audit_log
       where reason is distinct from 'ADMIN_IDS' order by id`,
    )
  }

  describe('strangers', () => {
    it('are told their id in one sentence, once a day, and then hear nothing', async () => {
      const stranger = bot.user()
      await stranger.sends('hello')
      const { text } = await stranger.sees(String(stranger.id))
      expect(text.match(/[.!?]/g), 'one sentence').to.have.length(1)
      await stranger.sends('hello?')
      await stranger.sends('/users')
      await stranger.doesNotSee()
      expect(await rowOf(stranger)).to.include({ role: 'guest', status: 'pending' })
      await bot.database.query(
        `update bot_users set metadata = jsonb_set(metadata, '{stranger,answeredAt}',
           to_jsonb(floor(extract(epoch from now() - interval '24 hours'))))`,
      )
      await stranger.sends('a day later')
      await stranger.sees(String(stranger.id))
      await stranger.doesNotSee()
    })

    it('are told in their language', async () => {
      const stranger = bot.user({ languageCode: 'ru' })
      await stranger.sends('привет')
      await stranger.sees(new RegExp(`доступа.* ${stranger.id}\\.$`))
    })

    it('are blocked when they go on, and stay on record', async () => {
      const stranger = bot.user()
      for (let i = 0; i < 4; i++) await stranger.sends('let me in')
      expect(await rowOf(stranger)).to.include({ status: 'pending' })
      await stranger.sends('let me in')
      const blocked = await rowOf(stranger)
      expect(blocked).to.include({ status: 'blocked', auth_epoch: 1 })
      expect(blocked?.blocked_reason).to.match(/5 updates .* 10 minutes/)
      expect(await audit()).to.deep.include({
        actor_id: null,
        action: 'users.block',
        target: `user:${stranger.id}`,
        outcome: 'done',
        reason: 'AUTH_BLOCK_AFTER',
        before: { status: 'pending' },
        after: { status: 'blocked' },
      })
      await stranger.sends('please')
      await stranger.sees(String(stranger.id))
      await stranger.doesNotSee()
    })

    it('are not blocked for what is longer ago than ten minutes', async () => {
      const stranger = bot.user()
      for (let i = 0; i < 4; i++) await stranger.sends('let me in')
      await bot.settled()
      await bot.database.query(
        `update bot_users set metadata = jsonb_set(metadata, '{stranger,refusals}',
           (select jsonb_agg(at::bigint - 601) from jsonb_array_elements(metadata->'stranger'->'refusals') as at))
         where telegram_id = $1`,
        [stranger.id],
      )
      await stranger.sends('let me in')
      expect(await rowOf(stranger)).to.include({ status: 'pending' })
    })

    it('are remembered over a reload and a restart', async () => {
      const stranger = bot.user()
      await stranger.sends('let me in')
      await stranger.sees()
      await bot.reload('auth')
      for (let i = 0; i < 2; i++) await stranger.sends('let me in')
      await bot.settled()
      await bot.restart()
      for (let i = 0; i < 2; i++) await stranger.sends('let me in')
      await stranger.doesNotSee()
      expect(await rowOf(stranger)).to.include({ status: 'blocked' })
    })

    it('get no answer in groups, and may talk there unrecorded', async () => {
      const stranger = bot.user()
      const group = bot.group({ members: [stranger, bot.owner] })
      for (let i = 0; i < 6; i++) await stranger.in(group).sends('what a day')
      await stranger.in(group).doesNotSee()
      expect(await rowOf(stranger)).to.equal(undefined)
      for (let i = 0; i < 5; i++) await stranger.in(group).sends('/users')
      await stranger.in(group).doesNotSee()
      expect(await rowOf(stranger)).to.include({ status: 'blocked' })
    })
  })

  it('knows nobody behind other bots, anonymous admins and channels', async () => {
    const before = bot.log.length
    const sent = bot.telegram.calls('sendMessage').length
    const chat = bot.group({ members: [bot.owner] }).api
    const owner = bot.owner.telegram.user
    const text = { date: 1, chat, text: '/users' }
    const entities = [{ type: 'bot_command', offset: 0, length: 6 }]
    const { api } = bot.telegram
    api.inject({
      message: { message_id: 1, from: { ...owner, is_bot: true }, ...text, entities },
    })
    api.inject({
      message: { message_id: 2, from: owner, sender_chat: chat, ...text, entities },
    })
    api.inject({ channel_post: { message_id: 3, ...text, entities } })
    await bot.settled()
    const refused = bot.log.slice(before).filter(({ event }) => event === 'auth.refused')
    expect(refused.map(({ fields }) => fields.reason)).to.deep.equal(Array(3).fill('no-actor'))
    expect(bot.telegram.calls('sendMessage')).to.have.length(sent)
  })

  describe('owners', () => {
    it('are never blocked, whatever their row says', async () => {
      await bot.database.query(
        `update bot_users set status = 'blocked', role = 'guest' where telegram_id = $1`,
        [bot.owner.id],
      )
      await bot.owner.sends('/users')
      await bot.owner.sees('People')
      await bot.database.query('delete from bot_users')
      await bot.owner.sends('/users')
      await bot.owner.sees(/owner/)
    })

    it('lose the role at the next start without their id', async () => {
      const [owner, added] = [bot.user({ role: 'guest' }), bot.user({ role: 'guest' })]
      await bot.settled()
      // as a start with their ids left them; each change by hand counts as well
      await bot.database.query(`update bot_users set role = 'owner' where role = 'guest'`)
      await bot.database.query(
        `update bot_users set metadata = '{"added":{"by":1,"at":"2026-01-01T00:00:00Z"}}'
         where telegram_id = $1`,
        [added.id],
      )
      await owner.sends('/users')
      await owner.sees('not allowed')
      await bot.restart()
      expect(await rowOf(owner)).to.include({ role: 'guest', status: 'pending', auth_epoch: 2 })
      expect(await rowOf(added)).to.include({ role: 'guest', status: 'active', auth_epoch: 2 })
      await owner.sends('/users')
      await owner.sees(`your id ${owner.id}`)
      await added.sends('/users')
      await added.sees('not allowed')
    })

    it('can be changed by nobody, themselves included', async () => {
      const admin = bot.user({ role: 'admin' })
      for (const person of [admin, bot.owner]) {
        for (const wish of [`role ${bot.owner.id} guest`, `block ${bot.owner.id}`]) {
          await person.sends(`/users ${wish}`)
          await person.sees(/ADMIN_IDS|yourself/)
        }
      }
      await bot.owner.sends(`/users role ${admin.id} owner`)
      await bot.owner.sees('ADMIN_IDS')
      expect(await rowOf(bot.owner)).to.include({ role: 'owner', status: 'active' })
      expect((await audit()).map(({ outcome }) => outcome)).to.deep.equal(Array(5).fill('refused'))
    })
  })

  describe('/users', () => {
    it('lets a person in by id before they ever wrote', async () => {
      const bob = bot.user({ firstName: 'Robert', username: 'bob' })
      await bot.owner.sends(`/users add ${bob.id} operator Bob from the NOC`)
      await bot.owner.sees('Bob from the NOC')
      await bob.sends('/users')
      await bob.sees('not allowed')
      await bot.owner.sends('/users show @BOB')
      const { text } = await bot.owner.sees(/Robert \(@bob\)\n.*operator.*Last seen: this minute/s)
      expect(text).to.match(new RegExp(`Let in by: \\D+ ${bot.owner.id}, `))
    })

    it('shows what else there is to whoever misspelt one of its subcommands', async () => {
      await bot.owner.sends('/users blok 1')
      const { text } = await bot.owner.sees("doesn't fit status")
      expect(text).to.include('Usage: /users [status').and.include('/users block <person')
    })

    it('makes a stranger on record an active person by name', async () => {
      const stranger = bot.user({ username: 'carol' })
      for (let i = 0; i < 5; i++) await stranger.sends('hi')
      await stranger.sees()
      await bot.settled()
      await bot.owner.sends('/users add @carol admin')
      await bot.owner.sees('is let in as admin')
      await stranger.sends('/users')
      await stranger.sees('People')
    })

    it('changes hold from the next update on', async () => {
      const person = bot.user({ role: 'operator' })
      await person.sends('/users')
      await person.sees('not allowed')
      await bot.owner.sends(`/users role ${person.id} admin`)
      await bot.owner.sees()
      await person.sends('/users')
      await person.sees('People')
      await bot.owner.sends(`/users block ${person.id} on leave`)
      await bot.owner.sees()
      await person.sends('/users')
      await person.doesNotSee()
      expect(await rowOf(person)).to.include({ role: 'admin', status: 'blocked', auth_epoch: 2 })
      await bot.owner.sends(`/users unblock ${person.id}`)
      await bot.owner.sees()
      await person.sends('/users')
      await person.sees('People')
      const id = { actor_id: bot.owner.id, target: `user:${person.id}`, outcome: 'done' }
      const admin = { role: 'admin', status: 'active' }
      const blocked = { role: 'admin', status: 'blocked' }
      expect((await audit()).filter(({ action }) => action.startsWith('users.'))).to.deep.equal([
        {
          ...id,
          action: 'users.role',
          reason: null,
          before: { role: 'operator', status: 'active' },
          after: admin,
        },
        { ...id, action: 'users.block', reason: 'on leave', before: admin, after: blocked },
        { ...id, action: 'users.unblock', reason: null, before: blocked, after: admin },
      ])
    })

    it('changes made by hand in the database hold from the next update on, too', async () => {
      const person = bot.user({ role: 'admin' })
      const asks = () => person.sends('/users')
      await asks()
      await person.sees('People')
      await rowOf(person)
      await asks()
      await person.sees('People')
      for (const [change, sees] of [
        [`role = 'operator'`, 'not allowed'],
        [`role = 'admin', version = version + 1`, 'People'],
        [`status = 'blocked'`, undefined],
      ] as const) {
        await bot.database.query(`update bot_users set ${change} where telegram_id = $1`, [
          person.id,
        ])
        await asks()
        if (sees === undefined) await person.doesNotSee()
        else await person.sees(sees)
      }
      expect(await rowOf(person)).to.include({ auth_epoch: 3 })
    })

    it('lets admins manage those below them only', async () => {
      const admin = bot.user({ role: 'admin' })
      const other = bot.user({ role: 'admin' })
      const operator = bot.user({ role: 'operator' })
      for (const [wish, answer] of [
        [`block ${other.id}`, "role isn't below yours"],
        [`role ${operator.id} admin`, 'below your own'],
        [`add 987 admin`, 'below your own'],
        [`role ${admin.id} guest`, 'your own role'],
        [`role ${operator.id} guest`, 'is guest now'],
        [`add 987 operator`, 'let in as operator'],
        [`block 987`, 'is blocked'],
      ] as const) {
        await admin.sends(`/users ${wish}`)
        await admin.sees(answer)
      }
      expect(await rowOf(other)).to.include({ role: 'admin', status: 'active', auth_epoch: 0 })
    })

    it('is refused on record to those without the permission', async () => {
      const operator = bot.user({ role: 'operator' })
      await operator.sends(`/users add 1234 operator`)
      await operator.sees('not allowed')
      const [entry] = await audit()
      expect(entry).to.include({
        actor_id: operator.id,
        action: 'auth.users add',
        outcome: 'refused',
        reason: 'permission',
      })
    })

    it('says what is wrong with a name or an id', async () => {
      for (const [named, answer] of [
        ['-1001234', 'neither an id'],
        ['@nobody_here', 'on record'],
        ['12345678901234567', 'neither an id'],
      ] as const) {
        await bot.owner.sends(`/users add ${named} guest`)
        await bot.owner.sees(answer)
      }
      bot.user({ role: 'guest', username: 'taken', id: 801 })
      bot.user({ role: 'guest', username: 'Taken', id: 802 })
      await bot.owner.sends('/users block @taken')
      await bot.owner.sees('Several people')
      await bot.owner.sends('/users unblock 801')
      await bot.owner.sees('is not blocked')
    })

    it('turns pages by buttons', async () => {
      const statuses = ['· All ·', 'Let in', 'Not let in', 'Blocked']
      for (let i = 10; i < 22; i++) bot.user({ role: 'guest', firstName: `Guest ${i}` })
      await bot.owner.sends('/users')
      const first = await bot.owner.sees('page 1 of 2')
      expect(first.text).to.contain('Guest 18').and.not.contain('Guest 19')
      expect(first.buttons).to.deep.equal(
        [...Array(10).keys()].map((i) => String(i + 1)).concat('2 ›', ...statuses),
      )
      expect(first.text).to.include('/users find')
      await bot.owner.presses('2 ›')
      const second = await bot.owner.sees('page 2 of 2')
      expect(second.text).to.contain('Guest 21').and.not.contain('Guest 18')
      expect(second.message.buttons.map(({ text }) => text)).to.deep.equal([
        ...['1', '2', '3', '‹ 1'],
        ...statuses,
      ])
      const blocked = bot.user({ role: 'guest', firstName: 'Bertha', status: 'blocked' })
      await bot.owner.presses('Blocked')
      const third = await bot.owner.sees(String(blocked.id))
      expect(third.text).to.not.include('Guest 21')
      expect(third.message.buttons.map(({ text }) => text)).to.include('· Blocked ·')
    })

    it('finds people, and changes them by buttons, each time after a question', async () => {
      const anna = bot.user({ role: 'guest', firstName: 'Anna', username: 'anna_p' })
      bot.user({ role: 'guest', firstName: '100%_' })
      await bot.owner.sends('/users find 100%')
      await bot.owner.sees(/1\. 100%_/)
      await bot.owner.sends('/users find %')
      await bot.owner.sees('Nobody’s name')
      await bot.owner.sends('/users find @ANN')
      await bot.owner.sees('anna_p')
      await bot.owner.presses('1')
      await bot.owner.sees(/Anna.*Role: guest/s)
      const press = async (...labels: string[]) => {
        for (const label of labels) {
          await bot.owner.presses(label)
          // older screens have the same buttons
          await bot.settled()
        }
      }
      await press('Role …', 'operator')
      await bot.owner.sees('Make Anna (@anna_p) operator?')
      expect(await rowOf(anna), 'asked only').to.include({ role: 'guest' })
      await press('No', 'Role …', 'operator', 'Yes')
      await bot.owner.seesToast('is operator now')
      await bot.owner.sees('Role: operator')
      await press('Rights …', 'Give a right …', 'auth.users', '7 days', 'Yes')
      await bot.owner.sees(/\+ auth\.users, until/)
      await anna.sends('/users')
      await anna.sees('People')
      await press('Rights …', '− auth.users', 'Yes')
      await bot.owner.sees(/^(?!.*auth\.users)/s)
      await press('Time …', '30 days', 'Yes')
      await bot.owner.sees('Access ends')
      await press('⛔ Block …', 'Yes')
      await bot.owner.sees(/Status: blocked/)
      await press('Unblock …', 'Yes')
      await bot.owner.sees(/Status: active/)
      // what was said yes to is not what it was: neither a replayed press nor an old question counts
      const yes = bot.telegram
        .calls('editMessageText')
        .map(({ params }) => JSON.stringify(params.reply_markup ?? ''))
        .flatMap((markup) => /"(v1:auth:do:[^"]+)"/.exec(markup)?.[1] ?? [])
      expect(yes.length).to.be.greaterThan(5)
      for (const data of new Set(yes)) {
        bot.telegram.api.inject({
          callback_query: {
            id: data,
            from: bot.owner.telegram.user,
            chat_instance: '1',
            data,
            message: {
              message_id: 1,
              date: Math.floor(Date.now() / 1000),
              chat: { id: bot.owner.id, type: 'private' },
            },
          },
        })
      }
      await bot.settled()
      expect(await rowOf(anna)).to.include({ status: 'active', role: 'operator' })
      expect((await audit()).map(({ action }) => action)).to.deep.equal([
        'users.role',
        'grants.allow',
        'grants.take',
        'users.until',
        'users.block',
        'users.unblock',
      ])
    })

    it('has nothing to press for whom one may not change, and old buttons of who was demoted do nothing', async () => {
      const [admin, other] = [bot.user({ role: 'admin' }), bot.user({ role: 'admin' })]
      const guest = bot.user({ role: 'guest' })
      await admin.sends(`/users show ${other.id}`)
      expect((await admin.sees('Role: admin')).buttons).to.deep.equal(['‹ People'])
      await admin.sends(`/users show ${guest.id}`)
      await admin.sees('Role: guest')
      await admin.presses('⛔ Block …')
      await admin.sees('Block Guest?')
      await bot.owner.sends(`/users role ${admin.id} operator`)
      await bot.owner.sees('is operator now')
      await admin.presses('Yes')
      await admin.seesAlert()
      expect(await rowOf(guest)).to.include({ status: 'active' })
    })

    it('shows who did what: /audit, by person, action, target and outcome', async () => {
      const admin = bot.user({ role: 'admin', firstName: 'Ada' })
      const guest = bot.user({ role: 'guest' })
      for (const wish of [
        'role 1 admin',
        `role ${guest.id} operator`,
        `block ${guest.id} <b>spam</b>`,
      ]) {
        await admin.sends(`/users ${wish}`)
        await admin.sees()
      }
      await guest.sends('/audit')
      await bot.settled()
      const operator = bot.user({ role: 'operator' })
      await operator.sends('/audit')
      await operator.sees('not allowed')
      await bot.settled()
      const shows = async (filter: string): Promise<string> => {
        await admin.sends(`/audit ${filter}`)
        return (await admin.sees(/page 1|on record/)).text
      }
      const all = await shows('')
      expect(all)
        .to.match(/✓ .* · Ada · users.block → user:\d+ \(<b>spam<\/b>\)/)
        .and.include('users.role')
      expect(await shows(String(admin.id)))
        .to.include('users.block')
        .and.not.include('auth.audit')
      expect(await shows('action=users.role'))
        .to.include('users.role')
        .and.not.include('block')
      expect(await shows(`target=user:${guest.id}`)).to.include('users.role')
      const refused = await shows('outcome=refused')
      expect(refused)
        .to.match(/✗ .* · Operator · auth\.audit \(refused, no permission\)/)
        .and.not.include('block')
      expect(await shows('outcome=failed')).to.include('Nothing of that')
      await shows('')
      await admin.presses('Refused and failed')
      await admin.sees(/^(?!.*users\.block).*auth\.audit/s)
    })

    it('is written down for good', async () => {
      await bot.owner.sends('/users block 55')
      await bot.owner.sees('is blocked')
      await bot.settled()
      for (const change of ["update audit_log set outcome = 'failed'", 'delete from audit_log']) {
        const failure = await bot.database.query(change).then(
          () => undefined,
          (error: unknown) => error,
        )
        expect(String(failure), change).to.include('append-only')
      }
      expect(await audit()).to.have.length(1)
    })

    it('reads no large table from end to end', async () => {
      await bot.database.query(
        `insert into bot_users (id, telegram_id, username, first_name, role, status, last_seen_at)
         select 'many' || i, 10000000 + i, 'u' || i, 'N' || i % 1000, (array['admin', 'operator', 'guest'])[i % 3 + 1],
           (array['active', 'active', 'pending', 'blocked'])[i % 4 + 1], now() from generate_series(1, 20000) i`,
      )
      await bot.database.query(
        `insert into audit_log (id, actor_id, action, target, outcome)
         select 'many' || i, i % 500, 'act.' || i % 50, 'user:' || i % 700, case when i % 50 = 7 then 'refused' else 'done' end
         from generate_series(1, 20000) i`,
      )
      await bot.database.query('analyze bot_users, audit_log')
      const plans = [
        ...[undefined, 'active', 'pending', 'blocked'].flatMap((status) =>
          [1, 50].flatMap((page) =>
            Object.values(listStatements({ page, status: status as UserStatus | undefined })).map(
              (sql) => ({ sql, values: [] as unknown[] }),
            ),
          ),
        ),
        findStatement('n12'),
        ...[
          {},
          { actor: 7 },
          { action: 'act.3' },
          { target: 'user:3' },
          { outcome: 'refused' as const },
          { outcome: 'other' as const },
        ].map((filter) => auditStatement({ ...filter, page: 3 })),
      ]
      for (const { sql, values } of plans) {
        let given = 0
        const text = `explain ${sql.replaceAll('?', () => literal(values[given++]))}`
        const rows = await bot.database.query<{ 'QUERY PLAN': string }>(text)
        const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
        expect(plan, `${sql}\n${plan}`).to.not.match(/Seq Scan on (bot_users|audit_log)/)
      }
      await bot.owner.sends('/users')
      await bot.owner.sees('People: 1000+, page 1 of 100')
      await bot.database.query('truncate bot_users, audit_log')
      await bot.database.query('analyze bot_users, audit_log')
    })

    it('shows nobody to groups', async () => {
      const group = bot.group({ members: [bot.owner] })
      await bot.owner.in(group).sends('/users')
      await bot.owner.in(group).sees('private chat')
    })
  })

  describe('requests for access', () => {
    const asks = async (): Promise<TestPerson> => {
      const stranger = bot.user({ firstName: 'Sam <b>\u202e' })
      await stranger.sends('/start')
      await stranger.presses('Request access')
      await stranger.sees('Your request was sent')
      return stranger
    }
    /** Somebody who was here before: the bot may write to them. */
    const known = async (role: string): Promise<TestPerson> => {
      const person = bot.user({ role })
      await person.sends('/nonsense')
      await person.sees()
      await bot.settled()
      return person
    }

    it('go to all who may decide; the first press does, and the others see it', async () => {
      const [admin, operator] = [await known('admin'), await known('operator')]
      await bot.owner.sends('/users')
      await bot.owner.sees('People')
      const stranger = await asks()
      for (const judge of [bot.owner, admin]) {
        const card = await judge.sees('asks for access')
        expect(card.text).to.include('Sam <b>').and.not.include('\u202e')
        expect(card.buttons).to.deep.equal([
          '✅ guest',
          '✅ operator',
          '✅ admin',
          'Refuse',
          '⛔ Block',
        ])
      }
      await operator.doesNotSee()
      await admin.presses('✅ admin')
      await admin.seesToast('below your own')
      const had = (role: string) =>
        bot.database.query('update bot_users set role = $2 where telegram_id = $1', [
          stranger.id,
          role,
        ])
      await had('admin')
      await admin.presses('Refuse')
      await admin.seesToast("isn't below yours")
      await had('guest')
      await Promise.all([admin.presses('✅ operator'), bot.owner.presses('⛔ Block')])
      const ends = [
        await admin.sees(/let them in|blocked them/),
        await bot.owner.sees(/let them in|blocked them/),
      ]
      expect(ends[0]?.text).to.equal(ends[1]?.text)
      const isIn = ends[0]?.text.includes('let them in')
      expect((await rowOf(stranger))?.status).to.equal(isIn ? 'active' : 'blocked')
      if (isIn) await stranger.sees('as operator')
      const decided = (await audit()).filter(
        ({ target, outcome }) => target === `user:${stranger.id}` && outcome === 'done',
      )
      expect(decided.map(({ action }) => action.replace(/card.*/, 'card'))).to.have.members([
        'requests.ask',
        isIn ? 'users.add' : 'users.block',
        'card',
      ])
    })

    it('can be refused, are heard again later, and end in a block', async () => {
      await bot.owner.sends('/users')
      await bot.owner.sees('People')
      const stranger = await asks()
      await bot.owner.sees('asks for access')
      await bot.owner.presses('Refuse')
      await stranger.sees('was refused')
      await bot.database.query(
        `update bot_users set metadata = jsonb_set(metadata, '{stranger,answeredAt}', '1') where telegram_id = $1`,
        [stranger.id],
      )
      await stranger.sends('/start')
      await stranger.presses('Request access')
      await stranger.seesToast('in 1 day')
      await bot.settled()
      await bot.database.query(
        `update bot_users set metadata = jsonb_set(metadata, '{request,at}', '1') where telegram_id = $1`,
        [stranger.id],
      )
      await stranger.presses('Request access')
      await stranger.sees('Your request was sent')
      await bot.owner.sees(/asks for access.*Refused 1 time before/s)
      await bot.owner.presses('⛔ Block')
      expect(await rowOf(stranger)).to.include({ status: 'blocked' })
      await stranger.sends('/start')
      await stranger.doesNotSee(/access to this bot/)
    })

    it('are withdrawn when somebody lets the person in otherwise', async () => {
      await bot.owner.sends('/users')
      await bot.owner.sees('People')
      const stranger = await asks()
      await bot.owner.sees('asks for access')
      await bot.owner.sends(`/users add ${stranger.id} guest`)
      await bot.owner.sees('is let in')
      await bot.clock.advance(61_000)
      await bot.owner.sees('Settled in another way')
    })
  })

  describe('access for a time', () => {
    const soon = async ({ id }: TestPerson, ms: number): Promise<void> => {
      await bot.settled()
      await bot.database.query('update bot_users set access_until = $2 where telegram_id = $1', [
        id,
        new Date(bot.clock.now() + ms).toISOString(),
      ])
    }

    it('is told of before it ends, and renewed by one press', async () => {
      const person = bot.user({ role: 'operator' })
      // Telegram's word is nothing that Intl knows; the person's own choice goes before it
      const other = bot.user({ role: 'operator', languageCode: 'zh-hans-raw' })
      const chosen = bot.user({ role: 'operator', languageCode: 'en' })
      await bot.settled()
      await bot.database.query(
        `update bot_users set chosen_language = 'ru' where telegram_id = $1`,
        [chosen.id],
      )
      await bot.owner.sends(`/users until ${person.id} 3d`)
      await bot.owner.sees('access ends on')
      for (const [one, ms] of [
        [other, 3_590_000],
        [chosen, 3_595_000],
      ] as const)
        await soon(one, ms)
      await soon(person, 3_600_000)
      await bot.clock.advance(61_000)
      await person.sees('Your access to this bot ends on')
      await other.sees('Your access to this bot ends on')
      await chosen.sees(/[а-я]{4}/)
      for (const one of [other, chosen]) {
        await bot.database.query(
          'update bot_users set access_until = null where telegram_id = $1',
          [one.id],
        )
      }
      await bot.owner.sees('Access ends on')
      await bot.clock.advance(61_000)
      await person.doesNotSee()
      await bot.owner.presses('Renew for 30 days')
      await bot.owner.sees('renewed it until')
      const [row] = await bot.database.query<{ days: number }>(
        `select round(extract(epoch from access_until - now()) / 86400)::int as days from bot_users where telegram_id = $1`,
        [person.id],
      )
      expect(row?.days).to.equal(30)
      await bot.owner.sends(`/users until ${person.id}`)
      await bot.owner.sees("doesn't end")
    })

    it('is left to end by those alone who might renew it', async () => {
      const [person, peer] = [bot.user({ role: 'admin' }), bot.user({ role: 'admin' })]
      for (const judge of [bot.owner, peer]) {
        await judge.sends('/users')
        await judge.sees('People')
      }
      await soon(person, 3_600_000)
      await bot.clock.advance(61_000)
      await peer.sees('Access ends on')
      await peer.presses('Let it end')
      await peer.seesToast("isn't below yours")
      await bot.owner.presses('Renew for 30 days')
      await bot.owner.sees('renewed it until')
    })

    it('ends at its time, with the very next update, and is on record', async () => {
      const person = bot.user({ role: 'operator' })
      await soon(person, 30_000)
      await person.sends('/users')
      await person.sees('not allowed')
      await bot.clock.advance(31_000)
      await person.sends('/users')
      await person.doesNotSee('not allowed')
      await bot.clock.advance(61_000)
      await person.sees('has ended')
      for (let i = 0; i < 7; i++) await person.sends('hello?')
      expect(await rowOf(person), 'nobody who had a role is blocked for trying').to.include({
        role: 'operator',
        status: 'pending',
      })
      expect(await audit()).to.deep.include({
        actor_id: null,
        action: 'users.expire',
        target: `user:${person.id}`,
        outcome: 'done',
        reason: null,
        before: { role: 'operator', status: 'active' },
        after: { role: 'operator', status: 'pending' },
      })
      await bot.owner.sends(`/users until ${person.id} 7d`)
      await bot.owner.sees('access ends on')
      await person.sends('/users')
      await person.sees('not allowed')
    })
  })

  describe('rights', () => {
    /** A role's or a person's rights were changed: who may, and what is said to those who may not. */
    const granted = async (command: string, answer: RegExp | string): Promise<string> => {
      await bot.owner.sends(command)
      return (await bot.owner.sees(answer)).text
    }

    it('are given and denied to people and roles, and hold from the next update on', async () => {
      const guest = bot.user({ role: 'guest' })
      const may = async (): Promise<boolean> => {
        await guest.sends('/users')
        return (await guest.sees(/People|not allowed/)).text.includes('People')
      }
      expect(await may()).to.equal(false)
      await granted(
        `/grants give ${guest.id} auth.users for=2m reason="on duty"`,
        /auth.users, until .*on duty/,
      )
      expect(await may()).to.equal(true)
      await granted(`/grants deny guest auth.*`, /− auth/)
      expect(await may(), "one's own counts first").to.equal(true)
      await bot.clock.advance(121_000)
      expect(await may(), 'it has ended').to.equal(false)
      await granted(`/grants give ${guest.id} auth.users@${guest.id}`, /in chat/)
      expect(await may()).to.equal(true)
      const all = await granted('/grants', '3 grants')
      expect(all).to.match(/\w{7} Guest.* \d+: /)
      const own = await granted(`/grants ${guest.id}`, '2 grants')
      expect(own).to.include('on duty').and.not.include('auth.*')
      await granted(
        `/grants take ${/(\w{7}) .*\d+: \+ auth.users, in chat/.exec(all)?.[1]}`,
        'taken back',
      )
      expect(await may()).to.equal(false)
      expect((await rowOf(guest))?.auth_epoch, 'as often as it was changed').to.equal(4)
      expect(
        (await audit())
          .filter(({ outcome }) => outcome === 'done')
          .map(({ action, target }) => `${action} ${target}`),
      ).to.deep.equal([
        `grants.allow user:${guest.id}`,
        'grants.deny role:guest',
        `grants.allow user:${guest.id}`,
        `grants.take user:${guest.id}`,
      ])
    })

    it('are given by those alone who hold them, and to those below them alone', async () => {
      await granted('/users', 'People')
      const admin = bot.user({ role: 'admin' })
      const other = bot.user({ role: 'admin' })
      const operator = bot.user({ role: 'operator' })
      for (const [wish, answer] of [
        [`give ${operator.id} auth.users`, 'auth.users'],
        [`give ${operator.id} auth.roles`, "auth.roles you don't"],
        [`give ${operator.id} auth.*`, 'owners alone grant'],
        [`give ${operator.id} auth.nonsense`, 'No live plugin declares'],
        [`give ${operator.id} nonsense`, 'neither a permission'],
        [`give ${other.id} auth.users`, 'below yours'],
        [`give admin auth.users`, 'below yours'],
        [`give ${admin.id} auth.users`, 'to yourself'],
        [`deny ${bot.owner.id} auth.users`, 'Owners may do everything'],
        ['give 123456 auth.users', 'on record'],
      ] as const) {
        await admin.sends(`/grants ${wish}`)
        await admin.sees(answer)
      }
      await operator.sends(`/grants give ${operator.id} auth.roles`)
      await operator.sees('not allowed')
      await granted(`/grants deny ${admin.id} auth.users@-100`, 'in chat -100')
      await admin.sends(`/grants give ${operator.id} auth.users`)
      await admin.sees("auth.users you don't")
    })

    it('come with roles of the team itself', async () => {
      const dba = bot.user({ role: 'guest' })
      await granted('/roles add DBA operator', 'Role dba is there')
      await bot.owner.sends(`/users show ${dba.id}`)
      await bot.owner.sees('Role: guest')
      for (const label of ['Role …', 'dba', 'Yes']) {
        await bot.owner.presses(label)
        await bot.settled()
      }
      await bot.owner.seesToast('is dba now')
      await bot.owner.sees('Role: dba')
      await granted('/grants give dba auth.users', 'auth.users')
      await dba.sends('/users')
      await dba.sees(/— dba,/)
      await dba.sends(`/users role ${dba.id} admin`)
      await dba.sees('your own role')
      await granted('/roles', /dba ← operator: 1 person/)
      await granted('/roles remove dba', 'has the role dba')
      await granted(`/users role ${dba.id} guest`, 'is guest now')
      await granted('/roles remove dba', 'is gone')
      expect(await granted('/grants', /Nothing/)).to.include('Nothing')
      await granted(`/users role ${dba.id} dba`, 'no role dba')
      for (const name of ['owner', 'admin', 'x', 'a b']) {
        await bot.owner.sends(`/roles add ${name} guest`)
        await bot.owner.sees(/already|no name|Usage/i)
      }
    })

    it('are explained: /why', async () => {
      const person = bot.user({ role: 'operator', firstName: 'Piotr' })
      const why = (command: string, who = String(person.id)) =>
        granted(`/why ${who} ${command}`, /may/)
      expect(await why('/users')).to.match(
        /may not use \/users\.\n.*auth\.users\.\n.*gives it to admin alone/,
      )
      await granted(`/grants give ${person.id} auth.users@-100/3`, 'in chat -100/3')
      expect(await why('users list')).to.include('In chat -100/3 they may.')
      await granted(`/grants give operator auth.users for=2d`, 'until')
      expect(await why('users list')).to.match(/\) may use .*\n.*\n.*to the role operator, until/)
      await bot.owner.sends(`/users block ${person.id}`)
      await bot.owner.sees('is blocked')
      expect(await why('users')).to.match(/may not use.*\n.*They are blocked/)
      expect(await why('users', String(bot.owner.id))).to.include('Owners hold every permission')
      await bot.owner.sends(`/why ${person.id} nonsense`)
      await bot.owner.sees('No plugin that I know of has a command')
      expect(await why('users', '987654')).to.match(/987654 \(stranger\) may not.*\n.*never wrote/)
    })

    it('are explained where they were asked for: in a chat, with what has ended, what is off, what asks first', async () => {
      const source = `import { definePlugin } from 'opsgram'
        export default definePlugin({ name: 'shy', version: '1.0.0',
          permissions: { 'shy.hide': { description: 'Hide', roles: ['operator'] } },
          commands: ({ command }) => ({ hide: command({ description: 'x', permission: 'shy.hide', chats: 'group',
            confirm: { preview: () => 'all', by: 'another' }, run: () => 'hidden' }) }) })`
      await bot.dropPlugin('shy', { 'index.ts': source })
      const person = bot.user({ role: 'guest', firstName: 'Gail' })
      const why = (command: string) => granted(`/why ${person.id} ${command}`, /may/)
      await granted(`/grants give ${person.id} shy.hide for=1h`, 'until')
      await granted(`/grants deny ${person.id} shy.hide@-200`, 'in chat -200')
      expect(await why('hide'))
        .to.match(/\) may use \/hide\.\n/)
        .and.include('In chat -200 they may not.')
        .and.include('Another one who may use it has to say yes')
        .and.include('in groups alone')
      expect(await why('hide@-200')).to.match(
        /may not use \/hide in chat -200\.\n.*\n.*denies them shy.hide/,
      )
      await bot.clock.advance(2 * 3_600_000)
      expect(await why('hide@-300/4')).to.match(
        /may not use \/hide in chat -300\/4\.(.|\n)*of shy\.hide ended on/,
      )
      expect(await granted(`/grants ${person.id}`, 'ended on')).to.include('shy.hide')
      const operator = bot.user({ role: 'operator' })
      const group = bot.group({ members: [operator] })
      await bot.database.query(
        `insert into chat_settings (chat_id, plugins_off) values ($1, '["shy"]')`,
        [group.id],
      )
      await operator.in(group).sends('/hide')
      await operator.in(group).sees('“shy” is switched off in this chat')
      expect(await granted(`/why ${operator.id} hide@${group.id}`, /may not/)).to.include(
        '“shy” is switched off in that chat',
      )
      await operator.sends('/hide')
      await operator.sees('in groups only')
      await bot.owner.sends('/plugins disable shy')
      await bot.owner.sees('shy')
      expect(await granted(`/why ${operator.id} hide`, /may/)).to.include(
        'But “shy” is switched off.',
      )
      await operator.sends('/hide')
      await operator.sees('/hide belongs to “shy”, which is switched off.')
      await person.sends('/hide')
      await person.sees('There is no command /hide')
      const stranger = bot.user()
      await stranger.sends('/hide')
      await stranger.sees(`your id ${stranger.id}`)
      await stranger.doesNotSee()
      await bot.removePlugin('shy')
      await operator.sends('/hide')
      await operator.sees('There is no command /hide')
    })

    it('are frozen by a lockdown, from the next update on, but for owners', async () => {
      const admin = bot.user({ role: 'admin' })
      await admin.sends('/users')
      await admin.sees('People')
      await admin.sends('/lockdown on')
      await admin.sees('not allowed')
      const open = `import { definePlugin } from 'opsgram'
        export default definePlugin({ name: 'open', version: '1.0.0', commands: ({ command }) => ({
          open: command({ description: 'x', audience: 'everyone', run: () => 'open to all' }) }) })`
      await bot.dropPlugin('open', { 'index.ts': open })
      const pending = bot.user()
      await pending.sends('hi')
      await pending.sees(String(pending.id))
      await pending.sends('/open')
      await pending.sees('open to all')
      await granted('/lockdown on a stolen phone', 'locked down')
      await admin.sends('/users')
      await admin.sees('locked down for now')
      await admin.sends('hello?')
      await admin.doesNotSee()
      await granted('/users', 'People')
      expect(await granted(`/why ${admin.id} users`, 'may not')).to.include('locked down')
      // who was never let in is no better off than who was
      for (const stranger of [bot.user(), pending]) {
        await stranger.sends('/open')
        await stranger.sends('hello?')
        await stranger.doesNotSee()
      }
      await granted('/lockdown', /locked down since .*, by Olga.*\. \/lockdown off/)
      await granted('/lockdown off', 'over')
      await granted('/lockdown', 'not locked down')
      await pending.sends('/open')
      await pending.sees('open to all')
      await bot.removePlugin('open')
      await admin.sends('/users')
      await admin.sees('People')
    })
  })

  it('keeps profiles up to date without disturbing anybody', async () => {
    const person = bot.user({ role: 'guest', firstName: 'Dan' })
    const saved = async (firstName: string): Promise<Profile> => {
      for (const end = performance.now() + 30_000; ; ) {
        const rows = await bot.database.query<Profile>(
          `select first_name, last_seen_at, version from bot_users
           where telegram_id = $1 and first_name = $2 and last_seen_at is not null`,
          [person.id, firstName],
        )
        if (rows[0] !== undefined) return rows[0]
        if (performance.now() > end) throw new Error(`no ${firstName} within 30 s`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    await person.sends('hi')
    const first = await saved('Dan')
    person.telegram.user.first_name = 'Daniel'
    await person.sends('hi')
    const second = await saved('Daniel')
    expect(second.last_seen_at, 'at most once a minute').to.equal(first.last_seen_at)
    expect(second.version, 'nobody who changes the person is disturbed').to.equal(1)
  })
})

describe('a bot whose auth plugin is not well', () => {
  let bot: TestBot

  beforeEach(async () => {
    bot = await createTestBot({ copies: ['./plugins/auth'] })
  })
  afterEach(() => bot.stop())

  it('keeps the old version when a broken one is saved', async () => {
    await bot.edit('auth', { 'roles.ts': 'export const roles = [' }).then(
      () => expect.fail('it loaded'),
      () => undefined,
    )
    await bot.owner.sends('/users')
    await bot.owner.sees('People')
    const stranger = bot.user()
    await stranger.sends('/users')
    await stranger.sees(String(stranger.id))
    await stranger.doesNotSee('People')
  })

  it('answers nobody when no live plugin lets anybody in', async () => {
    await bot.dropPlugin('ping', {
      'index.ts': `import { definePlugin } from 'opsgram'
        export default definePlugin({ name: 'ping', version: '1.0.0',
          commands: ({ command }) => ({ ping: command({ description: 'Check', run: () => 'pong' }) }) })`,
    })
    await bot.owner.sends('/ping')
    await bot.owner.sees('pong')
    const nothing = `import { definePlugin } from 'opsgram'
      export default definePlugin({ name: 'auth', version: '2.0.0' })`
    await bot.edit('auth', { 'index.ts': nothing })
    await bot.owner.sends('/ping')
    await bot.user().sends('hello')
    await bot.owner.doesNotSee()
    const gate = bot.log.filter(({ event }) => event === 'auth.gate-missing')
    expect(gate).to.have.length(1)
  })
})

describe('a flood of strangers', () => {
  it('causes a bounded number of writes, and keeps nobody else from the bot', async () => {
    await using bot = await createTestBot({ plugins: ['./plugins/auth'] })
    const began = performance.now()
    for (let i = 0; i < 300; i++) bot.user().telegram.sendText('hi')
    await bot.settled()
    const [row] = await bot.database.query<{ count: number }>(
      `select count(*)::int as count from bot_users where status = 'pending'`,
    )
    const seconds = Math.ceil((performance.now() - began) / 1000)
    expect(row?.count).to.be.within(200, 200 + 2 * seconds)
    expect(bot.log.filter(({ event }) => event === 'auth.strangers-flood')).to.have.length(1)
    await bot.owner.sends('/users')
    await bot.owner.sees(/page 1 of/)
  })
})
