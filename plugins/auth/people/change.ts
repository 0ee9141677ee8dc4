import { type ActiveUser, AuditEntry, BotUser, type OpsContext, type Translate } from 'opsgram'
import type { Owners } from '../gate/owners.ts'
import { readMetadata } from '../person-metadata.ts'
import { momentOf } from '../rights/list.ts'
import { baseOf, standingOf } from '../rights/roles.ts'
import { type Found, findPerson } from './find.ts'
import { nameOf } from './name.ts'
import { type Change, type Refusal, refusalOf } from './rules.ts'

/** Who asks, and the unit of work that is committed with their update. */
export type Asker = Pick<OpsContext, 'em' | 't' | 'now' | 'language' | 'timeZone'> & {
  readonly actor: Pick<ActiveUser, 'telegramId' | 'name' | 'role'>
  readonly facts: { readonly chatId?: number }
}

/** What came of a wish. */
export interface Changed {
  readonly done: boolean
  /** What to tell the asker. */
  readonly text: string
}

/** How to change a person: a change with what belongs to it. */
export type Wish =
  | { readonly kind: 'add'; readonly role: string; readonly name: string | undefined }
  | { readonly kind: 'role'; readonly role: string }
  | { readonly kind: 'block'; readonly reason: string | undefined }
  | { readonly kind: 'unblock' }
  /** Access ends so much later than now; undefined: never. */
  | { readonly kind: 'until'; readonly forMs: number | undefined }

/**
 * Changes what a person may do, with its audit row, in the transaction of the update; a refused wish
 * writes only the audit row. Holds from the person's next update on.
 * @param named an id or `@name`
 */
export async function changePerson(
  asker: Asker,
  owners: Owners,
  named: string,
  wish: Wish,
): Promise<Changed> {
  const { em, actor, t } = asker
  const found = await findPerson(em, named)
  if (found.kind !== 'person' && found.kind !== 'unknown-id')
    return refusedBy(notFound(found, named, t))
  const known = found.kind === 'person' ? found.person : undefined
  const telegramId = found.kind === 'person' ? found.person.telegramId : found.telegramId
  const given = 'role' in wish ? await baseOf(em, wish.role) : undefined
  if ('role' in wish && wish.role !== 'owner' && given === undefined) {
    return refusedBy(t('roles.unknown', { name: wish.role }))
  }
  const standing = {
    telegramId,
    role: owners.has(telegramId) ? 'owner' : await standingOf(em, known?.role ?? 'guest'),
  }
  const by = { telegramId: actor.telegramId, role: await standingOf(em, actor.role) }
  const change: Change =
    'role' in wish ? { kind: wish.kind, role: given ?? wish.role } : { kind: wish.kind }
  const refusal = refusalOf(change, by, standing)
  if (refusal !== undefined) {
    audit(asker, wish, telegramId, { refusal })
    return refusedBy(t(`refused.${refusal}`))
  }
  const idle = nothingToDo(known, wish)
  if (idle !== undefined) {
    const name = known === undefined ? named : nameOf(known)
    return refusedBy(t(`unchanged.${idle}`, { name, ...words(known, asker) }))
  }
  const person = known ?? em.create(BotUser, { telegramId, metadata: {} })
  const before = known === undefined ? undefined : { role: known.role, status: known.status }
  apply(person, wish, actor, asker.now())
  audit(asker, wish, telegramId, { before, after: standingAfter(person, wish) })
  const key =
    wish.kind === 'until' && wish.forMs === undefined ? 'done.forever' : `done.${wish.kind}`
  const text = t(key, { name: nameOf(person), id: telegramId, ...words(person, asker) })
  return { done: true, text }
}

/**
 * Whether somebody may not decide about a person at all, which is so of themselves, owners and whoever isn't below them.
 *
 * @returns why: the key of its text, `refused.<refusal>`
 */
export async function outOfReach(
  { em, actor }: Pick<Asker, 'em' | 'actor'>,
  owners: Owners,
  { telegramId, role }: Pick<BotUser, 'telegramId' | 'role'>,
): Promise<Refusal | undefined> {
  const by = { telegramId: actor.telegramId, role: await standingOf(em, actor.role) }
  const standing = owners.has(telegramId) ? 'owner' : await standingOf(em, role)
  return refusalOf({ kind: 'block' }, by, { telegramId, role: standing })
}

