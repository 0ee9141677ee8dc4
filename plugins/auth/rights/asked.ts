import type { ChatsApi, Html, OpsContext, PluginsApi } from 'opsgram'
import type { Owners } from '../gate/owners.ts'
import type { PersonRow, PersonRows } from '../gate/person-row.ts'
import { notFound } from '../people/change.ts'
import { findPerson } from '../people/find.ts'
import { nameOf } from '../people/name.ts'
import { noGrants } from './grants.ts'
import { type Asked, explain } from './why.ts'

type Asking = Pick<OpsContext, 'em' | 't' | 'language' | 'timeZone' | 'now'> & {
  readonly plugin: { readonly owners: Owners; readonly rows: PersonRows }
  readonly use: { readonly plugins: PluginsApi; readonly chats: ChatsApi }
}

/**
 * Answers `/why`: by the very rows and the very decision that the gate goes by.
 *
 * @param asked the command as it is typed, with a chat and a topic after it if wanted: `log@-1001234/7`
 */
export async function whyOf(
  ctx: Asking,
  asked: { readonly person: string; readonly command: string },
): Promise<Html | string> {
  const { em, t, plugin, use } = ctx
  const found = await findPerson(em, asked.person)
  if (found.kind !== 'person' && found.kind !== 'unknown-id')
    return notFound(found, asked.person, t)
  const { command, place } = parseCommand(asked.command)
  const guard = use.plugins.guardOf(command)
  if (guard === undefined) return t('why.unknown', { command })
  const telegramId = found.kind === 'person' ? found.person.telegramId : found.telegramId
  const now = ctx.now().getTime()
  const isOffThere = place !== undefined && use.chats.of(place.chatId).off.has(guard.plugin)
  const row = await plugin.rows.read(telegramId)
  const rest = { guard, place, isOffThere, now }
  if (row === undefined || found.kind !== 'person') {
    const gate = (await plugin.rows.isLocked()) ? 'lockdown' : 'unknown'
    return explain({ ...rest, name: asked.person, row: strangerRow(telegramId), gate }, ctx)
  }
  const gate = plugin.owners.has(telegramId) ? 'open' : gateOf(row, now)
  return explain({ ...rest, name: nameOf(found.person), row, gate }, ctx)
}

function gateOf({ status, until, locked }: PersonRow, now: number): Asked['gate'] {
  if (status === 'blocked') return status
  if (locked) return 'lockdown'
  if (status === 'pending') return status
  return until !== null && now >= until ? 'over' : 'open'
}

/** One who never wrote. */
function strangerRow(telegramId: number): Asked['row'] {
  const rights = { role: 'stranger', base: undefined, own: noGrants, ofRole: noGrants }
  return { telegram_id: telegramId, rights }
}

function parseCommand(text: string): { command: string; place: Asked['place'] } {
  const [, command = text, chat, topic] =
    /^(.*?)\s*@(-?\d{1,16})(?:\/(\d{1,15}))?$/.exec(text.trim()) ?? []
  if (chat === undefined) return { command, place: undefined }
  const thread = topic === undefined ? {} : { threadId: Number(topic) }
  return { command, place: { chatId: Number(chat), ...thread } }
}
