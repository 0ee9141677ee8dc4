import type { Database } from '../../database/connection.ts'
import type { JobQueue } from '../../job/queue.ts'
import type { Logger } from '../../log/logger.ts'
import type { ChatSettingsCache } from '../../plugin/chats/settings.ts'
import type { UpdateRun } from '../../plugin/run/run.ts'
import { chatMoveOf, moveBetween, moveChat } from '../../telegram/chat-move.ts'
import type { Gateway } from '../../telegram/gateway.ts'
import type { DeadTargets } from '../../telegram/outgoing/targets.ts'

export interface ChatsOptions {
  database: Database
  gateway: Gateway
  targets: DeadTargets
  queue: Pick<JobQueue, 'moveChat'>
  /** What was decided for chats goes with them. */
  settings: Pick<ChatSettingsCache, 'refresh'>
  log: Logger
}

/**
 * Follows what becomes of chats: which of them can be written to, and which moved to another id.
 * @returns to be told of each settled update
 */
export function followChats(options: ChatsOptions): (run: UpdateRun) => void {
  const { database, gateway, targets, queue, settings, log } = options
  // a send found out what no update told, or has not told yet
  gateway.sent.on('migrated', ({ from, to }) => {
    const move = moveBetween(Number(from), to)
    if (move === undefined) return
    targets.alive(move.from)
    database
      .transaction(async (transaction) => {
        await moveChat((sql) => transaction.query(sql), move)
        await queue.moveChat(transaction, move)
      })
      .then(() => settings.refresh())
      .catch((error: unknown) => log.error('telegram.chat.not-moved', { ...move, error }))
  })
  return ({ update, facts }) => {
    const { chatId } = facts
    if (chatId === undefined) return
    const gone = 'my_chat_member' in update ? goneBy(update.my_chat_member) : undefined
    if (gone === undefined) targets.alive(chatId)
    else targets.died(chatId, gone)
    // the move itself was part of the update's transaction: commit.ts
    const move = chatMoveOf(update)
    if (move === undefined) return
    targets.alive(move.from)
    void settings.refresh()
  }
}

interface Membership {
  readonly chat: { readonly type: string }
  readonly new_chat_member: { readonly status: string }
}

/** Telegram's words for it, as a send would get them. */
function goneBy({ chat, new_chat_member: { status } }: Membership): string | undefined {
  if (status !== 'kicked' && status !== 'left') return undefined
  if (chat.type === 'private') return 'Forbidden: bot was blocked by the user'
  const where = chat.type === 'group' ? 'group' : chat.type === 'channel' ? 'channel' : 'supergroup'
  return `Forbidden: bot was kicked from the ${where} chat`
}
