import type { DataSubject, EntityManager } from 'opsgram'

const most = 10_000

/** What happened to a person in chats, what they did there, and where they brought the bot. */
export async function exportOf(em: EntityManager, { telegramId }: DataSubject): Promise<unknown> {
  return {
    happened: await em.execute(
      `select at, chat_id, kind, person_name, by_name from groups_events where person = ? order by at desc limit ${most}`,
      [telegramId],
    ),
    did: await em.execute(
      `select at, chat_id, kind, person_name from groups_events where by_id = ? order by at desc limit ${most}`,
      [telegramId],
    ),
    added: await em.execute(
      `select chat_id, title, added_at from groups_chats where added_by = ? limit ${most}`,
      [telegramId],
    ),
  }
}

/** What happened to them goes; what they did stays, done by nobody. @returns how many rows that were */
export async function eraseOf(em: EntityManager, { telegramId }: DataSubject): Promise<number> {
  const statements = [
    'delete from groups_events where person = ?',
    'update groups_events set by_id = null, by_name = null where by_id = ?',
    'update groups_chats set added_by = null, added_by_name = null, version = version + 1 where added_by = ?',
    'update groups_chats set approved_by = null, approved_by_name = null, version = version + 1 where approved_by = ?',
  ]
  let rows = 0
  for (const sql of statements) {
    rows += (await em.execute<unknown[]>(`${sql} returning 1`, [telegramId])).length
  }
  return rows
}
