import { type ActiveUser, AuditEntry, type OpsContext, type OutboxApi } from 'opsgram'

type Asking = Pick<OpsContext, 't' | 'em' | 'facts'> & {
  readonly actor: ActiveUser
  readonly use: { readonly outbox: OutboxApi }
}

/** Sends a message again or drops it, on record. @returns what came of it */
export async function act(ctx: Asking, what: 'send' | 'drop', id: number): Promise<string> {
  const { outbox } = ctx.use
  const done = what === 'send' ? await outbox.sendAgain(id) : await outbox.drop(id)
  // somebody else may have been quicker
  if (!done) return ctx.t('unknown', { id })
  record(ctx, what, `message:${id}`)
  return ctx.t(`done.${what}`, { id })
}

export function record(
  { em, actor, facts }: Pick<Asking, 'em' | 'actor' | 'facts'>,
  what: string,
  target: string,
): void {
  em.create(AuditEntry, {
    actorId: actor.telegramId,
    actorName: actor.name,
    plugin: 'outbox',
    action: `outbox.${what}`,
    target,
    chatId: facts.chatId ?? null,
    outcome: 'done',
  })
}
