import { type EntityManager, type Html, html, type Translate, type UserStatus } from 'opsgram'
import { z } from 'zod'
import { ago, nameOf } from './name.ts'

export interface ListQuery {
  readonly page: number
  readonly status: UserStatus | undefined
}

/** Somebody in a list. */
export interface Listed {
  readonly telegramId: number
  readonly name: string
}

export interface People {
  readonly text: Html
  /** The page shown: the last one, if a later one was asked for. */
  readonly page: number
  readonly pages: number
  readonly people: readonly Listed[]
}

interface Reader {
  readonly t: Translate
  readonly language: string
}

const perPage = 10
/** Nobody turns so many pages, and counting on would read the whole table: those behind are found by name. */
const most = 1_000

/** As the index `bot_users_listed` has it: those let in first, by role, then by name. */
export const listedOrder = `(case status when 'active' then 0 when 'pending' then 1 else 2 end),
  (case role when 'owner' then 0 when 'admin' then 1 when 'operator' then 2 when 'guest' then 4 else 3 end),
  lower(coalesce(first_name, username, '')), telegram_id`

const statusRank = { active: 0, pending: 1, blocked: 2 } as const
const columns = 'telegram_id, username, first_name, last_name, role, status, last_seen_at'

const rowSchema = z.object({
  telegram_id: z.coerce.number(),
  username: z.string().nullable(),
  first_name: z.string().nullable(),
  last_name: z.string().nullable(),
  role: z.string(),
  status: z.string(),
  last_seen_at: z.coerce.date().nullable(),
})

/** The statements of the list, for whoever wants to know how they are carried out. */
export function listStatements({ page, status }: ListQuery): { count: string; rows: string } {
  const where =
    status === undefined
      ? ''
      : `where (case status when 'active' then 0 when 'pending' then 1 else 2 end) = ${statusRank[status]}`
  return {
    count: `select count(*) as count from (
      select telegram_id from bot_users ${where} order by ${listedOrder} limit ${most + 1}) counted`,
    rows: `select ${columns} from bot_users ${where} order by ${listedOrder}
      limit ${perPage} offset ${(page - 1) * perPage}`,
  }
}

/** One page of people. */
export async function listPeople(
  em: EntityManager,
  { page, status }: ListQuery,
  { t, language }: Reader,
): Promise<People> {
  const [counted] = await em.execute<{ count: number | string }[]>(
    listStatements({ page, status }).count,
  )
  const found = Number(counted?.count ?? 0)
  const total = found > most ? `${most}+` : String(found)
  const pages = Math.max(1, Math.ceil(Math.min(found, most) / perPage))
  const shown = Math.min(page, pages)
  const rows = await em.execute<unknown[]>(listStatements({ page: shown, status }).rows)
  const { lines, people } = linesOf(rows, { t, language })
  const heading = t(pages > 1 ? 'list.pages' : 'list.heading', { total, page: shown, pages })
  const hint = pages > 1 && html`\n\n${t('list.hint')}`
  const text = found === 0 ? html`${t('list.none')}` : html`<b>${heading}</b>${lines}${hint}`
  return { text, page: shown, pages, people }
}

/** A search that is wanted: at most as many as a page has. */
const findText = ['username', 'first_name', 'last_name']
  .map(
    (column) =>
      `(select ${columns} from bot_users where lower(${column}) like ? order by lower(${column}) using ~<~ limit ${perPage + 1})`,
  )
  .join(' union ')

/** The statement of the search, with its values. */
export function findStatement(text: string): { sql: string; values: string[] } {
  // what was typed is a beginning, not a pattern
  const begins = `${text
    .toLowerCase()
    .replace(/^@/, '')
    .replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
  return { sql: findText, values: [begins, begins, begins] }
}

/** People whose name, last name or `@name` begins like this. */
export async function findPeople(
  em: EntityManager,
  text: string,
  { t, language }: Reader,
): Promise<Pick<People, 'text' | 'people'>> {
  const { sql, values } = findStatement(text)
  const rows = await em.execute<unknown[]>(sql, values)
  const { lines, people } = linesOf(rows.slice(0, perPage), { t, language })
  if (rows.length === 0) return { text: html`${t('list.notFound', { text })}`, people }
  const more = rows.length > perPage && html`\n${t('list.moreFound')}`
  return { text: html`<b>${t('list.found', { text })}</b>${lines}${more}`, people }
}

function linesOf(rows: readonly unknown[], { t, language }: Reader) {
  const now = new Date()
  const people: Listed[] = []
  const lines = rows.map((row, index) => {
    const person = rowSchema.parse(row)
    const { telegram_id: telegramId, username, last_seen_at: seen } = person
    const name = nameOf({
      telegramId,
      username,
      firstName: person.first_name,
      lastName: person.last_name,
    })
    people.push({ telegramId, name })
    const standing =
      person.status === 'active'
        ? t(`role.${person.role}`, { defaultValue: person.role })
        : t(`status.${person.status}`)
    const when = seen === null ? t('never') : ago(seen, now, language)
    return html`\n${index + 1}. ${name} — ${standing}, ${when} — <code>${telegramId}</code>`
  })
  return { lines, people }
}

/** Where one can turn to from a page; nowhere when there is only one. */
export function turnsOf({ page, pages }: People): { label: string; page: number }[] {
  return [
    ...(page > 1 ? [{ label: `‹ ${page - 1}`, page: page - 1 }] : []),
    ...(page < pages ? [{ label: `${page + 1} ›`, page: page + 1 }] : []),
  ]
}
