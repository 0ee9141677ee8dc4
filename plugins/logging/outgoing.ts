import { plainText, type SentCall } from 'opsgram'
import type { Handled } from './handled.ts'
import type { LogRow } from './table.ts'
import { keepable } from './text.ts'

/** Whether a call shows somebody something; questions, menus and "typing…" don't. */
export function isShown({ method, chatId }: SentCall): boolean {
  if (method.startsWith('get') || method === 'sendChatAction') return false
  return chatId !== undefined || method.startsWith('answer')
}

/** The row of a finished call; `handled` is the update it answers, if it answers one. */
export function outgoingRow(call: SentCall, handled: Handled | undefined): LogRow {
  const { method, payload, chatId, error, ok, ms } = call
  return {
    direction: 'out',
    chat_id:
      typeof chatId === 'number' ? chatId : chatId === undefined ? handled?.chatId : undefined,
    user_id: handled?.userId,
    message_id: call.messageId,
    kind: method,
    text: keepable(textOf(call)),
    metadata: {
      updateId: call.updateId,
      chat: typeof chatId === 'string' ? chatId : undefined,
      alert: 'show_alert' in payload ? payload.show_alert : undefined,
      error: ok ? undefined : keepable(error instanceof Error ? error.message : String(error)),
    },
    command: handled?.command,
    plugin: handled?.plugin,
    outcome: ok ? 'done' : 'failed',
    duration_ms: Math.round(ms),
    created_at: new Date(Date.now() - ms),
  }
}

function textOf({ text, payload }: SentCall): string | undefined {
  if (text === undefined) return undefined
  return 'parse_mode' in payload && payload.parse_mode === 'HTML' ? plainText(text) : text
}
