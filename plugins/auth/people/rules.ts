import { isAbove } from '../roles.ts'

/** What somebody wants to do to a person. */
export type Change =
  | { readonly kind: 'add' | 'role'; readonly role: string }
  | { readonly kind: 'block' | 'unblock' | 'until' }

/** Why it is refused: the key of its text, `refused.<refusal>`. */
export type Refusal = 'self' | 'owner' | 'makeOwner' | 'person' | 'role'

interface Standing {
  readonly telegramId: number
  readonly role: string
}

/**
 * Who may change whom. Owners come from ADMIN_IDS alone; nobody changes themselves, so nobody locks
 * themselves out; and everybody acts only on people below them, and gives only roles below their own.
 */
export function refusalOf(change: Change, by: Standing, person: Standing): Refusal | undefined {
  if (person.telegramId === by.telegramId) return 'self'
  if (person.role === 'owner') return 'owner'
  if ('role' in change && change.role === 'owner') return 'makeOwner'
  if (!isAbove(by.role, person.role)) return 'person'
  if ('role' in change && !isAbove(by.role, change.role)) return 'role'
  return undefined
}
