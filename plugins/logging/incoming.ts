import type { Actor, OpsContext } from 'opsgram'
import type { LogRow } from './table.ts'
import { keepable } from './text.ts'

/** What an update is about that has no text: `photo`, `new_chat_members`, `location`. */
const contents = [
  'animation',
  'audio',
  'contact',
  'delete_chat_photo',
  'dice',
  'document',
  'group_chat_created',
  'left_chat_member',
  'location',
  'migrate_to_chat_id',
  'new_chat_members',
  'new_chat_photo',
  'new_chat_title',
  'photo',
  'pinned_message',
  'poll',
  'sticker',
  'story',
  'venue',
  'video',
  'video_note',
  'voice',
] as const

/** The row of a handled update; its outcome is complete when all observers' `next` has returned. */
export function incomingRow(
  ctx: OpsContext & { readonly actor: Actor },
  handled: { readonly begun: Date; readonly ms: number },
): LogRow {
  const { facts, actor, outcome } = ctx
  const body = bodyOf(ctx.update, facts.kind)
  return {
    direction: 'in',
    chat_id: facts.chatId,
    user_id: actor.kind === 'user' ? actor.id : undefined,
    message_id: facts.messageId,
    kind: facts.kind,
    text: keepable(facts.text ?? textIn(body, 'query')),
    metadata: {
      updateId: facts.updateId,
      from: facts.userId,
      senderChat: facts.senderChatId,
      chatType: facts.chatType,
      thread: facts.threadId,
      forwarded: facts.isForwarded || undefined,
      content: contentOf(body),
      data: keepable(facts.data),
      ...membership(body),
      refused: outcome.refused,
    },
    command: outcome.route,
    plugin: outcome.plugin,
    outcome: outcome.kind,
    duration_ms: Math.round(handled.ms),
    error_id: outcome.errorId,
    created_at: handled.begun,
  }
}

function contentOf(body: object | undefined): string | undefined {
  if (body === undefined || 'text' in body) return undefined
  return contents.find((key) => key in body)
}

/** Who joined or left, and as what: `my_chat_member` and `chat_member`. */
function membership(body: object | undefined): Record<string, unknown> {
  const before = memberIn(body, 'old_chat_member')
  const after = memberIn(body, 'new_chat_member')
  if (before === undefined || after === undefined) return {}
  return { member: after.id, before: before.status, after: after.status }
}

function memberIn(
  body: object | undefined,
  key: string,
): { id: unknown; status: unknown } | undefined {
  const member: unknown = body === undefined ? undefined : Reflect.get(body, key)
  if (typeof member !== 'object' || member === null) return undefined
  const user: unknown = Reflect.get(member, 'user')
  const id: unknown =
    typeof user === 'object' && user !== null ? Reflect.get(user, 'id') : undefined
  return { id, status: Reflect.get(member, 'status') }
}

function bodyOf(update: object, kind: string): object | undefined {
  const body: unknown = Reflect.get(update, kind)
  return typeof body === 'object' && body !== null ? body : undefined
}

function textIn(body: object | undefined, key: string): string | undefined {
  const value: unknown = body === undefined ? undefined : Reflect.get(body, key)
  return typeof value === 'string' ? value : undefined
}
