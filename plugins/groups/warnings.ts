import type { GroupChat } from './entities.ts'

/** What Telegram lets the bot see in groups where it is no administrator; learned from `getMe`. */
export interface Sight {
  /** Privacy mode is off: it reads all messages. Undefined: not known yet. */
  readsAll: boolean | undefined
}

export type Warning = 'privacy' | 'members' | 'mute'

/** What keeps the bot from seeing or saying there what it should. */
export function warningsOf(
  { status, type, canSend }: Pick<GroupChat, 'status' | 'type' | 'canSend'>,
  { readsAll }: Sight,
): readonly Warning[] {
  // in a channel it is an administrator, or not there
  const sees = status === 'administrator' || status === 'creator' || type === 'channel'
  return [
    ...(canSend ? [] : (['mute'] as const)),
    ...(sees || readsAll !== false ? [] : (['privacy'] as const)),
    ...(sees || status === 'unknown' ? [] : (['members'] as const)),
  ]
}
