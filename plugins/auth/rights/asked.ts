import type { Html, OpsContext, PluginsApi } from 'opsgram'
import type { Owners } from '../gate/owners.ts'
import type { PersonRow, PersonRows } from '../gate/person-row.ts'
import { notFound } from '../people/change.ts'
import { findPerson } from '../people/find.ts'
import { nameOf } from '../people/name.ts'
import { type Asked, explain } from './why.ts'

type Asking = Pick<OpsContext, 'em' | 't' | 'language' | 'timeZone' | 'now'> & {
  readonly plugin: { readonly owners: Owners; readonly rows: PersonRows }
  readonly use: { readonly plugins: PluginsApi }
}

/** Answers `/why`: by the very rows and the very decision that the gate goes by. */
export async function whyOf(
  ctx: Asking,
  asked: { readonly person: string; readonly command: string },
): Promise<Html | string> {
  const { em, t, plugin, use } = ctx
  const found = await findPerson(em, asked.person)
  if (found.kind !== 'person') return notFound(found, asked.person, t)
  const guard = use.plugins.guardOf(asked.command)
  if (guard === undefined) return t('why.unknown', { command: asked.command })
  const { telegramId } = found.person
  const row = await plugin.rows.read(telegramId)
  if (row === undefined) return t('notFound.unknown-id', { named: asked.person })
  const now = ctx.now().getTime()
  const gate = plugin.owners.has(telegramId) ? 'open' : gateOf(row, now)
  return explain({ name: nameOf(found.person), row, gate, guard, now }, ctx)
}

function gateOf({ status, until, locked }: PersonRow, now: number): Asked['gate'] {
  if (status !== 'active') return status
  if (until !== null && now >= until) return 'over'
  return locked ? 'lockdown' : 'open'
}
