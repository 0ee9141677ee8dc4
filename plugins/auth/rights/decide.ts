import type { PermissionDeclaration, Place } from 'opsgram'
import type { Grant, GrantIndex } from './grants.ts'

/** All that decides what a person may do, as it was read with their row. */
export interface Rights {
  readonly role: string
  /** The role that comes with the bot and whose rights theirs begins with; undefined: none, it is not known. */
  readonly base: string | undefined
  readonly own: GrantIndex
  readonly ofRole: GrantIndex
}

/** Why something is allowed or not. */
export type Ground =
  | { readonly kind: 'owner' }
  | { readonly kind: 'grant'; readonly to: 'person' | 'role'; readonly grant: Grant }
  /** The manifest names the role. */
  | { readonly kind: 'manifest'; readonly role: string }
  /** Nothing says yes. */
  | { readonly kind: 'nothing' }

export interface Decision {
  readonly allowed: boolean
  readonly ground: Ground
}

/**
 * The one place where it is decided whether somebody may do something somewhere. The first that applies counts:
 * owners may; what was denied to the person, what was granted to them, what was denied to their role, what was
 * granted to it; the roles that the manifest names; else no.
 *
 * @param now Unix time, ms
 */
export function decide(
  { role, base, own, ofRole }: Rights,
  { name, roles }: Pick<PermissionDeclaration, 'name' | 'roles'>,
  place: Place,
  now: number,
): Decision {
  if (role === 'owner') return { allowed: true, ground: { kind: 'owner' } }
  for (const [to, index] of [
    ['person', own],
    ['role', ofRole],
  ] as const) {
    const grant = index.find(name, place, now)
    if (grant !== undefined) {
      return { allowed: grant.effect === 'allow', ground: { kind: 'grant', to, grant } }
    }
  }
  if (base !== undefined && roles.includes(base)) {
    return { allowed: true, ground: { kind: 'manifest', role: base } }
  }
  return { allowed: false, ground: { kind: 'nothing' } }
}

/** Whether they may do it wherever they are: no place that a grant of theirs names is another case. */
export function holdsEverywhere(
  rights: Rights,
  permission: Pick<PermissionDeclaration, 'name' | 'roles'>,
  now: number,
): boolean {
  return [{}, ...placesOf(rights, permission.name)].every(
    (place) => decide(rights, permission, place, now).allowed,
  )
}

/** Places that grants about a permission name. */
export function placesOf(
  { own, ofRole }: Rights,
  permission: string,
): readonly (Place & { readonly chatId: number })[] {
  return [own, ofRole].flatMap((index) =>
    index.about(permission).flatMap(({ chat, thread }) => {
      if (chat === null) return []
      return [{ chatId: chat, ...(thread === null ? {} : { threadId: thread }) }]
    }),
  )
}
