import type {
  ActiveUser,
  Authentication,
  AuthenticatorApi,
  EntityManager,
  Translate,
  UpdateFacts,
} from 'opsgram'
import { readable } from '../people/name.ts'
import { createBearer } from '../tokens/bearer.ts'
import type { ActorRights } from './actor-rights.ts'
import { KnownPeople } from './known-people.ts'
import type { Owners } from './owners.ts'
import type { PersonRow, PersonRows } from './person-row.ts'
import type { Profiles } from './profile.ts'
import { type Strangers, stranger, strangerOf } from './strangers.ts'

export interface AuthenticatorParts {
  em: () => EntityManager
  rows: Pick<PersonRows, 'read' | 'isLocked'>
  owners: Owners
  rights: ActorRights
  /** Unix time, ms. */
  now: () => number
  strangers: Strangers
  profiles: Profiles
  texts: (language?: string) => Translate
}

/**
 * Tells who an update comes from. A row that was read is believed as long as the inbox names its epoch, so a change of
 * role or status holds from the person's next update on, on all instances. A failed look refuses: it throws.
 */
export function createAuthenticator(parts: AuthenticatorParts): AuthenticatorApi {
  const { rows, owners, rights, strangers, profiles, now } = parts
  const admit = (row: PersonRow, facts: UpdateFacts): Authentication => {
    const actor = actorOf(row, facts)
    rights.keep(actor, row.rights)
    return { admitted: true, actor }
  }
  const people = new KnownPeople()
  const find = async (telegramId: number): Promise<ActiveUser | undefined> => {
    const row = await rows.read(telegramId)
    if (row === undefined) return undefined
    const isIn = row.status === 'active' && !isOver(row, now()) && !row.locked
    if (!isIn && !owners.has(telegramId)) return undefined
    const actor = actorOf(row, {})
    rights.keep(actor, row.rights)
    return actor
  }
  return {
    find,
    bearer: createBearer({ em: parts.em, find, now }),
    async authenticate(facts, { open, epoch }) {
      const { userId, senderChatId, from } = facts
      // other bots write where they are admins; a role given to one would be given to its owner
      if (userId === undefined || senderChatId !== undefined || from?.is_bot === true) {
        return nobody(facts, await rows.isLocked())
      }
      const isOwner = owners.has(userId)
      const known = people.find(userId, epoch)
      const holds = known !== undefined && (isOwner || !isOver(known, now()))
      if (holds && !profiles.seen(userId, known, facts.from)) return admit(known, facts)
      people.forget(userId)
      const found = await rows.read(userId)
      const row =
        found === undefined && isOwner
          ? await owners.restore(userId, () => rows.read(userId))
          : found
      const isOut = row?.status === 'pending' || (row?.status === 'active' && isOver(row, now()))
      if (row === undefined || (!isOwner && isOut)) {
        // who was never let in is no better off than who was
        if (row?.locked ?? (await rows.isLocked())) return frozen(facts, userId)
        // what is open to everyone leaves no trace, and blocks nobody
        return open ? stranger(facts, userId) : strangers.refuse(facts, userId, row)
      }
      if (!isOwner && row.status === 'blocked') return blocked(facts, userId)
      if (!isOwner && row.locked)
        return { ...frozen(facts, userId), ...lockdownAnswer(facts, parts.texts) }
      // what is only just being written would be found missing again with the next update
      if (!profiles.seen(userId, row, facts.from)) people.keep(userId, row)
      return admit(row, facts)
    },
  }
}

/** Whether the access that somebody gave for a time has ended. */
function isOver({ until }: PersonRow, now: number): boolean {
  return until !== null && now >= until
}

function actorOf(row: PersonRow, { from }: Pick<UpdateFacts, 'from'>): ActiveUser {
  const { telegram_id: telegramId } = row
  const username = from === undefined ? row.username : from.username
  const first = from?.first_name ?? row.first_name
  const last = from === undefined ? row.last_name : from.last_name
  const language = row.chosen_language ?? from?.language_code ?? row.language
  const fullName = readable([first, last].filter(Boolean).join(' '))
  return {
    kind: 'user',
    id: row.id,
    telegramId,
    name: fullName || (username ? `@${username}` : String(telegramId)),
    ...(username ? { username } : {}),
    role: row.rights.role,
    rights: row.epoch,
    ...(language ? { language } : {}),
    ...(row.time_zone === null ? {} : { timeZone: row.time_zone }),
  }
}

function nobody({ senderChatId, from, text }: UpdateFacts, isLocked: boolean): Authentication {
  // two bots that answer each other never end
  const isBotTalk = from?.is_bot === true && text !== undefined
  return {
    admitted: false,
    actor: senderChatId === undefined ? { kind: 'none' } : { kind: 'chat', chatId: senderChatId },
    reason: 'no-actor',
    ...(isBotTalk || isLocked ? {} : { audience: 'everyone' }),
  }
}

/**
 * Silence, also from what is open to everyone: the row stays as it is, and nothing is written however
 * often they try.
 */
function blocked(facts: UpdateFacts, telegramId: number): Authentication {
  return { admitted: false, actor: strangerOf(facts, telegramId), reason: 'blocked' }
}

/** Owners froze the bot: silence for everybody else, also from what is open to everyone. */
function frozen(facts: UpdateFacts, telegramId: number) {
  const actor = strangerOf(facts, telegramId)
  return { admitted: false, actor, reason: 'lockdown' } as const
}

/** A command of a person who may use the bot otherwise is told so. */
function lockdownAnswer(facts: UpdateFacts, texts: AuthenticatorParts['texts']) {
  const isCommand = facts.kind === 'message' && facts.text?.startsWith('/') === true
  return isCommand ? { answer: texts(facts.from?.language_code)('lockdown.refused') } : {}
}
