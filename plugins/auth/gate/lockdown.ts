import {
  AccessLockdown,
  type ActiveUser,
  AuditEntry,
  BotUser,
  type CoreSettings,
  type OpsContext,
} from 'opsgram'
import { nameOf } from '../people/name.ts'
import { momentOf } from '../rights/list.ts'

type Asker = Pick<OpsContext, 'em' | 't' | 'facts' | 'transactional' | 'language' | 'timeZone'> & {
  readonly actor: ActiveUser
  readonly use: { readonly settings: CoreSettings }
}

/** Whether the bot is locked down, since when, by whom and why. */
export async function lockdownNow(asker: Asker): Promise<string> {
  const { em, t } = asker
  const now = await em.findOne(AccessLockdown, 1)
  if (now === null) return t('lockdown.already.off')
  const by = await em.findOne(BotUser, { telegramId: now.by })
  const text = t('lockdown.is', {
    when: momentOf(now.createdAt, asker),
    by: by === null ? now.by : nameOf(by),
  })
  return now.reason === null ? text : `${text}\n${t('lockdown.because', { reason: now.reason })}`
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
