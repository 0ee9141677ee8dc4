import {
  type ActiveUser,
  type Button,
  bold,
  buttons,
  type ChatsApi,
  type Content,
  code,
  edit,
  type Html,
  html,
  message,
  type OpsContext,
  type PluginsApi,
} from 'opsgram'
import { z } from 'zod'
import { GroupChat } from './entities.ts'
import { momentOf } from './moment.ts'
import { wordsOf } from './reports.ts'
import { type Sight, warningsOf } from './warnings.ts'

/** Makes the buttons of the screens. */
interface ButtonMaker {
  button(action: 'page', data: { page: number }, options?: { label?: string }): Button
  button(
    action: 'show' | 'plugins' | 'approve' | 'leave' | 'sure',
    data: { chat: number },
    options?: { label?: string },
  ): Button
  button(
    action: 'toggle',
    data: { chat: number; plugin: string; off: boolean },
    options?: { label?: string },
  ): Button
}

/** Who looks. */
export type Looking = OpsContext &
  ButtonMaker & {
    readonly actor: ActiveUser
    readonly plugin: { readonly sight: Sight }
    readonly use: { readonly chats: ChatsApi; readonly plugins: PluginsApi }
    can(permission: 'groups.manage'): boolean
  }

const perPage = 8
/** Nobody turns so many pages. */
const mostPages = 100
const perRow = 4
const recent = 5
const days = 7

/** What the pages show, newest first, one more than fits. */
export function chatsStatement(page: number): string {
  return `select chat_id, title, type, status, can_send, seen_at from groups_chats where left_at is null
    order by seen_at desc limit ${perPage + 1} offset ${(page - 1) * perPage}`
}

const lineShape = z.object({
  chat_id: z.coerce.number(),
  title: z.string(),
  type: z.string(),
  status: z.string(),
  can_send: z.boolean(),
  seen_at: z.coerce.date(),
})

/** Chats that the bot is in. */
export async function listScreen(
  ctx: Looking,
  wanted: number,
): Promise<[Html, readonly (readonly Button[])[]]> {
  const { t, em } = ctx
  const page = Math.min(wanted, mostPages)
  const rows = z.array(lineShape).parse(await em.execute<unknown[]>(chatsStatement(page)))
  if (rows.length === 0) return [html`${t('list.none')}`, []]
  const shown = rows.slice(0, perPage)
  const lines = shown.map(({ title, type, status, can_send: canSend, seen_at, chat_id }, index) => {
    const warned = warningsOf({ type, status, canSend }, ctx.plugin.sight).length > 0
    const off = ctx.use.chats.of(chat_id).off.size
    return html`\n${index + 1}. ${bold(title)}${warned && ' ⚠️'}${off > 0 && ` ⛔${off}`} — ${momentOf(seen_at, ctx)}`
  })
  const keys = shown.map(({ chat_id: chat }, index) =>
    ctx.button('show', { chat }, { label: String(index + 1) }),
  )
  const turns = [
    ...(page > 1 ? [ctx.button('page', { page: page - 1 }, { label: `‹ ${page - 1}` })] : []),
    ...(rows.length > perPage && page < mostPages
      ? [ctx.button('page', { page: page + 1 }, { label: `${page + 1} ›` })]
      : []),
  ]
  return [
    html`${bold(t('list.heading'))}${lines}`,
    [...rowsOf(keys, perRow), ...(turns.length > 0 ? [turns] : [])],
  ]
}

const eventShape = z.object({
  kind: z.string(),
  personName: z.string(),
  byName: z.string().nullable(),
  at: z.coerce.date(),
})

/** The statements of a chat's card, each with the chat as its one value. */
export const cardStatements = {
  events: `select kind, person_name as "personName", by_name as "byName", at from groups_events where chat_id = ? order by at desc limit ${recent}`,
  activity: `select coalesce(sum(messages), 0)::int as messages, coalesce(sum(commands), 0)::int as commands
    from groups_activity where chat_id = ? and day > now()::date - ${days}`,
} as const

