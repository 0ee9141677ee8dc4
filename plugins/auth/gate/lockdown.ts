import {
  AccessLockdown,
  type ActiveUser,
  AuditEntry,
  type CoreSettings,
  type OpsContext,
} from 'opsgram'

type Asker = Pick<OpsContext, 'em' | 't' | 'facts' | 'transactional'> & {
  readonly actor: ActiveUser
  readonly use: { readonly settings: CoreSettings }
}

/**
 * Freezes everybody but owners and ends their dialogs, or lets them go on: from each person's next update on, on all instances, as the
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
  // what others have begun is over too
  const owners = asker.use.settings.ownerIds
  await asker.transactional(async (inner) => {
    if (wish === 'off') return
    await inner.execute(
      `delete from user_sessions where user_id not in (${owners.map(() => '?').join(', ')})`,
      [...owners],
    )
  })
  return t(`lockdown.done.${wish}`)
}
