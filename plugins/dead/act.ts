import { type ActiveUser, AuditEntry, type DeadLettersApi, type OpsContext } from 'opsgram'

type Asking = Pick<OpsContext, 't' | 'em' | 'facts'> & {
  readonly actor: ActiveUser
  readonly use: { readonly dead: DeadLettersApi }
}

/** Runs one again or drops it, on record. @returns what came of it */
export async function act(ctx: Asking, what: 'again' | 'drop', id: string): Promise<string> {
  const { t, em, facts, actor, use } = ctx
  const letter = await use.dead.find(id)
  const done =
    letter !== undefined &&
    (what === 'again'
      ? await use.dead.runAgain(letter.errorId)
      : await use.dead.drop(letter.errorId))
  // somebody else may have been quicker
  if (!done) return t('unknown', { id })
  em.create(AuditEntry, {
    actorId: actor.telegramId,
    actorName: actor.name,
    plugin: 'dead',
    action: `dead.${what}`,
    target: `update:${letter.updateId}`,
    chatId: facts.chatId ?? null,
    outcome: 'done',
    errorId: letter.errorId,
  })
  return t(`done.${what}`, { id: letter.errorId })
}