/** All that is known of one chat, and what may be done about it. */
export async function chatScreen(ctx: Looking, chatId: number): Promise<Content> {
  const { em, t } = ctx
  const chat = await em.findOne(GroupChat, { chatId })
  if (chat === null) return edit(t('card.gone'), buttons([toList(ctx)]))
  const events = z
    .array(eventShape)
    .parse(await em.execute<unknown[]>(cardStatements.events, [chatId]))
  const [said] = await em.execute<{ messages: number; commands: number }[]>(
    cardStatements.activity,
    [chatId],
  )
  const { language, timeZone, off } = ctx.use.chats.of(chatId)
  const isIn = chat.leftAt === null
  const text = html`${bold(chat.title)}${[
    html`\n${t('card.id')}: ${code(chatId)}`,
    html`\n${t('card.type')}: ${t(`type.${chat.type}`, { defaultValue: chat.type })}`,
    html`\n${t('card.status')}: ${t(`status.${chat.status}`, { defaultValue: chat.status })}`,
    chat.addedByName && html`\n${t('card.added')}: ${chat.addedByName}`,
    chat.addedAt && html`, ${momentOf(chat.addedAt, ctx)}`,
    chat.approvedByName && html`\n${t('card.approved')}: ${chat.approvedByName}`,
    chat.leaveAt && html`\n${t('card.leaves')}: ${momentOf(chat.leaveAt, ctx)}`,
    html`\n${t('card.seen')}: ${momentOf(chat.seenAt, ctx)}`,
    html`\n${t('card.said', { count: said?.messages ?? 0, commands: said?.commands ?? 0 })}`,
    language !== undefined && html`\n${t('card.language')}: ${language}`,
    timeZone !== undefined && html`\n${t('card.timeZone')}: ${timeZone}`,
    off.size > 0 && html`\n${t('card.off')}: ${[...off].join(', ')}`,
    isIn &&
      warningsOf(chat, ctx.plugin.sight).map((warning) => html`\n⚠️ ${t(`warning.${warning}`)}`),
    events.length > 0 && html`\n\n${t('card.recent')}`,
    events.map((event) => html`\n${momentOf(event.at, ctx)} · ${wordsOf(event, t)}`),
  ]}`
  const keys = ctx.can('groups.manage') && isIn ? keysFor(ctx, chat) : []
  return edit(text, buttons(...keys, [toList(ctx)]))
}

function keysFor(ctx: Looking, { chatId: chat, approvedAt }: GroupChat): readonly Button[][] {
  const { t } = ctx
  return [
    [ctx.button('plugins', { chat }, { label: t('key.plugins') })],
    [
      ...(approvedAt === null
        ? [ctx.button('approve', { chat }, { label: t('key.approve') })]
        : []),
      ctx.button('leave', { chat }, { label: t('key.leave') }),
    ],
  ]
}

/** Which plugins answer in a chat: a press switches one. */
export async function pluginsScreen(ctx: Looking, chatId: number): Promise<Content> {
  const { t, use, em } = ctx
  const chat = await em.findOne(GroupChat, { chatId })
  if (chat === null) return edit(t('card.gone'), buttons([toList(ctx)]))
  const { off } = use.chats.of(chatId)
  const names = await switchable(use.plugins)
  const keys = [...new Set([...names, ...off])]
    .sort()
    .map((plugin) =>
      ctx.button(
        'toggle',
        { chat: chatId, plugin, off: !off.has(plugin) },
        { label: `${off.has(plugin) ? '⛔' : '✅'} ${plugin}` },
      ),
    )
  return edit(
    html`${bold(chat.title)}\n${t('plugins.ask')}`,
    buttons(...rowsOf(keys, 2), [ctx.button('show', { chat: chatId }, { label: t('key.back') })]),
  )
}

/** Live plugins that may be switched off: not what lets people in, and not this one, by which they come back. */
export async function switchable(plugins: PluginsApi): Promise<readonly string[]> {
  const live = plugins.list().filter(({ state }) => state === 'active' || state === 'quarantined')
  const found: string[] = []
  for (const { name } of live) {
    if (name === 'groups' || (await plugins.details(name)).isProtected) continue
    found.push(name)
  }
  return found
}

export function toList(ctx: Looking): Button {
  return ctx.button('page', { page: 1 }, { label: ctx.t('key.list') })
}

export async function shownList(ctx: Looking, page: number): Promise<Content> {
  const [text, keys] = await listScreen(ctx, page)
  return message(text, buttons(...keys))
}

function rowsOf<T>(keys: readonly T[], wide: number): T[][] {
  return Array.from({ length: Math.ceil(keys.length / wide) }, (_, row) =>
    keys.slice(row * wide, (row + 1) * wide),
  )
}
