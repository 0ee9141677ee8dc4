import type { ActiveUser, AuthenticatorApi, EntityManager } from 'opsgram'
import { z } from 'zod'
import { idIn, isSame } from './token.ts'

export interface BearerParts {
  readonly em: () => EntityManager
  /** A person as they are let in now. */
  readonly find: (telegramId: number) => Promise<ActiveUser | undefined>
  /** Unix time, ms. */
  readonly now: () => number
}

const rowSchema = z.object({ person: z.coerce.number(), hash: z.string() })

/** Tells whose token it is, as long as it holds and they are let in. A failed look refuses: it throws. */
export function createBearer({
  em,
  find,
  now,
}: BearerParts): NonNullable<AuthenticatorApi['bearer']> {
  return async (token) => {
    const id = idIn(token)
    if (id === undefined) return undefined
    const at = new Date(now())
    const [found] = await em().execute<unknown[]>(
      'select person, hash from api_tokens where id = ? and expires_at > ?',
      [id, at],
    )
    if (found === undefined) return undefined
    const { person, hash } = rowSchema.parse(found)
    if (!isSame(token, hash)) return undefined
    const user = await find(person)
    if (user === undefined) return undefined
    await em().execute(
      `update api_tokens set last_used_at = ?
       where id = ? and (last_used_at is null or last_used_at < ?)`,
      [at, id, new Date(at.getTime() - 60_000)],
    )
    return { user, token: id }
  }
}
