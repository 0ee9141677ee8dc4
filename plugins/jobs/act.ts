import { type ActiveUser, AuditEntry, type JobsApi, type OpsContext } from 'opsgram'

type Asking = Pick<OpsContext, 't' | 'em' | 'facts'> & {
  readonly actor: ActiveUser
  readonly use: { readonly jobs: JobsApi }
}

/** Runs a dead job again or drops it, on record. @returns what came of it */
export async function act(ctx: Asking, what: 'again' | 'drop', id: string): Promise<string> {
  const { t, em, facts, actor, use } = ctx
  const job = await use.jobs.find(id)
  const done =
    job !== undefined &&
    (what === 'again' ? await use.jobs.runAgain(job.errorId) : await use.jobs.drop(job.errorId))
  // somebody else may have been quicker
  if (!done) return t('unknown', { id })
  em.create(AuditEntry, {
    actorId: actor.telegramId,
    actorName: actor.name,
    plugin: 'jobs',
    action: `jobs.${what}`,
    target: `job:${job.plugin}.${job.job}`,
    chatId: facts.chatId ?? null,
    outcome: 'done',
    errorId: job.errorId,
  })
  return t(`done.${what}`, { id: job.errorId })
}
