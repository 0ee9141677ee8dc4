import type { Queries } from '../../database/connection.ts'
import type { Waiting } from '../../plugin/offered/overview.ts'

/** It is counted at most so often, ms, however many look. */
const countEveryMs = 5_000

/** Counts what waits in tables, for all who ask within some seconds once. */
export function waitingIn(database: Queries): () => Promise<Waiting> {
  return atMostEvery(countEveryMs, () => count(database))
}

async function count(database: Queries): Promise<Waiting> {
  const [row] = await database.query<Record<'updates' | 'dead' | 'dialogs', number>>(
    `select (select count(*) from inbox where state = 0)::int as updates,
            (select count(*) from inbox where state = 2 and error_id is not null)::int as dead,
            (select count(*) from user_sessions where expires_at > now())::int as dialogs`,
  )
  const states = await database.query<{ state: 'waiting' | 'unsure' | 'failed'; count: number }>(
    `select state, count(*)::int as count from outbox
      where state = 'waiting' or state in ('unsure', 'failed') group by state`,
  )
  const messages = { waiting: 0, unsure: 0, failed: 0 }
  for (const { state, count } of states) messages[state] = count
  return { updates: row?.updates ?? 0, dead: row?.dead ?? 0, dialogs: row?.dialogs ?? 0, messages }
}

/** Reads once for all who ask within so many ms. */
export function atMostEvery<T>(ms: number, read: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly value: Promise<T> } | undefined
  return () => {
    if (last === undefined || performance.now() - last.at > ms) {
      last = { at: performance.now(), value: read() }
    }
    return last.value
  }
}
