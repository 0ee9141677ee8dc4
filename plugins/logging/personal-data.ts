import type { DataSubject, EntityManager } from 'opsgram'

/** A file is for reading: the newest of them. */
const most = 10_000

/** What a person wrote, what they were answered, and what was said in their chat with the bot. */
const theirs: readonly { readonly where: string; readonly of: 'id' | 'telegramId' }[] = [
  { where: 'user_id = ?', of: 'id' },
  { where: 'chat_id = ?', of: 'telegramId' },
  // of people whom nobody had let in
  {
    where: `user_id is null and direction = 'in' and metadata->>'from' = ?::text`,
    of: 'telegramId',
  },
]

export function exportMessages(em: EntityManager, subject: DataSubject): Promise<unknown> {
  const parts = theirs.map(
    ({ where }) =>
      `(select id, created_at, direction, chat_id, kind, text, metadata, plugin, command, outcome from message_logs
        where ${where} order by created_at desc limit ${most})`,
  )
  return em.execute(
    `${parts.join(' union ')} order by created_at desc limit ${most}`,
    theirs.map(({ of }) => subject[of]),
  )
}

/** @returns how many rows went */
export async function eraseMessages(em: EntityManager, subject: DataSubject): Promise<number> {
  let rows = 0
  for (const { where, of } of theirs) {
    const gone = await em.execute<{ rows: number }[]>(
      `with gone as (delete from message_logs where ${where} returning 1)
       select count(*)::int as rows from gone`,
      [subject[of]],
    )
    rows += gone[0]?.rows ?? 0
  }
  return rows
}
