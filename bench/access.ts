// What authorization adds to an update: who is it, and may they? 10,000 people in the gate's memory, 1,000 grants.
import path from 'node:path'
import type { EntityManager } from 'opsgram'
import { openDatabase } from '../core/database/connection.ts'
import { migrateCore } from '../core/database/migration/core.ts'
import { factsOf } from '../core/telegram/facts.ts'
import { ActorRights } from '../plugins/auth/gate/actor-rights.ts'
import { createAuthenticator } from '../plugins/auth/gate/authenticator.ts'
import { createAuthorizer } from '../plugins/auth/gate/authorizer.ts'
import type { Owners } from '../plugins/auth/gate/owners.ts'
import { PersonRows } from '../plugins/auth/gate/person-row.ts'
import type { Profiles } from '../plugins/auth/gate/profile.ts'
import type { Strangers } from '../plugins/auth/gate/strangers.ts'
import { freshFolder } from '../test/support/folders.ts'
import { sized } from './report/size.ts'
import { median, quantile } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import { quietLog } from './subject/pipeline.ts'

const people = sized({ small: 1_000, full: 10_000 })
const grants = 1_000
const updates = sized({ small: 5_000, full: 200_000 })

const log = quietLog()
const database = await openDatabase({ dir: path.join(freshFolder(), 'database'), log })
await migrateCore(database, 'auto', log)
// half of them of roles, so that every person is concerned by hundreds; before the people, each of whose rows a grant to
// their role would write: 1.7 million of them
await database.query(
  `insert into access_grants (id, role, person, permission, effect, chat_id, expires_at)
   select 'G' || i, case when i % 2 = 0 then (array['admin', 'operator', 'guest'])[i / 2 % 3 + 1] end,
     case when i % 2 = 1 then i end, 'plugin' || i % 40 || case when i % 10 = 0 then '.*' else '.do' || i % 7 end, 'allow',
     case when i % 5 = 0 then -i end, case when i % 3 = 0 then now() + interval '1 day' end
   from generate_series(1, ${grants}) i`,
)
await database.query(
  `insert into bot_users (id, telegram_id, first_name, role, status, last_seen_at)
   select 'person' || i, i, 'P' || i, (array['admin', 'operator', 'guest'])[i % 3 + 1], 'active', now() + interval '1 hour'
   from generate_series(1, ${people}) i`,
)

// what the gate asks of a unit of work is one statement with one value
const em = {
  execute: (sql: string, values: unknown[]) => database.query(sql.replace('?', '$1'), values),
}
const unit = () => em as unknown as EntityManager
const rows = new PersonRows({ em: unit, isOwner: () => false })
const rights = new ActorRights()
const now = () => Date.now()
const authenticator = createAuthenticator({
  em: unit,
  rows,
  rights,
  now,
  owners: { has: () => false } as unknown as Owners,
  strangers: {} as unknown as Strangers,
  profiles: { seen: () => false } as unknown as Profiles,
  texts: () => (key) => key,
})
const authorizer = createAuthorizer({ rows, rights, holders: async () => [], now })
const permission = { name: 'plugin3.do4', plugin: 'plugin3', description: '', roles: ['operator'] }

async function authorize(id: number): Promise<boolean> {
  const from = { id, is_bot: false, first_name: `P${id}` }
  const message = { message_id: 1, date: 1, from, chat: { id, type: 'private' }, text: '/x' }
  const update = { update_id: id, message }
  const facts = factsOf(update)
  const began = performance.now()
  const decision = await authenticator.authenticate(facts, {
    open: false,
    epoch: epochs.get(id) ?? '',
  })
  if (!decision.admitted) throw new Error(`${id} is not let in`)
  const may = await authorizer.permissionsOf(decision.actor, { chatId: id })
  const allowed = may(permission)
  took.push((performance.now() - began) * 1_000)
  return allowed
}

const epochs = new Map(
  (
    await database.query<{ telegram_id: number; epoch: string }>(
      `select telegram_id, id || ':' || auth_epoch as epoch from bot_users`,
    )
  ).map(({ telegram_id, epoch }) => [Number(telegram_id), epoch]),
)
let took: number[] = []
for (let id = 1; id <= people; id++) await authorize(id)
const first = took
took = []
let allowed = 0
for (let i = 0; i < updates; i++) if (await authorize(1 + ((i * 7_919) % people))) allowed++
if (allowed === 0 || allowed === updates) throw new Error('Everybody got the same answer')

console.log(
  `\nµs an update: who it is and whether they may, with ${people} people and ${grants} grants.`,
)
printTable(
  ['authorization', 'median', '99 %'],
  [
    ['person in memory', median(took).toFixed(1), quantile(took, 0.99).toFixed(1)],
    ['person read', median(first).toFixed(0), quantile(first, 0.99).toFixed(0)],
  ],
)
await database.close()
process.exit()
