import type { Database } from '../../database/connection.ts'
import type { Presence } from '../../database/instances/presence.ts'
import type { Inbox } from '../../update/inbox/inbox.ts'

export interface DatabaseLookParts {
  readonly database: Pick<Database, 'ping'>
  /** Undefined when embedded. */
  readonly presence: Pick<Presence, 'failure'> | undefined
  readonly inbox: Pick<Inbox, 'refusal'>
}

/**
 * Whether the database answers, and takes what has to be written: one that is read-only or full answers too, and no
 * update can be accepted.
 *
 * @throws what it said
 */
export type DatabaseLook = () => Promise<void>

export function databaseLook({ database, presence, inbox }: DatabaseLookParts): DatabaseLook {
  return async () => {
    await database.ping()
    const failure = presence?.failure ?? inbox.refusal
    if (failure !== undefined) throw failure
  }
}
