import type { Place } from 'opsgram'
import { z } from 'zod'

/** A right given or denied, as the gate reads it. */
export const grantSchema = z.object({
  id: z.string(),
  /** A permission or a pattern. */
  permission: z.string(),
  effect: z.enum(['allow', 'deny']),
  chat: z.number().nullable(),
  thread: z.number().nullable(),
  /** Unix time, ms. */
  until: z.number().nullable(),
  reason: z.string().nullable(),
})

export type Grant = z.output<typeof grantSchema>

/** Columns of `access_grants` in that shape, for `jsonb_build_object`. */
export const grantColumns = `'id', id, 'permission', permission, 'effect', effect, 'chat', chat_id, 'thread', thread_id,
  'until', floor(extract(epoch from expires_at) * 1000), 'reason', reason`

/** Grants of one holder by what they are about: a look-up doesn't grow with their number. */
export class GrantIndex {
  readonly #named = new Map<string, Grant[]>()
  readonly #patterns: Grant[] = []

  constructor(grants: readonly Grant[]) {
    // denials first: of several that apply they count
    const ordered = [...grants].sort(
      (a, b) => Number(a.effect === 'allow') - Number(b.effect === 'allow'),
    )
    for (const grant of ordered) {
      if (isPattern(grant.permission)) this.#patterns.push(grant)
      else {
        const same = this.#named.get(grant.permission)
        if (same === undefined) this.#named.set(grant.permission, [grant])
        else same.push(grant)
      }
    }
  }

  /** The grant that counts: a denial if one applies. @param now Unix time, ms */
  find(permission: string, place: Place, now: number): Grant | undefined {
    const applies = (grant: Grant) => holds(grant, place, now)
    const named = this.#named.get(permission)?.find(applies)
    if (named?.effect === 'deny') return named
    const pattern = this.#patterns.find(
      (grant) => covers(grant.permission, permission) && applies(grant),
    )
    return pattern?.effect === 'deny' ? pattern : (named ?? pattern)
  }

  /** All grants about a permission, wherever and until whenever they hold. */
  about(permission: string): readonly Grant[] {
    const patterns = this.#patterns.filter((grant) => covers(grant.permission, permission))
    return [...(this.#named.get(permission) ?? []), ...patterns]
  }
}

export const noGrants = new GrantIndex([])

export function isPattern(permission: string): boolean {
  return permission.endsWith('*')
}

/** `worklog.write`, `worklog.*`, `*`; a pattern covers whole words alone. */
export function isPermissionOrPattern(text: string): boolean {
  return /^(\*|[a-z][a-z0-9]{1,15}\.(\*|[\w-]+(\.[\w-]+)*(\.\*)?))$/i.test(text)
}

/** Whether a permission or pattern is about a permission. */
export function covers(pattern: string, permission: string): boolean {
  if (!isPattern(pattern)) return pattern === permission
  return permission.startsWith(pattern.slice(0, -1))
}

function holds({ chat, thread, until }: Grant, place: Place, now: number): boolean {
  if (until !== null && now >= until) return false
  if (chat !== null && chat !== place.chatId) return false
  return thread === null || thread === place.threadId
}