function refusedBy(text: string): Changed {
  return { done: false, text }
}

function standingAfter({ role, status, accessUntil }: BotUser, wish: Wish): Standing {
  const until = wish.kind === 'until' ? { until: accessUntil?.toISOString() ?? null } : {}
  return { role, status, ...until }
}

/** What to say when nobody, or not just one, is meant. */
export function notFound(
  found: Exclude<Found, { kind: 'person' }>,
  named: string,
  t: Translate,
): string {
  return t(`notFound.${found.kind}`, { named })
}

/** Why nothing would change: the key of its text, `unchanged.<key>`. */
function nothingToDo(known: BotUser | undefined, wish: Wish): string | undefined {
  switch (wish.kind) {
    case 'add': {
      if (known?.status === 'active') return 'active'
      // somebody shut this person out on purpose; letting them in again is a decision of its own
      const byPeople = known?.status === 'blocked' && wasLetIn(known)
      return byPeople ? 'blocked' : undefined
    }
    case 'role':
      if (known === undefined || known.status === 'pending') return 'stranger'
      return known.role === wish.role ? 'role' : undefined
    case 'block':
      return known?.status === 'blocked' ? 'blocked' : undefined
    case 'until':
      return known === undefined || !wasLetIn(known) ? 'stranger' : undefined
    case 'unblock':
      return known?.status === 'blocked' ? undefined : 'notBlocked'
  }
}

function apply(person: BotUser, wish: Wish, by: Asker['actor'], now: Date): void {
  switch (wish.kind) {
    case 'add': {
      const { stranger: _, request: _request, ...metadata } = readMetadata(person.metadata)
      person.metadata = { ...metadata, added: { by: by.telegramId, at: now.toISOString() } }
      person.role = wish.role
      person.accessUntil = null
      open(person, 'active')
      // Telegram's own name replaces it as soon as they write
      if (wish.name !== undefined) person.firstName ??= wish.name
      return
    }
    case 'role':
      person.role = wish.role
      return
    case 'block':
      person.role ??= 'guest'
      person.status = 'blocked'
      person.blockedReason = wish.reason ?? null
      person.blockedAt = now
      return
    case 'until':
      person.accessUntil = wish.forMs === undefined ? null : new Date(now.getTime() + wish.forMs)
      if (person.status === 'pending') open(person, 'active')
      return
    case 'unblock':
      open(person, wasLetIn(person) ? 'active' : 'pending')
  }
}

function open(person: BotUser, status: 'active' | 'pending'): void {
  person.status = status
  person.blockedReason = null
  person.blockedAt = null
}

/** Unlike a stranger whom the gate blocked by itself. */
export function wasLetIn(person: { role?: string; metadata: unknown }): boolean {
  return (person.role ?? 'guest') !== 'guest' || readMetadata(person.metadata).added !== undefined
}

function audit(
  { em, actor, facts }: Asker,
  wish: Wish,
  telegramId: number,
  outcome: { refusal: string } | { before: Standing | undefined; after: Standing },
): void {
  em.create(AuditEntry, {
    actorId: actor.telegramId,
    actorName: actor.name,
    plugin: 'auth',
    action: `users.${wish.kind}`,
    target: `user:${telegramId}`,
    chatId: facts.chatId ?? null,
    ...('refusal' in outcome
      ? {
          outcome: 'refused',
          reason: outcome.refusal,
          after: 'role' in wish ? { role: wish.role } : null,
        }
      : {
          outcome: 'done',
          reason: wish.kind === 'block' ? (wish.reason ?? null) : null,
          before: outcome.before === undefined ? null : { ...outcome.before },
          after: { ...outcome.after },
        }),
  })
}

/** Those that were made here have no text. */
export function roleName(role: string | undefined, t: Translate): string {
  return t(`role.${role}`, { defaultValue: role })
}

type Standing = Pick<BotUser, 'role' | 'status'> & { readonly until?: string | null }

function words(person: BotUser | undefined, asker: Asker): Record<string, string> {
  const { t } = asker
  return person === undefined
    ? {}
    : {
        role: roleName(person.role, t),
        until: person.accessUntil == null ? '' : momentOf(person.accessUntil, asker),
        status: t(`status.${person.status}`),
      }
}
