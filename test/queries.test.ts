import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import pg from 'pg'
import { prune } from '../core/database/prune.ts'
import { JobQueue } from '../core/job/queue.ts'
import { OutboxRows } from '../core/outbox/rows.ts'
import { moveChat } from '../core/telegram/chat-move.ts'
import { ConfirmationRows } from '../core/update/confirmation/rows.ts'
import { InboxRows } from '../core/update/inbox/rows.ts'
import { testKind } from './support/database.ts'
import { silentLog } from './support/log.ts'

/** So many rows has each table that grows with use. QUERY_ROWS=1000000 TEST_FILE_MS=3600000 takes some ten minutes. */
const rows = Number(process.env.QUERY_ROWS || 100_000)
const atOnce = 100_000

/** Tables that grow with people and time; all others have as many rows as there are plugins, roles, open cards. */
const tables: Readonly<Record<string, string>> = {
  bot_users: `insert into bot_users (id, telegram_id, username, first_name, last_name, role, status, last_seen_at, created_at)
    select 'many' || i, 10000000 + i, 'u' || i, 'N' || i % 5000, 'L' || i % 7000,
      case when i % 500 = 0 then 'admin' when i % 40 = 0 then 'operator' else 'guest' end,
      (array['active', 'active', 'active', 'pending', 'blocked'])[i % 5 + 1],
      now() - i % 90 * interval '1 day', now() - i % 900 * interval '1 day' from generate_series(1, $) i`,
  message_logs: `insert into message_logs (direction, chat_id, user_id, kind, text, metadata, outcome, plugin, created_at)
    select (array['in', 'out'])[i % 2 + 1], -(i % 300), case when i % 3 > 0 then 'many' || 1 + i % 5000 end, 'message', 'text ' || i,
      jsonb_build_object('from', 10000000 + i % 5000), 'done', 'worklog', now() - i * 90.0 / $ * interval '1 day'
    from generate_series(1, $) i`,
  audit_log: `insert into audit_log (id, actor_id, action, target, outcome, created_at)
    select 'many' || i, 10000000 + i % 500, 'act.' || i % 50, 'user:' || i % 700,
      case when i % 50 = 7 then 'refused' else 'done' end, now() - i * 90.0 / $ * interval '1 day'
    from generate_series(1, $) i`,
  api_logs: `insert into api_logs (created_at, plugin, service, method, url, status, ms, attempt)
    select now() - i * 90.0 / $ * interval '1 day', 'plugin' || i % 9, 'service' || i % 20, 'GET', 'https://x.test', 200, i % 900, 1
    from generate_series(1, $) i`,
  worklog_entries: `insert into worklog_entries (id, author_id, text, minutes, worked_at, chat_id)
    select 'many' || i, 'many' || 1 + i % 900, 'work ' || i, 30, now() - i * 900.0 / $ * interval '1 day', -(i % 300)
    from generate_series(1, $) i`,
  user_sessions: `insert into user_sessions (chat_id, user_id, plugin, name, step, version, revision, context, expires_at)
    select 10000000 + i, 10000000 + i, 'worklog', 'add', 'what', 1, 'r', '{"answers":{},"path":[],"choices":[]}',
      now() + i * 25.0 / $ * interval '1 hour' - interval '24 hours' from generate_series(1, $) i`,
  inbox: `insert into inbox (bot_id, update_id, part, lane, state, payload, error_id, done_at)
    select 1, -i, i % 64, 'chat:' || i % 5000, case when i % 1000 = 0 then 2 else 1 end, case when i % 1000 = 0 then '{"update_id":1}' end,
      case when i % 1000 = 0 then 'E-' || i end, now() - i * 48.0 / $ * interval '1 hour' from generate_series(1, $) i`,
  outbox: `insert into outbox (kind, chat_id, lane, if_unsure, state, expires_at, settled_at, next_at)
    select 'message', 10000000 + i % 5000, 'bulk', 'repeat', case when i % 1000 = 0 then 'failed' else 'sent' end, now(),
      now() - i * 48.0 / $ * interval '1 hour', now() from generate_series(1, $) i`,
  button_payloads: `insert into button_payloads (id, plugin, action, presser, chat, expires_at)
    select 'many' || i, 'worklog', 'undo', 10000000 + i % 5000, -(i % 300), now() + i * 30.0 / $ * interval '1 day' from generate_series(1, $) i`,
  groups_events: `insert into groups_events (update_id, nth, chat_id, kind, person, person_name, reported, at)
    select -i, 0, -(i % 300), 'join', 10000000 + i % 5000, 'N', true, now() - i * 90.0 / $ * interval '1 day' from generate_series(1, $) i`,
  groups_activity: `insert into groups_activity (chat_id, day, messages)
    select -(i % 3000), now()::date - (i / 3000), 5 from generate_series(1, $) i`,
  api_tokens: `insert into api_tokens (id, person, name, hash, expires_at)
    select 'many' || i, 10000000 + i, 'n', 'h', now() from generate_series(1, $) i`,
  // done, but for one in a thousand that died, and as many that wait
  'pgboss.job_common': `insert into pgboss.job (name, data, state, group_id, created_on, completed_on, output, deletion_seconds)
    select 'opsgram', jsonb_build_object('plugin', 'plugin' || i % 9, 'job', 'work', 'data', '{}'::jsonb),
      (case i % 1000 when 0 then 'failed' when 1 then 'created' else 'completed' end)::pgboss.job_state, 'plugin' || i % 9 || '.work',
      now() - i * 24.0 / $ * interval '1 hour', case when i % 1000 <> 1 then now() - i * 24.0 / $ * interval '1 hour' end,
      case when i % 1000 = 0 then jsonb_build_object('errorId', 'E-' || i, 'code', 'X', 'message', 'm') end, 86400
    from generate_series(1, $) i`,
  session_states: `insert into session_states (chat_id, user_id, plugin, version, revision, state, expires_at)
    select -(i % 300), 10000000 + i, 'worklog', 1, 'r', '{}', now() + i * 30.0 / $ * interval '1 day' from generate_series(1, $) i`,
  error_reports: `insert into error_reports (at, error_id, event, plugin, what, user_id, chat_id, code, message, stack, fingerprint, instance)
    select now() - i * 90.0 / $ * interval '1 day', 'E-' || i, 'update.failed', 'worklog', 'log', 10000000 + i % 5000, -(i % 300),
      'Error', 'm', '', 'f' || i % 5000, 'x' from generate_series(1, $) i`,
  hook_deliveries: `insert into hook_deliveries (plugin, hook, key, received_at)
    select 'worklog', 'h', 'k' || i, now() - i * 48.0 / $ * interval '1 hour' from generate_series(1, $) i`,
  performance_timings: `insert into performance_timings (at, kind, name, count, failed, total_ms, max_ms, buckets)
    select now() - i * 7.0 / $ * interval '1 day', 'handler', 'n' || i % 50, 1, 0, 1, 1, '[]' from generate_series(1, $) i`,
  confirmations: `insert into confirmations (id, plugin, path, arguments, hash, update, by, requester, requester_name, chat_id, state, decided_at, expires_at)
    select 'many' || i, 'worklog', 'purge', '', 'h', '{}', 'self', 10000000 + i % 5000, 'N', -(i % 300), 'confirmed', now(), now()
    from generate_series(1, $) i`,
}

