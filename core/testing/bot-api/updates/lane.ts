import type { ApiUpdate } from '../wire.ts'

/**
 * In which queue Telegram's server keeps an update for the webhook: of each, one is under way at a time
 * (tdlib/telegram-bot-api, Client.cpp: messages by chat, presses and inline queries by person, in ranges of their own).
 */
export function webhookLane(kind: string, update: ApiUpdate): string {
  const body = fieldsOf(update[kind])
  const chat = fieldsOf(body?.chat)?.id
  const person = (fieldsOf(body?.from) ?? fieldsOf(body?.user))?.id
  if (/_?(message|post)$/.test(kind) && chat !== undefined) return `chat:${chat}`
  const owner =
    kind.endsWith('_query') || kind === 'chosen_inline_result' ? person : (chat ?? person)
  return owner === undefined ? `${kind}:update:${update.update_id}` : `${kind}:${owner}`
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  // an object of an update: its fields are unknown until read
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)
    : undefined
}
