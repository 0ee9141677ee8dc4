import { type EntityManager, type Html, html, type Translate, type UserStatus } from 'opsgram'
import { z } from 'zod'
import { roles } from '../roles.ts'
import { ago, nameOf } from './name.ts'

export interface ListQuery {
  readonly page: number
  readonly status: UserStatus | undefined
}

export interface People {
  readonly text: Html
  /** The page shown: the last one, if a later one was asked for. */
  readonly page: number
  readonly pages: number
}

const perPage = 10

const rowSchema = z.object({
  telegram_id: z.coerce.number(),
  username: z.string().nullable(),
  first_name: z.string().nullable(),
  last_name: z.string().nullable(),
  role: z.string(),
  status: z.string(),
  last_seen_at: z.coerce.date().nullable(),
})

/** One page of people: those let in first, by role, then by name. */
export async function listPeople(
  em: EntityManager,
  { page, status }: ListQuery,
  { t, language }: { t: Translate; language: string | undefined },
): Promise<People> {
  const where = status === undefined ? '' : 'where status = ?'
  const given = status === undefined ? [] : [status]
  const counted = await em.execute<{ count: number | string }[]>(
    `select count(*) as count from bot_users ${where}`,
    given,
  )
  const total = Number(counted[0]?.count ?? 0)
  const pages = Math.max(1, Math.ceil(total / perPage))
  const shown = Math.min(page, pages)
  const rows = await em.execute<unknown[]>(
    `select telegram_id, username, first_name, last_name, role, status, last_seen_at
     from bot_users ${where}
     order by array_position(array['active', 'pending', 'blocked'], status),
       array_position(array[${roles.map((role) => `'${role}'`).join(', ')}], role),
       lower(coalesce(first_name, username, '')), telegram_id
     limit ${perPage} offset ?`,
    [...given, (shown - 1) * perPage],
  )
  const now = new Date()
  const lines = rows.map((row) => {
    const person = rowSchema.parse(row)
    const { telegram_id: telegramId, username, last_seen_at: seen } = person
    const name = nameOf({
      telegramId,
      username,
      firstName: person.first_name,
      lastName: person.last_name,
    })
    const standing =
      person.status === 'active'
        ? t(`role.${person.role}`, { defaultValue: person.role })
        : t(`status.${person.status}`)
    const when = seen === null ? t('never') : ago(seen, now, language)
    return html`\n• ${name} — ${standing}, ${when} — <code>${telegramId}</code>`
  })
  const heading = t(pages > 1 ? 'list.pages' : 'list.heading', { total, page: shown, pages })
  const text = total === 0 ? html`${t('list.none')}` : html`<b>${heading}</b>${lines}`
  return { text, page: shown, pages }
}

/** Where one can turn to from a page; nowhere when there is only one. */
export function turnsOf({ page, pages }: People): { label: string; page: number }[] {
  return [
    ...(page > 1 ? [{ label: `‹ ${page - 1}`, page: page - 1 }] : []),
    ...(page < pages ? [{ label: `${page + 1} ›`, page: page + 1 }] : []),
  ]
}
