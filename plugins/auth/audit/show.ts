import { buttons, type Content, type Html, message, type OpsContext } from 'opsgram'
import { notFound } from '../people/change.ts'
import { findPerson } from '../people/find.ts'
import { auditKeys, type ButtonMaker } from '../people/keys.ts'
import { type AuditQuery, listAudit } from './list.ts'

type Looking = Pick<OpsContext, 'em' | 't' | 'language' | 'timeZone'> & ButtonMaker

/** Answers `/audit`. @param who an id, of anybody, or a `@name` of somebody on record */
export async function showAudit(
  ctx: Looking,
  { who, ...filter }: Omit<AuditQuery, 'actor' | 'page'> & { readonly who?: string | undefined },
): Promise<Content | string> {
  if (who === undefined) return message(...(await auditScreen(ctx, { ...filter, page: 1 })))
  const found = await findPerson(ctx.em, who)
  if (found.kind !== 'person' && found.kind !== 'unknown-id') return notFound(found, who, ctx.t)
  const actor = found.kind === 'person' ? found.person.telegramId : found.telegramId
  return message(...(await auditScreen(ctx, { ...filter, actor, page: 1 })))
}

export async function auditScreen(
  ctx: Looking,
  query: AuditQuery,
): Promise<[Html, ReturnType<typeof buttons>]> {
  const { text, hasNext } = await listAudit(ctx.em, query, ctx)
  return [text, buttons(...auditKeys(ctx, query, hasNext))]
}
