import { inboxState } from '../../database/entities/inbox-row.ts'
import type { EntityManager } from '../../database/orm.ts'
import type { DataSubject } from '../manifest/personal-data.ts'

/** A file is for reading: more than so many rows of one sort are not in it. */
const most = 10_000

const exported: Readonly<Record<string, string>> = {
  dialogs:
    'select chat_id, plugin, name, step, context, updated_at from user_sessions where user_id = ?',
  remembered: 'select chat_id, plugin, state, updated_at from session_states where user_id = ?',
  questions: `select plugin, path, arguments, state, created_at from confirmations where requester = ?`,
  waitingMessages: `select created_at, content from outbox where state = 'waiting' and chat_id = ?`,
  errors: 'select at, error_id, code, what from error_reports where user_id = ? order by at desc',
  done: `select created_at, plugin, action, target, chat_id, outcome, reason from audit_log where actor_id = ?
    order by created_at desc`,
}

/** What the core itself keeps about a person. */
export async function exportOfCore(
  em: EntityManager,
  { telegramId, id }: DataSubject,
): Promise<Record<string, unknown>> {
  const [person] = await em.execute<Record<string, unknown>[]>(
    `select telegram_id, username, first_name, last_name, language, chosen_language, time_zone, role, status, metadata,
       access_until, last_seen_at, created_at, blocked_reason, blocked_at
     from bot_users where id = ?`,
    [id],
  )
  const found: Record<string, unknown> = { person }
  for (const [name, sql] of Object.entries(exported)) {
    found[name] = await em.execute(`${sql} limit ${most}`, [telegramId])
  }
  found.doneToThem = await em.execute(
    `select created_at, plugin, action, outcome, reason, before, after from audit_log where target = ?
     order by created_at desc limit ${most}`,
    [`user:${telegramId}`],
  )
  return found
}

/** In this order; each with the Telegram id as its values. `audit_log` stays: it is only ever added to. */
const erasures: readonly string[] = [
  'delete from user_sessions where user_id = ?',
  'delete from session_states where user_id = ?',
  'delete from button_payloads where presser = ?',
  'delete from confirmations where requester = ?',
  `update outbox set state = 'dropped', content = null, settled_at = now() where state = 'waiting' and chat_id = ?`,
  `update outbox set state = 'dropped', content = null
   where state in ('unsure', 'failed') and state <> 'waiting' and chat_id = ?`,
  // what failed stays on record, without who ran into it and what they may have written
  `update error_reports set user_id = null, chat_id = null, message = '' where user_id = ?`,
  'delete from cards where subject = ?::text',
  'delete from dead_targets where chat_id = ?',
  // there are few, and each may hold what the person wrote
  `update inbox set state = ${inboxState.done}, payload = null, error = null
   where state = ${inboxState.dead} and payload ~ ('"id": *' || ?::text || '[,}]')`,
]

/**
 * Erases what the core keeps about a person, last of all their row: it is deleted if nothing refers to it. Else it is
 * made nobody's, with an id that Telegram never issues. Of who was blocked the id and the block stay: who may not come in
 * doesn't come in by being forgotten.
 *
 * @returns how many rows were deleted or changed
 */
export async function eraseInCore(
  em: EntityManager,
  { telegramId, id }: DataSubject,
): Promise<number> {
  let rows = 0
  for (const sql of erasures) {
    rows += (await em.execute<unknown[]>(`${sql} returning 1`, [telegramId])).length
  }
  const [row] = await em.execute<{ status: string }[]>(
    'select status from bot_users where id = ? for update',
    [id],
  )
  if (row === undefined) return rows
  const isBlocked = row.status === 'blocked'
  if (!isBlocked && !(await isReferredTo(em, id))) {
    await em.execute('delete from bot_users where id = ?', [id])
    return rows + 1
  }
  await em.execute(
    `update bot_users set username = null, first_name = null, last_name = null, language = null,
       chosen_language = null, time_zone = null, role = 'guest', metadata = '{}', access_until = null,
       last_seen_at = null, blocked_reason = null, version = version + 1${isBlocked ? '' : nobody}
     where id = ?`,
    [id],
  )
  return rows + 1
}

const nobody = `, status = 'pending', telegram_id = (select least(min(telegram_id), 0) - 1 from bot_users)`

/** Whether any table's foreign key leads to the row: also those of plugins that are not live. */
async function isReferredTo(em: EntityManager, id: string): Promise<boolean> {
  const keys = await em.execute<{ table: string; column: string }[]>(
    `select c.conrelid::regclass::text as "table", quote_ident(a.attname) as "column"
     from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
     where c.contype = 'f' and c.confrelid = 'bot_users'::regclass and c.confdeltype in ('a', 'r')`,
  )
  for (const { table, column } of keys) {
    const found = await em.execute<unknown[]>(
      `select 1 from ${table} where ${column} = ? limit 1`,
      [id],
    )
    if (found.length > 0) return true
  }
  return false
}
