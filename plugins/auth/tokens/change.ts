import {
  type ActiveUser,
  ApiToken,
  AuditEntry,
  code,
  type Html,
  html,
  type OpsContext,
} from 'opsgram'
import { notFound } from '../people/change.ts'
import { findPerson } from '../people/find.ts'
import { momentOf } from '../rights/list.ts'
import { newToken } from './token.ts'

/** Who asks, and the unit of work that is committed with their update. */
export type TokenAsker = Pick<
  OpsContext,
  'em' | 't' | 'now' | 'language' | 'timeZone' | 'facts' | 'commit' | 'replyWithHTML'
> & {
  readonly actor: ActiveUser
}

const dayMs = 86_400_000
const mostTokens = 20

/** Makes a token for the asker, and shows it to them, once. @returns what to tell them instead */
export async function makeToken(
  ctx: TokenAsker,
  { name, days }: { readonly name: string; readonly days: number },
): Promise<string | undefined> {
  const { em, t, actor } = ctx
  const own = await em.find(ApiToken, { person: actor.telegramId })
  if (own.some((token) => token.name === name)) return t('tokens.taken', { name })
  if (own.length >= mostTokens) return t('tokens.many', { count: mostTokens })
  const { id, token, hash } = newToken()
  const expiresAt = new Date(ctx.now().getTime() + days * dayMs)
  em.create(ApiToken, { id, person: actor.telegramId, name, hash, expiresAt })
  audit(ctx, 'tokens.new', actor.telegramId, { id, name, until: expiresAt.toISOString() })
  // what a handler returns is kept in the outbox until it is sent, and a token is to be kept nowhere
  await ctx.commit()
  const until = momentOf(expiresAt, ctx)
  const shown = html`${t('tokens.made', { name, until })}\n${code(token)}\n${t('tokens.once')}`
  await ctx.replyWithHTML(String(shown))
  return undefined
}

/** Takes a token away: the asker's own, or of anybody for who manages people. @returns what to tell them */
export async function revokeToken(
  ctx: TokenAsker & { can(permission: 'auth.users'): boolean },
  named: string,
): Promise<string> {
  const { em, t, actor } = ctx
  const person = actor.telegramId
  const token =
    (await em.findOne(ApiToken, { person, name: named })) ??
    (await em.findOne(ApiToken, named.toLowerCase()))
  if (token === null || (token.person !== person && !ctx.can('auth.users'))) {
    return t('tokens.unknown', { named })
  }
  em.remove(token)
  audit(ctx, 'tokens.revoke', token.person, { id: token.id, name: token.name })
  return t('tokens.revoked', { name: token.name, id: token.id })
}

/** A person's tokens, without what makes them work. */
export async function listTokens(ctx: TokenAsker, person: number): Promise<Html> {
  const { em, t } = ctx
  const tokens = await em.find(ApiToken, { person }, { orderBy: { createdAt: 'asc' } })
  if (tokens.length === 0) return html`${t('tokens.none')}`
  const now = ctx.now().getTime()
  const lines = tokens.map(({ id, name, expiresAt, lastUsedAt }) => {
    const ends = t(expiresAt.getTime() <= now ? 'tokens.over' : 'until', {
      when: momentOf(expiresAt, ctx),
    })
    const used = lastUsedAt
      ? t('tokens.used', { when: momentOf(lastUsedAt, ctx) })
      : t('tokens.unused')
    return html`\n<code>${id}</code> <b>${name}</b>: ${ends}; ${used}`
  })
  return html`<b>${t('tokens.heading', { count: tokens.length })}</b>${lines}`
}

function audit(
  { em, actor, facts }: TokenAsker,
  action: 'tokens.new' | 'tokens.revoke',
  person: number,
  about: Record<string, unknown>,
): void {
  em.create(AuditEntry, {
    actorId: actor.telegramId,
    actorName: actor.name,
    plugin: 'auth',
    action,
    target: `user:${person}`,
    chatId: facts.chatId ?? null,
    outcome: 'done',
    ...(action === 'tokens.new' ? { after: about } : { before: about }),
  })
}

/** Answers `/token list`. @param who an id or `@name`; undefined: the asker */
export async function showTokens(
  ctx: TokenAsker & { can(permission: 'auth.users'): boolean },
  who: string | undefined,
): Promise<Html | string> {
  if (who === undefined) return listTokens(ctx, ctx.actor.telegramId)
  if (!ctx.can('auth.users')) return ctx.t('tokens.own')
  const found = await findPerson(ctx.em, who)
  if (found.kind !== 'person') return notFound(found, who, ctx.t)
  return listTokens(ctx, found.person.telegramId)
}
