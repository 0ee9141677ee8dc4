import { type Actor, AuditEntry, BotUser, type OpsContext } from 'opsgram'
import { readMetadata } from '../person-metadata.ts'
import { after, judge, type Verdict } from './record.ts'

export type Asking = Pick<OpsContext, 'em' | 'facts' | 'now'> & { readonly actor: Actor }

/** A stranger pressed "request access": what becomes of that, in the transaction of the press. */
export async function ask(ctx: Asking): Promise<Verdict | { readonly kind: 'in' }> {
  const { em, facts, actor } = ctx
  if (actor.kind !== 'stranger') return { kind: 'in' }
  const { telegramId } = actor
  const person =
    (await em.findOne(BotUser, { telegramId })) ?? em.create(BotUser, { telegramId, metadata: {} })
  const metadata = readMetadata(person.metadata)
  const now = Math.floor(ctx.now().getTime() / 1000)
  const verdict = judge(metadata.request, now)
  person.metadata = { ...metadata, request: after(metadata.request, verdict, now) }
  person.firstName ??= facts.from?.first_name ?? null
  person.lastName ??= facts.from?.last_name ?? null
  person.username ??= facts.from?.username ?? null
  if (verdict.kind === 'blocked') {
    person.status = 'blocked'
    person.blockedReason = 'asked for access again and again'
    person.blockedAt = ctx.now()
  }
  if (verdict.kind === 'asked' || verdict.kind === 'blocked') {
    em.create(AuditEntry, {
      actorId: telegramId,
      actorName: facts.from?.first_name ?? null,
      plugin: 'auth',
      action: verdict.kind === 'asked' ? 'requests.ask' : 'requests.insist',
      target: `user:${telegramId}`,
      chatId: facts.chatId ?? null,
      outcome: verdict.kind === 'asked' ? 'done' : 'refused',
      after: verdict.kind === 'asked' ? null : { status: 'blocked' },
    })
  }
  return verdict
}
