import type { IncomingUpdate } from './facts.ts'

/** A group that became a supergroup: Telegram gave it another id. */
export interface ChatMove {
  readonly from: number
  readonly to: number
}

/**
 * What the core keeps under the id of a chat. Left as they were written: `audit_log`, reports of errors and message logs,
 * which tell what happened where, and updates that came from the old chat. Jobs that wait are moved by their queue.
 */
const chatColumns: readonly {
  readonly table: string
  readonly column: string
  /** Of what is still to come of. */
  readonly only?: string
}[] = [
  { table: 'button_payloads', column: 'chat' },
  { table: 'outbox', column: 'chat_id', only: `state = 'waiting'` },
  { table: 'user_sessions', column: 'chat_id' },
  { table: 'session_states', column: 'chat_id' },
  { table: 'access_grants', column: 'chat_id' },
  { table: 'confirmations', column: 'chat_id', only: `state = 'open'` },
  { table: 'chat_settings', column: 'chat_id' },
]

/** The same, as `table.column`. */
export const movedColumns: readonly string[] = chatColumns.map(
  ({ table, column }) => `${table}.${column}`,
)

/**
 * The move that an update tells of. Telegram tells twice: in the old chat where it went, in the new one where it came
 * from (Bot API, Message); whichever comes first does the work, the other finds nothing to do.
 */
export function chatMoveOf(update: IncomingUpdate): ChatMove | undefined {
  const message = 'message' in update ? update.message : undefined
  if (typeof message !== 'object' || message === null || !('chat' in message)) return undefined
  const { chat } = message
  const here = typeof chat === 'object' && chat !== null && 'id' in chat ? chat.id : undefined
  const to = 'migrate_to_chat_id' in message ? message.migrate_to_chat_id : undefined
  const from = 'migrate_from_chat_id' in message ? message.migrate_from_chat_id : undefined
  return moveBetween(here, to) ?? moveBetween(from, here)
}

/** Both ids, if they are ids of two chats. */
export function moveBetween(from: unknown, to: unknown): ChatMove | undefined {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from === to) return undefined
  // just checked: safe integers
  return { from: from as number, to: to as number }
}

/** Gives all that the core keeps of the chat its new id: to be run in one transaction. */
export async function moveChat(
  execute: (sql: string) => Promise<unknown>,
  { from, to }: ChatMove,
): Promise<void> {
  // the dialog that was begun there meanwhile is the one that is talked about
  await execute(`delete from user_sessions old using user_sessions new
    where old.chat_id = ${from} and new.chat_id = ${to} and old.user_id = new.user_id`)
  await execute(`delete from chat_settings old using chat_settings new
    where old.chat_id = ${from} and new.chat_id = ${to}`)
  await execute(`delete from session_states old using session_states new
    where old.chat_id = ${from} and new.chat_id = ${to} and old.user_id = new.user_id
      and old.plugin = new.plugin`)
  // The ids stand in the text, as the two ways of running it write parameters differently; they are integers.
  for (const { table, column, only } of chatColumns) {
    const which = only === undefined ? '' : ` and ${only}`
    await execute(`update ${table} set ${column} = ${to} where ${column} = ${from}${which}`)
  }
  await execute(`delete from dead_targets where chat_id = ${from}`)
}
