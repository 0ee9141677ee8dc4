import { AccessLockdown, type ActiveUser, AuditEntry, type OpsContext } from 'opsgram'

type Asker = Pick<OpsContext, 'em' | 't' | 'facts'> & { readonly actor: ActiveUser }

/**
 * Freezes everybody but owners, or lets them go on: from each person's next update on, on all instances, as the
 * database raises everybody's epoch with it.
 */
export async function lockDown(
  asker: Asker,
  wish: 'on' | 'off',
  reason: string | undefined,
): Promise<string> {
  const { em, t, actor, facts } = asker
  const now = await em.findOne(AccessLockdown, 1)
  if ((now !== null) === (wish === 'on')) return t(`lockdown.already.${wish}`)
  if (now !== null) em.remove(now)
  else em.create(AccessLockdown, { id: 1, by: actor.telegramId, reason: reason ?? null })
  em.create(AuditEntry, {
    actorId: actor.telegramId,
    actorName: actor.name,
    plugin: 'auth',
    action: `lockdown.${wish}`,
    chatId: facts.chatId ?? null,
    outcome: 'done',
    reason: reason ?? null,
  })
  return t(`lockdown.done.${wish}`)
}
