import { edit, html, type OpsContext } from 'opsgram'
import { WorklogEntry } from './entities.ts'

/** So long after it was written an entry can be undone. */
const undoForMs = 15 * 60_000

/** Takes an entry back. A second press finds it undone; two at once are told apart by its version. */
export async function undo(
  ctx: Pick<OpsContext, 'em' | 't' | 'answerCbQuery'> & { actor: { id: string } },
  id: string,
): Promise<unknown> {
  const { em, t, actor } = ctx
  const entry = await em.findOne(WorklogEntry, { id, author: actor.id })
  if (entry === null) return edit(t('undo.gone'))
  const undone = edit(html`<s>${entry.text}</s>\n${t('undo.done')}`)
  if (entry.deletedAt !== null) {
    await ctx.answerCbQuery(t('undo.already'))
    return undone
  }
  if (Date.now() - entry.createdAt.getTime() > undoForMs) {
    return ctx.answerCbQuery(t('undo.late', { minutes: undoForMs / 60_000 }), { show_alert: true })
  }
  entry.deletedAt = new Date()
  return undone
}
