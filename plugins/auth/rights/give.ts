import { randomInt } from 'node:crypto'
import { AccessGrant, type ActiveUser, AuditEntry, type OpsContext, type PluginsApi } from 'opsgram'
import type { ActorRights } from '../gate/actor-rights.ts'
import type { Owners } from '../gate/owners.ts'
import { isAbove } from '../roles.ts'
import { holdsEverywhere } from './decide.ts'
import { isPattern, isPermissionOrPattern } from './grants.ts'
import { findHolder, type Holder, holderName, targetOf } from './holder.ts'
import { grantLine } from './list.ts'
import { standingOf } from './roles.ts'

/** Who asks, and the unit of work that is committed with their update. */
export type Granting = Pick<OpsContext, 'em' | 't' | 'facts' | 'language' | 'timeZone' | 'now'> & {
  readonly actor: ActiveUser
  readonly plugin: { readonly owners: Owners; readonly rights: ActorRights }
  readonly use: { readonly plugins: PluginsApi }
}

export interface GrantWish {
  /** An id, `@name`, or a role. */
  readonly who: string
  /** `worklog.write`, `worklog.*`, with a place after it: `worklog.write@-1001234/7` (a chat, and a topic in it). */
  readonly what: string
  readonly effect: 'allow' | 'deny'
  readonly forMs: number | undefined
  readonly reason: string | undefined
}

/** Gives a right or denies it, with its audit row, in the transaction of the update. @returns what to tell the asker */
export async function giveGrant(ctx: Granting, wish: GrantWish): Promise<string> {
  const { em, t, actor, plugin } = ctx
  const holder = await findHolder(em, wish.who, { owners: plugin.owners, t })
  if (holder.kind === 'none') return holder.text
  const what = parseWhat(wish.what)
  if (what === undefined) return t('grants.malformed', { what: wish.what })
  const { permission, chatId, threadId } = what
  const refusal = await refusalOf(ctx, holder, permission)
  const after = {
    permission,
    effect: wish.effect,
    ...(chatId === undefined ? {} : { chatId, threadId }),
  }
  if (refusal !== undefined) {
    audit(ctx, `grants.${wish.effect}`, targetOf(holder), {
      outcome: 'refused',
      reason: refusal,
      after,
    })
    return t(`grants.refused.${refusal}`, { permission })
  }
  const grant = em.create(AccessGrant, {
    id: newGrantId(),
    role: holder.kind === 'role' ? holder.role : null,
    person: holder.kind === 'person' ? holder.telegramId : null,
    permission,
    effect: wish.effect,
    chatId: chatId ?? null,
    threadId: threadId ?? null,
    expiresAt: wish.forMs === undefined ? null : new Date(ctx.now().getTime() + wish.forMs),
    reason: wish.reason ?? null,
    createdBy: actor.telegramId,
  })
  audit(ctx, `grants.${wish.effect}`, targetOf(holder), {
    outcome: 'done',
    reason: wish.reason ?? null,
    after: { ...after, id: grant.id, until: grant.expiresAt?.toISOString() },
  })
  return t(`grants.done.${wish.effect}`, {
    who: holderName(holder, t),
    what: grantLine(grant, ctx),
  })
}

/** Takes a grant back, with its audit row. @returns what to tell the asker */
export async function takeGrant(ctx: Granting, id: string): Promise<string> {
  const { em, t, plugin } = ctx
  const grant = await em.findOne(AccessGrant, id.toUpperCase())
  if (grant === null) return t('grants.unknown', { id })
  const named = grant.role ?? String(grant.person)
  const found = await findHolder(em, named, { owners: plugin.owners, t })
  // a grant of a role or person that is gone binds nobody: whoever may take grants clears it away
  const refusal = found.kind === 'none' ? undefined : await refusalOf(ctx, found, grant.permission)
  const target = grant.role === null ? `user:${grant.person}` : `role:${grant.role}`
  const before = { id: grant.id, permission: grant.permission, effect: grant.effect }
  if (refusal !== undefined) {
    audit(ctx, 'grants.take', target, { outcome: 'refused', reason: refusal, before })
    return t(`grants.refused.${refusal}`, { permission: grant.permission })
  }
  em.remove(grant)
  audit(ctx, 'grants.take', target, { outcome: 'done', before })
  return t('grants.done.take', { id: grant.id, permission: grant.permission })
}

type Refusal = 'self' | 'owner' | 'holder' | 'pattern' | 'unknown' | 'notHeld'

/**
 * Why nothing is granted: nobody grants to themselves, to owners, or to whom isn't below them; and nobody grants or
 * denies what they don't hold everywhere themselves. Patterns reach what is not there yet: owners alone.
 */
async function refusalOf(
  ctx: Granting,
  holder: Holder,
  permission: string,
): Promise<Refusal | undefined> {
  const { em, actor, plugin, use } = ctx
  if (holder.kind === 'person' && holder.telegramId === actor.telegramId) return 'self'
  if (holder.base === 'owner') return 'owner'
  if (!isAbove(await standingOf(em, actor.role), holder.base)) return 'holder'
  if (isPattern(permission)) return actor.role === 'owner' ? undefined : 'pattern'
  const declared = use.plugins.declared().find(({ name }) => name === permission)
  if (declared === undefined) return 'unknown'
  const rights = plugin.rights.of(actor)
  const holds = rights !== undefined && holdsEverywhere(rights, declared, ctx.now().getTime())
  return holds ? undefined : 'notHeld'
}

function parseWhat(
  what: string,
): { permission: string; chatId?: number; threadId?: number } | undefined {
  const [, permission = '', chat, topic] =
    /^([^@]+)(?:@(-?\d{1,16})(?:\/(\d{1,15}))?)?$/.exec(what) ?? []
  if (!isPermissionOrPattern(permission)) return undefined
  return {
    permission,
    ...(chat === undefined ? {} : { chatId: Number(chat) }),
    ...(topic === undefined ? {} : { threadId: Number(topic) }),
  }
}

// without letters and digits that people mix up when they read them out
const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'

function newGrantId(): string {
  return Array.from({ length: 7 }, () => alphabet[randomInt(alphabet.length)]).join('')
}

function audit(
  { em, actor, facts }: Granting,
  action: string,
  target: string,
  entry: {
    outcome: 'done' | 'refused'
    reason?: string | null
    before?: Record<string, unknown>
    after?: Record<string, unknown>
  },
): void {
  em.create(AuditEntry, {
    actorId: actor.telegramId,
    actorName: actor.name,
    plugin: 'auth',
    action,
    target,
    chatId: facts.chatId ?? null,
    ...entry,
  })
}
