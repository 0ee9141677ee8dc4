import type { AuthorizerApi, PermissionDeclaration } from 'opsgram'
import { decide } from '../rights/decide.ts'
import type { ActorRights } from './actor-rights.ts'
import type { PersonRows } from './person-row.ts'

export interface AuthorizerParts {
  readonly rows: Pick<PersonRows, 'read'>
  readonly rights: ActorRights
  /** Who holds a permission. */
  readonly holders: (permission: PermissionDeclaration) => Promise<readonly number[]>
  /** Unix time, ms. */
  readonly now: () => number
}

/** Answers by what was read when the person came in; for whom it was not, it reads. */
export function createAuthorizer({ rows, rights, holders, now }: AuthorizerParts): AuthorizerApi {
  return {
    holders,
    async permissionsOf(user, place) {
      const known = rights.of(user) ?? (await rows.read(user.telegramId))?.rights
      if (known === undefined) return () => false
      return (permission) => decide(known, permission, place, now()).allowed
    },
  }
}