/** What an administrator looks at: each is asked for as people do. */
const screens: readonly string[] = [
  '/start',
  '/help',
  '/whoami',
  '/users',
  '/users list active 30',
  '/users list blocked 2',
  '/users find n12',
  '/users show 10000005',
  '/users show @u77',
  '/audit',
  '/audit @u5',
  '/audit action=act.3',
  '/audit outcome=refused',
  '/audit target=user:3',
  '/grants',
  '/grants @u5',
  '/roles',
  '/why @u5 log',
  '/token list @u5',
  '/outbox',
  '/broadcast hello',
  '/dead',
  '/dead show E-1000',
  '/jobs',
  '/jobs show E-1000',
  '/api',
  '/plugins',
  '/plugins show auth',
  '/plugins history auth',
  '/groups',
  '/worklog list',
  '/worklog list month',
  '/worklog list 30 N12',
  '/language',
  '/timezone',
  '/loglevel',
  '/error',
  '/error E-1000',
  '/status',
  '/slow',
  '/mydata 10000007',
  '/forget 10000006',
  'Yes, do it',
  '/users show 10000010',
  'End dialogs',
  'Yes',
]

interface Asked {
  readonly by: string
  readonly text: string
  readonly values: readonly unknown[]
}

/** A node of a plan, as EXPLAIN (format json) tells it. */
interface Plan {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly Plans?: readonly Plan[]
}

const scans = (plan: Plan): readonly string[] => [
  ...(plan['Node Type'] === 'Seq Scan' ? [plan['Relation Name'] ?? '?'] : []),
  ...(plan.Plans ?? []).flatMap(scans),
]

