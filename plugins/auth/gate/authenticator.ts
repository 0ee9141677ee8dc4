import type {
  ActiveUser,
  Authentication,
  AuthenticatorApi,
  EntityManager,
  UpdateFacts,
} from 'opsgram'
import { z } from 'zod'
import { KnownPeople } from './known-people.ts'
import type { Owners } from './owners.ts'
import type { Profiles } from './profile.ts'
import { type Strangers, stranger, strangerOf } from './strangers.ts'

const rowSchema = z.object({
  id: z.string(),
  /** As the inbox names the state of a person's rights. */
  epoch: z.string(),
  username: z.string().nullable(),
  first_name: z.string().nullable(),
  last_name: z.string().nullable(),
  language: z.string().nullable(),
  time_zone: z.string().nullable(),
  role: z.string(),
  status: z.enum(['active', 'pending', 'blocked']),
  metadata: z.unknown(),
  /** `last_seen_at` is a minute old or was never written. */
  stale: z.boolean(),
  /** The database's clock, Unix seconds: the same one for every process. */
  now: z.coerce.number(),
})

/** A person's row as the gate reads it. */
export type PersonRow = z.output<typeof rowSchema>

export interface AuthenticatorParts {
  em: () => EntityManager
  owners: Owners
  strangers: Strangers
  profiles: Profiles
}

/**
 * Tells who an update comes from. A row that was read is believed as long as the inbox names its epoch, so a change of
 * role or status holds from the person's next update on, on all instances. A failed look refuses: it throws.
 */
export function createAuthenticator(parts: AuthenticatorParts): AuthenticatorApi {
  const { em, owners, strangers, profiles } = parts
  const people = new KnownPeople()
  return {
    async authenticate(facts, { open, epoch }) {
      const { userId } = facts
      if (userId === undefined || facts.senderChatId !== undefined) return nobody(facts)
      // other bots write where they are admins; a role given to one would be given to its owner
      if (facts.from?.is_bot === true) return nobody(facts)
      const isOwner = owners.has(userId)
      const known = people.find(userId, epoch)
      if (known !== undefined && !profiles.seen(userId, known, facts.from)) {
        return { admitted: true, actor: actorOf(known, userId, facts, isOwner) }
      }
      people.forget(userId)
      const row = isOwner
        ? ((await readPerson(em(), userId)) ?? (await owners.restore(userId, readPerson)))
        : await readPerson(em(), userId)
      if (row === undefined || (!isOwner && row.status === 'pending')) {
        // what is open to everyone leaves no trace, and blocks nobody
        return open ? stranger(facts, userId) : strangers.refuse(facts, userId, row)
      }
      if (!isOwner && row.status === 'blocked') return blocked(facts, userId)
      // what is only just being written would be found missing again with the next update
      if (!profiles.seen(userId, row, facts.from)) people.keep(userId, row)
      return { admitted: true, actor: actorOf(row, userId, facts, isOwner) }
    },
  }
}

async function readPerson(em: EntityManager, telegramId: number): Promise<PersonRow | undefined> {
  const rows = await em.execute<unknown[]>(
    `select id, id || ':' || auth_epoch as epoch, username, first_name, last_name, language, time_zone, role, status, metadata,
       coalesce(last_seen_at < now() - interval '1 minute', true) as stale,
       floor(extract(epoch from now()))::bigint as now
     from bot_users where telegram_id = ?`,
    [telegramId],
  )
  return rows[0] === undefined ? undefined : rowSchema.parse(rows[0])
}

export type ReadPerson = typeof readPerson

function actorOf(
  row: PersonRow,
  telegramId: number,
  { from }: UpdateFacts,
  isOwner: boolean,
): ActiveUser {
  const username = from === undefined ? row.username : from.username
  const first = from?.first_name ?? row.first_name
  const last = from === undefined ? row.last_name : from.last_name
  const language = from?.language_code ?? row.language
  const fullName = [first, last].filter(Boolean).join(' ')
  return {
    kind: 'user',
    id: row.id,
    telegramId,
    name: fullName || (username ? `@${username}` : String(telegramId)),
    ...(username ? { username } : {}),
    // a stored `owner` without an entry in ADMIN_IDS is worth nothing
    role: isOwner ? 'owner' : row.role === 'owner' ? 'guest' : row.role,
    ...(language ? { language } : {}),
    ...(row.time_zone === null ? {} : { timeZone: row.time_zone }),
  }
}

function nobody({ senderChatId, from, text }: UpdateFacts): Authentication {
  // two bots that answer each other never end
  const isBotTalk = from?.is_bot === true && text !== undefined
  return {
    admitted: false,
    actor: senderChatId === undefined ? { kind: 'none' } : { kind: 'chat', chatId: senderChatId },
    reason: 'no-actor',
    ...(isBotTalk ? {} : { audience: 'everyone' }),
  }
}

/**
 * Silence, also from what is open to everyone: the row stays as it is, and nothing is written however
 * often they try.
 */
function blocked(facts: UpdateFacts, telegramId: number): Authentication {
  return { admitted: false, actor: strangerOf(facts, telegramId), reason: 'blocked' }
}
