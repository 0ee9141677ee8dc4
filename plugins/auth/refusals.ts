import { AuditEntry, type EntityManager, type Logger, type OpsContext } from 'opsgram'

/**
 * Puts on record what a person with a role was refused for lack of a permission; to be called when
 * the update has come to its end. Never rejects. Strangers are left to the gate: a flood of theirs
 * writes nothing here.
 */
export async function recordRefusal(
  { facts, outcome }: OpsContext,
  actor: { readonly telegramId: number; readonly name: string },
  { em, log }: { readonly em: EntityManager; readonly log: Logger },
): Promise<void> {
  em.create(AuditEntry, {
    actorId: actor.telegramId,
    actorName: actor.name,
    plugin: outcome.plugin ?? null,
    action: [outcome.plugin, outcome.route].join('.'),
    chatId: facts.chatId ?? null,
    outcome: 'refused',
    reason: outcome.refused ?? null,
  })
  try {
    await em.flush()
  } catch (error) {
    log.error('auth.refusal-not-saved', { error })
  }
}
