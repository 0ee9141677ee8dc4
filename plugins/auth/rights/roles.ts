import { AccessRole, type EntityManager } from 'opsgram'
import { builtInRoles } from '../roles.ts'

/**
 * The role that comes with the bot, where a role stands: itself, or what one that was made here is based on.
 * Undefined: there is no such role, or it is `owner`, which can't be given.
 */
export async function baseOf(em: EntityManager, role: string): Promise<string | undefined> {
  if (builtInRoles.has(role)) return role
  return (await em.findOne(AccessRole, role))?.base
}

/** The same for a role that somebody has; `owner` and roles that are gone stand for themselves. */
export async function standingOf(em: EntityManager, role: string): Promise<string> {
  return (await baseOf(em, role)) ?? role
}
