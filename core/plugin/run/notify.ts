import type { Queries } from '../../database/connection.ts'
import { OpsError } from '../../errors.ts'
import type { IfUnsure } from '../../outbox/outcome.ts'
import type { NewMessage } from '../../outbox/rows.ts'
import type { SendLane } from '../../telegram/telegram.ts'
import { type Answer, type Content, contentOf } from './content.ts'
import type { ContentSender } from './sender.ts'

/** Whom a message goes to: the Telegram id of a person or a chat, or a topic of a forum. */
export type NotifyTarget =
  | number
  | { readonly chatId: number; readonly threadId?: number | undefined }

export interface NotifyOptions {
  /** Goes at once, as answers do; default: at the pace of messages that nobody waits for. */
  readonly urgent?: boolean
  /**
   * When nobody knows whether it arrived: `repeat` (default) sends it again, so that it comes at least once;
   * `mark` puts it aside for people to decide, so that it comes at most once.
   */
  readonly ifUnsure?: IfUnsure
}

/** A message to somebody, kept until the commit. */
export interface Notice {
  readonly plugin: string
  readonly place: { readonly kind: 'notice'; readonly chatId: number; readonly threadId?: number }
  readonly content: Content
  readonly lane: SendLane
  readonly ifUnsure: IfUnsure
}

/** @throws OPS_NOTIFY */
export function noticeOf(
  plugin: string,
  target: NotifyTarget,
  answer: Answer,
  { urgent = false, ifUnsure = 'repeat' }: NotifyOptions = {},
): Notice {
  const { chatId, threadId } = typeof target === 'number' ? { chatId: target } : target
  const content = contentOf(answer)
  if (!Number.isSafeInteger(chatId) || chatId === 0) {
    throw new OpsError('OPS_NOTIFY', `Plugin ${plugin} wrote to ${chatId}, which is no chat`)
  }
  if (content === undefined) {
    throw new OpsError('OPS_NOTIFY', `Plugin ${plugin} wrote nothing to ${chatId}`)
  }
  return {
    plugin,
    place: { kind: 'notice', chatId, ...(threadId === undefined ? {} : { threadId }) },
    content: { ...content, mode: 'send' },
    lane: urgent ? 'interactive' : 'bulk',
    ifUnsure,
  }
}

/** What is of no use any more after a day, ms. */
const keepMs = 24 * 3_600_000

/** @param sql of the transaction that the messages belong to */
export async function messagesOf(
  notices: readonly Notice[],
  sender: Pick<ContentSender, 'prepare'>,
  sql: Queries,
  updateId?: number,
): Promise<NewMessage[]> {
  const made: NewMessage[] = []
  for (const { place, content, lane, ifUnsure, plugin } of notices) {
    const { chatId, messages } = await sender.prepare(place, content, { sql })
    for (const outgoing of messages) {
      made.push({ kind: 'message', chatId, outgoing, lane, ifUnsure, plugin, updateId, keepMs })
    }
  }
  return made
}
