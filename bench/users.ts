// Screens of administrators: how long one takes, from what was written to the call that answers, with very many people and
// a long audit log. On the embedded database, or on PostgreSQL with TEST_DATABASE_URL.
import { createTestBot, type TestBot } from '../core/testing/index.ts'
import { sized } from './report/size.ts'
import { quantile } from './report/statistics.ts'
import { printTable } from './report/table.ts'

const people = sized({ small: 10_000, full: 100_000 })
const acts = sized({ small: 20_000, full: 1_000_000 })
const times = sized({ small: 10, full: 50 })
/** Rows in one INSERT. */
const share = 50_000

const screens: readonly (readonly [text: string, shows: string])[] = [
  ['/whoami', '≈ nothing is read'],
  ['/users', 'first page'],
  ['/users list blocked', 'first page of those blocked'],
  ['/users list active 100', 'the last page that is offered'],
  ['/users find n12', 'search that finds very many'],
  ['/users find u77777', 'search that finds a few'],
  ['/users show 10000008', 'card'],
  ['/roles', 'how many have which role'],
  ['/audit', 'first page'],
  ['/audit action=act.3', 'of one action'],
  ['/audit target=user:3', 'about one person'],
  ['/audit 10000003', 'by one person'],
  ['/audit outcome=refused', 'what was refused'],
]

await using bot = await createTestBot({ plugins: ['plugins/start', 'plugins/logging'] })
await fill(bot)
const rows = []
for (const [text, shows] of screens) rows.push(await measured(text, shows))
const where = process.env.TEST_DATABASE_URL ? 'PostgreSQL' : 'the embedded database'
console.log(
  `\n${people} people, ${acts} rows of audit, on ${where}: ms from the message to the answer, ${times} times.`,
)
printTable(['screen', '', 'first', 'median', '95 %', 'most'], rows)

async function fill({ database }: TestBot): Promise<void> {
  await inShares(people, (from, to) =>
    database.query(
      `insert into bot_users (id, telegram_id, username, first_name, last_name, role, status, last_seen_at, created_at)
       select 'many' || i, 10000000 + i, 'u' || i, 'N' || i % 5000, 'L' || i % 7000,
         case when i % 500 = 0 then 'admin' when i % 40 = 0 then 'operator' else 'guest' end,
         (array['active', 'active', 'active', 'pending', 'blocked'])[i % 5 + 1],
         now() - i % 90 * interval '1 day', now() - i % 900 * interval '1 day' from generate_series($1::int, $2::int) i`,
      [from, to],
    ),
  )
  await inShares(acts, (from, to) =>
    database.query(
      `insert into audit_log (id, actor_id, actor_name, plugin, action, target, outcome, created_at)
       select 'many' || i, 10000000 + i % 500, 'N' || i % 500, 'auth', 'act.' || i % 50, 'user:' || i % 700,
         case when i % 50 = 7 then 'refused' else 'done' end, now() - i * 90.0 / $3 * interval '1 day'
       from generate_series($1::int, $2::int) i`,
      [from, to, acts],
    ),
  )
  // as autovacuum does by and by
  for (const table of ['bot_users', 'audit_log']) await database.query(`vacuum analyze ${table}`)
}

async function inShares(
  count: number,
  insert: (from: number, to: number) => Promise<unknown>,
): Promise<void> {
  for (let from = 1; from <= count; from += share) {
    await insert(from, Math.min(count, from + share - 1))
  }
}

async function measured(text: string, shows: string): Promise<string[]> {
  const { owner } = bot
  const took: number[] = []
  for (let i = 0; i <= times; i++) {
    const began = performance.now()
    await owner.sends(text)
    await owner.sees(/./)
    took.push(performance.now() - began)
    await bot.settled()
  }
  const [first = 0, ...rest] = took
  const figures = [first, quantile(rest, 0.5), quantile(rest, 0.95), Math.max(...rest)]
  return [text, shows, ...figures.map((ms) => ms.toFixed(1))]
}
