import type { Command } from './manifest.ts'

/** Who asks, and where. */
export interface Asker {
  /** An active user; all others get what is open to everyone alone. */
  readonly isUser: boolean
  can(permission: string): boolean
  /** As in Telegram's `Chat.type`; undefined: anywhere. */
  readonly chatType: string | undefined
}

export function isPermitted(
  { permission, audience }: Pick<Command, 'permission' | 'audience'>,
  asker: Pick<Asker, 'isUser' | 'can'>,
): boolean {
  if (!asker.isUser) return audience === 'everyone'
  return permission === undefined || asker.can(permission)
}

export function isHere({ chats }: Command, { chatType }: Pick<Asker, 'chatType'>): boolean {
  if (chats === undefined || chats === 'any' || chatType === undefined) return true
  return (chats === 'private') === (chatType === 'private')
}

/** Whether the command, or one of its subcommands, does anything for this person here. */
export function isUsable(command: Command, asker: Asker): boolean {
  const runs = command.run !== undefined && isPermitted(command, asker) && isHere(command, asker)
  return runs || Object.values(command.subcommands).some((sub) => isUsable(sub, asker))
}
