import { AccessGrant, BotUser, type EntityManager, type Html, html, type OpsContext } from 'opsgram'
import type { Owners } from '../gate/owners.ts'
import { nameOf } from '../people/name.ts'
import { findHolder } from './holder.ts'

type Reader = Pick<OpsContext, 't' | 'language' | 'timeZone' | 'now'>

/** A screen shows so many. */
const shown = 40

/** Answers `/grants`. @param who an id, a `@name` or a role; undefined: everybody */
export async function showGrants(
  ctx: Reader & Pick<OpsContext, 'em'> & { readonly plugin: { readonly owners: Owners } },
  who: string | undefined,
): Promise<Html | string> {
  if (who === undefined) return listGrants(ctx.em, {}, ctx)
  const found = await findHolder(ctx.em, who, { owners: ctx.plugin.owners, t: ctx.t })
  if (found.kind === 'none') return found.text
  const of = found.kind === 'role' ? { role: found.role } : { person: found.telegramId }
  return listGrants(ctx.em, of, ctx)
}

/** Grants of one holder, or all of them, the newest last. */
async function listGrants(
  em: EntityManager,
  of: { readonly role: string } | { readonly person: number } | Record<never, never>,
  reader: Reader,
): Promise<Html> {
  const [grants, total] = await em.findAndCount(AccessGrant, of, {
    orderBy: { createdAt: 'asc' },
    limit: shown,
  })
  if (total === 0) return html`${reader.t('grants.none')}`
  const more = total > shown && html`\n${reader.t('grants.more', { count: total - shown })}`
  const ids = grants.flatMap(({ person }) => person ?? [])
  const people = await em.find(BotUser, { telegramId: { $in: ids } })
  const lines = grants.map((grant) => {
    const person = people.find(({ telegramId }) => telegramId === grant.person)
    // the id as well: names are what people call themselves
    const who = person && html`<b>${nameOf(person)}</b> <code>${person.telegramId}</code>`
    const holder = who ?? html`<b>${grant.role ?? String(grant.person)}</b>`
    return html`\n<code>${grant.id}</code> ${holder}: ${grantLine(grant, reader)}`
  })
  return html`<b>${reader.t('grants.heading', { count: total })}</b>${lines}${more}`
}

/** `+ worklog.write, in -100123, until 5 May, 12:00 (on duty)` */
export function grantLine(grant: AccessGrant, reader: Reader): string {
  const { t } = reader
  const { permission, effect, chatId, threadId, expiresAt, reason } = grant
  const parts = [
    `${effect === 'allow' ? '+' : '−'} ${permission}`,
    chatId == null ? undefined : t('grants.inChat', { chat: placeName(chatId, threadId) }),
    expiresAt == null
      ? undefined
      : t(expiresAt <= reader.now() ? 'grants.ended' : 'until', {
          when: momentOf(expiresAt, reader),
        }),
  ]
  const text = parts.filter((part) => part !== undefined).join(', ')
  return reason == null ? text : `${text} (${reason})`
}

export function placeName(chat: number, thread: number | null | undefined): string {
  return thread == null ? String(chat) : `${chat}/${thread}`
}

export function momentOf(
  at: Date,
  { language, timeZone }: Pick<OpsContext, 'language' | 'timeZone'>,
): string {
  return at.toLocaleString(language, { timeZone, dateStyle: 'medium', timeStyle: 'short' })
}
