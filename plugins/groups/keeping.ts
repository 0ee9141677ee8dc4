import { setTimeout as pause } from 'node:timers/promises'
import type { EntityManager, JobContext, PluginTypes } from 'opsgram'
import type { Sight } from './warnings.ts'

const lookEvery = `interval '1 day'`
const looksAtOnce = 5
const batchRows = 2_000
/** A day's numbers of a chat are kept for longer than what happened: nobody is named in them. */
const activityDays = 400

/** Chats of which Telegram is to be asked what the bot may do there: a few at a time, each by one instance. */
export async function unlooked(em: EntityManager): Promise<readonly number[]> {
  const rows = await em.execute<{ chat_id: number | string }[]>(unlookedStatement)
  return rows.map(({ chat_id }) => Number(chat_id))
}

export const unlookedStatement = `update groups_chats set looked_at = now(), version = version + 1
  where chat_id = any(array(
    select chat_id from groups_chats
     where left_at is null and (looked_at is null or looked_at < now() - ${lookEvery})
     order by looked_at nulls first limit ${looksAtOnce}))
  returning chat_id`

type Job = JobContext<PluginTypes & { plugin: { readonly sight: Sight } }>

/** Asks Telegram what the bot is in a chat; one that it is not in any more is marked as left. */
export async function lookAt(ctx: Job, chatId: number): Promise<void> {
  const { telegram, plugin, em } = ctx
  const me = await telegram.getMe()
  plugin.sight.readsAll = me.can_read_all_group_messages
  let status = 'left'
  let canSend = true
  try {
    const member = await telegram.getChatMember(chatId, me.id)
    status = member.status
    canSend = member.status !== 'restricted' || member.can_send_messages
  } catch (error) {
    if (!isRefusal(error)) throw error
  }
  const isGone = status === 'left' || status === 'kicked'
  await em.execute(
    `update groups_chats set status = ?, can_send = ?, left_at = case when ? then coalesce(left_at, ?) end,
       version = version + 1
     where chat_id = ?`,
    [status, canSend, isGone, ctx.now(), chatId],
  )
}

/** 400 "chat not found" and 403: Telegram's word that the bot is not there. */
function isRefusal(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false
  return error.code === 400 || error.code === 403
}

/** The statements of the cleaner, each with a time as its one value. */
export const cleanStatements = {
  events: `delete from groups_events where ctid = any(array(
    select ctid from groups_events where at < ? limit ${batchRows})) returning 1`,
  activity: `delete from groups_activity where ctid = any(array(
    select ctid from groups_activity where day < ? limit ${batchRows})) returning 1`,
  // who brought the bot there is named in them
  left: `delete from groups_chats where ctid = any(array(
    select ctid from groups_chats where left_at < ? limit ${batchRows})) returning 1`,
} as const

/** Deletes what is old, in batches. */
export async function clean(em: EntityManager, days: number, signal: AbortSignal): Promise<void> {
  for (const [name, kept] of [
    ['events', days],
    ['activity', activityDays],
    ['left', days],
  ] as const) {
    const before = new Date(Date.now() - kept * 24 * 3_600_000)
    for (let rows = batchRows; rows === batchRows && !signal.aborted; ) {
      rows = (await em.execute<unknown[]>(cleanStatements[name], [before])).length
      await pause(20, undefined, { signal }).catch(() => undefined)
    }
  }
}
