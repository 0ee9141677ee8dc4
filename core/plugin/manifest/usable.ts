import type { Command, Former } from './command.ts'
import type { Audience, ChatScope } from './view.ts'

/** Who asks, and where. */
export interface Asker {
  /** An active user; all others get what is open to everyone alone. */
  readonly isUser: boolean
  can(permission: string): boolean
  /** As in Telegram's `Chat.type`; undefined: anywhere. */
  readonly chatType: string | undefined
}

/** What a command, an action and an event have in common for whoever wants to use it. */
export interface Guarded {
  readonly permission?: string
  readonly audience?: Audience
  readonly chats?: ChatScope
  readonly former?: Former
}

/** Whether strangers, chats and nobody get it too. */
export function isForEveryone({ audience, former }: Guarded): boolean {
  return audience === 'everyone' && former?.strangers !== false
}

/** By what is declared, and by the rule before it as long as nobody approved that. */
export function isPermitted(guarded: Guarded, asker: Pick<Asker, 'isUser' | 'can'>): boolean {
  const { former } = guarded
  if (!isDeclaredFor(guarded, asker)) return false
  if (former === undefined) return true
  if (!asker.isUser) return former.strangers
  return !former.closed && (former.permission === null || asker.can(former.permission))
}

export function isHere({ chats, former }: Guarded, { chatType }: Pick<Asker, 'chatType'>): boolean {
  return answersIn(chats, chatType) && answersIn(former?.chats, chatType)
}

/** Refused for the one reason that an owner has yet to approve what opens it. */
export function awaitsApproval(guarded: Guarded, asker: Asker): boolean {
  const declared = isDeclaredFor(guarded, asker) && answersIn(guarded.chats, asker.chatType)
  return declared && !(isPermitted(guarded, asker) && isHere(guarded, asker))
}

function isDeclaredFor(
  { permission, audience }: Guarded,
  asker: Pick<Asker, 'isUser' | 'can'>,
): boolean {
  if (!asker.isUser) return audience === 'everyone'
  return permission === undefined || asker.can(permission)
}

function answersIn(chats: ChatScope | undefined, chatType: string | undefined): boolean {
  if (chats === undefined || chats === 'any' || chatType === undefined) return true
  return (chats === 'private') === (chatType === 'private')
}

/** Whether the command, or one of its subcommands, does anything for this person here. */
export function isUsable(command: Command, asker: Asker): boolean {
  const runs = command.run !== undefined && isPermitted(command, asker) && isHere(command, asker)
  return runs || Object.values(command.subcommands).some((sub) => isUsable(sub, asker))
}
