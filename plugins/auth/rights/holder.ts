import { AccessRole, type EntityManager, type Translate } from 'opsgram'
import type { Owners } from '../gate/owners.ts'
import { findPerson } from '../people/find.ts'
import { nameOf } from '../people/name.ts'
import { builtInRoles } from '../roles.ts'
import { standingOf } from './roles.ts'

/** To whom something is granted. */
export type Holder =
  | {
      readonly kind: 'person'
      readonly telegramId: number
      readonly name: string
      readonly base: string
    }
  | { readonly kind: 'role'; readonly role: string; readonly base: string }

/** @param named an id, `@name`, or a role's name */
export async function findHolder(
  em: EntityManager,
  named: string,
  { owners, t }: { owners: Pick<Owners, 'has'>; t: Translate },
): Promise<Holder | { readonly kind: 'none'; readonly text: string }> {
  const role = named.toLowerCase()
  if (builtInRoles.has(role)) return { kind: 'role', role, base: role }
  const own = await em.findOne(AccessRole, role)
  if (own !== null) return { kind: 'role', role, base: own.base }
  const found = await findPerson(em, named)
  if (found.kind !== 'person') return { kind: 'none', text: t(`notFound.${found.kind}`, { named }) }
  const { person } = found
  const isOwner = owners.has(person.telegramId)
  return {
    kind: 'person',
    telegramId: person.telegramId,
    name: nameOf(person),
    base: isOwner ? 'owner' : await standingOf(em, person.role),
  }
}

/** As the audit log names it. */
export function targetOf(holder: Holder): string {
  return holder.kind === 'role' ? `role:${holder.role}` : `user:${holder.telegramId}`
}

export function holderName(holder: Holder, t: Translate): string {
  if (holder.kind === 'person') return holder.name
  return t(`role.${holder.role}`, { defaultValue: holder.role })
}
