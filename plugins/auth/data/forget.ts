import { AuditEntry, type Html, html } from 'opsgram'
import { nameOf } from '../people/name.ts'
import { auditOf, type DataAsker, subjectOf } from './export.ts'

/** What would be erased, to be confirmed. */
export async function forgetPreview(ctx: DataAsker, named: string): Promise<Html | string> {
  const subject = await subjectOf(ctx, named)
  if ('refusal' in subject) return subject.refusal
  const { telegramId } = subject.person
  if (ctx.plugin.owners.has(telegramId)) return ctx.t('data.owner')
  const silent = ctx.use.personal.silent()
  return html`${ctx.t('data.preview', { name: nameOf(subject.person), id: telegramId })}${
    silent.length > 0 && html`\n${ctx.t('data.silent', { plugins: silent.join(', ') })}`
  }`
}

/**
 * Erases a person: what the core and plugins keep is deleted or made nobody's in one transaction, with one row in the
 * audit log, which goes on naming the id.
 */
export async function forget(ctx: DataAsker, named: string): Promise<string> {
  const { t, use } = ctx
  const subject = await subjectOf(ctx, named)
  if ('refusal' in subject) return subject.refusal
  const { id, telegramId } = subject.person
  if (ctx.plugin.owners.has(telegramId)) return t('data.owner')
  const rows = await ctx.transactional(async (em) => {
    // what was read of the row must not be written back over what is erased
    em.clear()
    const erased = await use.personal.erase({ id, telegramId }, em)
    em.create(AuditEntry, {
      ...auditOf(ctx, 'data.erase', telegramId),
      outcome: 'done',
      after: { rows: erased },
    })
    return erased
  })
  const count = Object.values(rows).reduce((sum, one) => sum + one, 0)
  return t('data.erased', { id: telegramId, count })
}
