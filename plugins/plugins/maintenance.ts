import {
  type ActiveUser,
  AuditEntry,
  type MaintenanceApi,
  type OpsContext,
  type Pause,
} from 'opsgram'
import { ago } from './status.ts'

type Asking = Pick<OpsContext, 'em' | 't' | 'language' | 'facts'> & {
  readonly actor: ActiveUser
  readonly use: { readonly maintenance: MaintenanceApi }
}

/** Has all updates wait, and says so. */
export async function pause(ctx: Asking): Promise<string> {
  const before = await ctx.use.maintenance.pause(ctx.actor)
  if (before !== undefined) return ctx.t('pause.already', wordsOf(before, ctx))
  record(ctx, 'pause')
  return ctx.t('pause.done')
}

/** Has updates handled again, and says so. */
export async function resume(ctx: Asking): Promise<string> {
  const before = await ctx.use.maintenance.resume()
  if (before === undefined) return ctx.t('resume.already')
  record(ctx, 'resume')
  return ctx.t('resume.done', wordsOf(before, ctx))
}

/** Who paused the bot, and when, for a text. */
export function wordsOf(
  { name, since }: Pause,
  { language }: Pick<OpsContext, 'language'>,
): Record<string, string> {
  return { name, when: ago(since, language) }
}

function record({ em, actor, facts }: Asking, action: string): void {
  em.create(AuditEntry, {
    actorId: actor.telegramId,
    actorName: actor.name,
    plugin: 'plugins',
    action: `plugins.${action}`,
    chatId: facts.chatId ?? null,
    outcome: 'done',
  })
}