describe('queries of screens and cleaners', function () {
  this.timeout(Math.max(600_000, rows * 6))
  let bot: TestBot
  let queue: JobQueue
  let by = ''
  const asked = new Map<string, Asked>()
  const query = pg.Client.prototype.query

  before(async function () {
    // the plans of the embedded database are the same server's
    if (testKind !== 'postgres') return this.skip()
    bot = await createTestBot({
      plugins: [
        'api',
        'dead',
        'groups',
        'jobs',
        'logging',
        'logs',
        'outbox',
        'performance',
        'plugins',
        'preferences',
        'start',
        'worklog',
      ].map((name) => `plugins/${name}`),
      env: Object.fromEntries(
        [
          'LOGGING_RETENTION_DAYS',
          'LOGS_RETENTION_DAYS',
          'GROUPS_RETENTION_DAYS',
          'API_RETENTION_DAYS',
          'AUTH_AUDIT_DAYS',
          'AUTH_STRANGER_DAYS',
        ].map((name) => [name, '89']),
      ),
    })
    // pg-boss makes its tables when the first plugin has a job
    queue = new JobQueue({
      database: bot.database,
      log: silentLog,
      migrations: 'auto',
      now: undefined,
      instance: 'nobody',
    })
    await queue.open()
    for (const [table, fill] of Object.entries(tables)) {
      // in parts: a statement has a limit of time
      for (let from = 1; from <= rows; from += atOnce) {
        const part = `generate_series(${from}, ${Math.min(rows, from + atOnce - 1)})`
        await bot.database.query(
          fill.replace('generate_series(1, $)', part).replaceAll('$', String(rows)),
        )
      }
      // as autovacuum does, by and by: whether an index alone will do is told by what it leaves
      await bot.database.query(`vacuum analyze ${table}`)
    }
    // every statement of this process, whoever sends it
    Object.defineProperty(pg.Client.prototype, 'query', {
      value(this: pg.Client, ...args: unknown[]) {
        const [first, second] = args
        const given = typeof first === 'object' && first !== null ? first : { text: first }
        const text = String(Reflect.get(given, 'text') ?? '')
        const values: unknown = Reflect.get(given, 'values') ?? second
        if (by !== '' && /^\s*(with|select|insert|update|delete)\b/i.test(text)) {
          const known = asked.get(text)
          if (known === undefined)
            asked.set(text, { by, text, values: Array.isArray(values) ? values : [] })
        }
        return Reflect.apply(query, this, args)
      },
      configurable: true,
      writable: true,
    })
  })
  after(async () => {
    Object.defineProperty(pg.Client.prototype, 'query', {
      value: query,
      configurable: true,
      writable: true,
    })
    await queue?.close()
    await bot?.stop()
  })

  const asks = async (screens: readonly string[]) => {
    for (const screen of screens) {
      by = screen
      if (screen.startsWith('/')) await bot.owner.sends(screen)
      else await bot.owner.presses(screen)
      await bot.settled()
    }
  }

  /** Explains what was asked since the last time. @returns what of it reads a large table from end to end */
  const found = async (): Promise<string[]> => {
    by = ''
    const large = new Set(Object.keys(tables).map((name) => name.replace('pgboss.', '')))
    const all: string[] = []
    for (const { by, text, values } of asked.values()) {
      const [row] = await bot.database.query<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>(
        `explain (format json) ${text}`,
        values,
      )
      const read = scans(row!['QUERY PLAN'][0]!.Plan).filter((table) => large.has(table))
      if (read.length > 0) all.push(`${by} reads all of ${read.join(', ')}:\n${text}`)
    }
    return all
  }

  it('read no large table from end to end', async () => {
    await asks(screens)
    for (const page of ['/readyz', '/metrics']) {
      by = page
      expect((await fetch(`${bot.url}${page}`)).status).to.equal(200)
    }
    by = 'a move of a chat'
    const move = { from: -7, to: -1_000_000_000_007 }
    await bot.database.transaction(async (sql) => {
      await moveChat((text) => sql.query(text), move)
      await queue.moveChat(sql, move)
    })
    by = 'cleaners of plugins'
    // the last of them come ten minutes after the start
    await bot.clock.advance(11 * 60_000)
    await bot.settled()
    by = 'cleaners of the core'
    const { database } = bot
    const inbox = new InboxRows({ sql: database, botId: 1, owner: undefined })
    const old = new Date(Date.now() - 47 * 3_600_000)
    await inbox.clean({ done: old, dead: old })
    await new OutboxRows({ sql: database, owner: 'nobody' }).clean({ done: old, putAside: old })
    const before = new Date(Date.now() - 23 * 3_600_000)
    await prune(database, { table: 'user_sessions', column: 'expires_at', before })
    for (const table of ['button_payloads', 'session_states']) {
      await prune(database, { table, column: 'expires_at', before: new Date() })
    }
    await new ConfirmationRows(database).waitingInVain(new Date())
    await new ConfirmationRows(database).expire(database, new Date())
    await queue.prune()
    await queue.lost()
    await queue.nextDue([{ plugin: 'plugin1', job: 'work', most: 8 }])
    await queue.claim([{ plugin: 'plugin1', job: 'work', most: 8 }], 64)
    await inbox.backlog(10_000)
    await inbox.openIn([1, 2, 3])
    const slow = await found()
    // a recorder that heard nothing would find nothing
    expect(asked.size).to.be.greaterThan(60)
    if (slow.length > 0) expect.fail(slow.join('\n\n'))
  })

  it('of a lockdown read all dialogs, which they end, and nothing else', async function () {
    // all active people are written to in one transaction: a million take longer than anybody waits here
    if (rows > 100_000) this.skip()
    const known = new Set(asked.keys())
    await asks(['/lockdown on a drill', '/lockdown off'])
    for (const text of known) asked.delete(text)
    const slow = await found()
    expect(slow).to.have.length(1)
    expect(slow[0]).to.contain('delete from user_sessions where user_id not in')
  })
})
