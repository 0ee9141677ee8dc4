import type { Button, OpsContext, UserStatus } from 'opsgram'
import type { AuditQuery } from '../audit/list.ts'
import { type Listed, type People, turnsOf } from './list.ts'

interface Labelled {
  label?: string
}

/** What a menu is about. */
export type MenuOf = 'role' | 'add' | 'time' | 'rights' | 'give' | 'for'

/** Makes the buttons of the screens about people. */
export interface ButtonMaker {
  button(action: 'page', data: { page: number; status?: UserStatus }, options?: Labelled): Button
  button(action: 'person', data: { id: number }, options?: Labelled): Button
  button(
    action: 'menu',
    data: { id: number; of: MenuOf; page?: number; permission?: string },
    options?: Labelled,
  ): Button
  button(action: 'sure', data: { id: number; act: string }, options?: Labelled): Button
  button(
    action: 'do',
    data: { id: number; act: string },
    options: Labelled & { fingerprint: string },
  ): Button
  button(action: 'audit', data: AuditQuery, options?: Labelled): Button
}

type Maker = Pick<OpsContext, 't'> & ButtonMaker
type Keys = readonly (readonly Button[])[]

const perRow = 5

/** A button for each line of a list, by its number. */
export function peopleKeys(ctx: Maker, people: readonly Listed[]): Keys {
  const keys = people.map(({ telegramId }, index) =>
    ctx.button('person', { id: telegramId }, { label: String(index + 1) }),
  )
  const rows = Array.from({ length: Math.ceil(keys.length / perRow) }, (_, row) =>
    keys.slice(row * perRow, (row + 1) * perRow),
  )
  return rows
}

const statuses = [undefined, 'active', 'pending', 'blocked'] as const

/** The same, the pages before and after, and the others of another status. */
export function listKeys(ctx: Maker, people: People, status: UserStatus | undefined): Keys {
  const turns = turnsOf(people).map(({ label, page }) =>
    ctx.button('page', status === undefined ? { page } : { page, status }, { label }),
  )
  const filters = statuses.map((one) => {
    const label = ctx.t(`list.only.${one ?? 'all'}`)
    const data = one === undefined ? { page: 1 } : { page: 1, status: one }
    return ctx.button('page', data, { label: one === status ? `· ${label} ·` : label })
  })
  return [...peopleKeys(ctx, people.people), ...(turns.length > 0 ? [turns] : []), filters]
}

/** Where to turn in the audit log, and its refusals by one press. */
export function auditKeys(ctx: Maker, query: AuditQuery, hasNext: boolean): Keys {
  const to = (page: number, label: string) => ctx.button('audit', { ...query, page }, { label })
  const turns = [
    ...(query.page > 1 ? [to(query.page - 1, `‹ ${query.page - 1}`)] : []),
    ...(hasNext ? [to(query.page + 1, `${query.page + 1} ›`)] : []),
  ]
  const refused = { ...query, outcome: 'other', page: 1 } as const
  const notDone =
    query.outcome === undefined
      ? [[ctx.button('audit', refused, { label: ctx.t('audit.notDone') })]]
      : []
  return [...(turns.length > 0 ? [turns] : []), ...notDone]
}
