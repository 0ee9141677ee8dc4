import { type EntityManager, type Html, html, type OpsContext } from 'opsgram'
import { z } from 'zod'
import { momentOf } from '../rights/list.ts'

/** What of the audit log is wanted; what is left out matters not. */
export interface AuditQuery {
  /** Telegram id of who did it. */
  readonly actor?: number | undefined
  /** `user:123`, `role:dba`, `plugin:worklog`. */
  readonly target?: string | undefined
  /** `users.block` */
  readonly action?: string | undefined
  /** `other`: all but done. */
  readonly outcome?: 'done' | 'refused' | 'failed' | 'other' | undefined
  readonly page: number
}

const perPage = 10
/** Nobody turns so many pages; a filter finds what is behind. */
const mostPages = 50

const rowSchema = z.object({
  actor_id: z.coerce.number().nullable(),
  actor_name: z.string().nullable(),
  action: z.string(),
  target: z.string().nullable(),
  outcome: z.string(),
  reason: z.string().nullable(),
  error_id: z.string().nullable(),
  created_at: z.coerce.date(),
})

/** The statement of a page, with its values: one row more than is shown tells whether there is a next. */
export function auditStatement({ actor, target, action, outcome, page }: AuditQuery) {
  const filters: { sql: string; value?: string | number | undefined }[] = [
    ...(actor === undefined ? [] : [{ sql: 'actor_id = ?', value: actor }]),
    ...(target === undefined ? [] : [{ sql: 'target = ?', value: target }]),
    ...(action === undefined ? [] : [{ sql: 'action = ?', value: action }]),
    // what was not done is little, and has an index of its own
    ...(outcome === undefined || outcome === 'done' ? [] : [{ sql: "outcome <> 'done'" }]),
    ...(outcome === undefined || outcome === 'other'
      ? []
      : [{ sql: 'outcome = ?', value: outcome }]),
  ]
  const where = filters.length === 0 ? '' : `where ${filters.map(({ sql }) => sql).join(' and ')}`
  const values = filters.flatMap(({ value }) => (value === undefined ? [] : [value]))
  return {
    sql: `select actor_id, actor_name, action, target, outcome, reason, error_id, created_at from audit_log ${where}
      order by created_at desc limit ${perPage + 1} offset ${(Math.min(page, mostPages) - 1) * perPage}`,
    values,
  }
}

export interface AuditPage {
  readonly text: Html
  readonly hasNext: boolean
}

/** For which refusals there are words; any other reason is a person's, or a code for the log. */
const codes = ['permission', 'unapproved'] as const

function isCode(reason: string | null): reason is (typeof codes)[number] {
  return codes.some((code) => code === reason)
}

export async function listAudit(
  em: EntityManager,
  query: AuditQuery,
  reader: Pick<OpsContext, 't' | 'language' | 'timeZone'>,
): Promise<AuditPage> {
  const { t } = reader
  const { sql, values } = auditStatement(query)
  const rows = z.array(rowSchema).parse(await em.execute<unknown[]>(sql, values))
  if (rows.length === 0) return { text: html`${t('audit.none')}`, hasNext: false }
  const lines = rows.slice(0, perPage).map((row) => {
    const who = row.actor_name ?? (row.actor_id === null ? t('audit.bot') : String(row.actor_id))
    const mark = row.outcome === 'done' ? '✓' : '✗'
    const about = [
      row.outcome === 'done' ? undefined : t(`audit.outcome.${row.outcome}`),
      isCode(row.reason) ? t(`audit.reason.${row.reason}`) : row.reason,
      row.error_id,
    ]
    const why = about.filter(Boolean).join(', ')
    return html`\n${mark} ${momentOf(row.created_at, reader)} · <b>${who}</b> · ${row.action}${row.target && html` → <code>${row.target}</code>`}${why && ` (${why})`}`
  })
  const hasNext = rows.length > perPage && query.page < mostPages
  return { text: html`<b>${t('audit.heading', { page: query.page })}</b>${lines}`, hasNext }
}
