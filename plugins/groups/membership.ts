import { z } from 'zod'

const user = z.object({
  id: z.number(),
  first_name: z.string().catch('?'),
  last_name: z.string().optional(),
  username: z.string().optional(),
})

/** Somebody as Telegram names them. */
export type Member = z.output<typeof user>

const member = z.object({
  user,
  status: z.string(),
  is_member: z.boolean().optional(),
  can_send_messages: z.boolean().optional(),
})

/** `my_chat_member` and `chat_member`, as far as it is read here. */
export const changeShape = z.object({
  from: user,
  old_chat_member: member,
  new_chat_member: member,
})

export type Standing = z.output<typeof member>

/** What happened to a member. */
export type MemberEvent =
  | 'join'
  | 'leave'
  | 'kick'
  | 'promote'
  | 'demote'
  | 'rights'
  | 'restrict'
  | 'unrestrict'

export function isIn({ status, is_member }: Pick<Standing, 'status' | 'is_member'>): boolean {
  if (status === 'restricted') return is_member !== false
  return status === 'creator' || status === 'administrator' || status === 'member'
}

const isAdmin = ({ status }: Standing) => status === 'creator' || status === 'administrator'

/** @returns undefined: nothing that anybody would want to know */
export function eventOf(before: Standing, after: Standing): MemberEvent | undefined {
  if (!isIn(before) && isIn(after)) return 'join'
  if (isIn(before) && !isIn(after)) return after.status === 'kicked' ? 'kick' : 'leave'
  if (!isIn(after)) return undefined
  if (isAdmin(after)) return isAdmin(before) ? 'rights' : 'promote'
  if (isAdmin(before)) return 'demote'
  if (after.status === 'restricted') return 'restrict'
  return before.status === 'restricted' ? 'unrestrict' : undefined
}

export function fullName({ first_name, last_name, username }: Member): string {
  const full = [first_name, last_name].filter(Boolean).join(' ').trim()
  return readable(full) || (username === undefined ? '?' : `@${username}`)
}

const longest = 64

/** Names and titles come from strangers: none may turn the line round, hide in it, or fill the screen. */
export function readable(name: string): string {
  const shown = name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '').trim()
  const letters = Array.from(shown)
  return letters.length > longest ? `${letters.slice(0, longest).join('')}…` : shown
}
