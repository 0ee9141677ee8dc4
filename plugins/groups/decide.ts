import { AuditEntry, type ChatsApi, type PluginsApi } from 'opsgram'
import { GroupChat } from './entities.ts'
import { type Looking, switchable } from './screen.ts'

/** Approves a chat. @returns what to tell */
export async function approve(ctx: Looking, chatId: number): Promise<string> {
  const { em, actor, t } = ctx
  const chat = await em.findOne(GroupChat, { chatId })
  if (chat === null || chat.leftAt !== null) return t('card.gone')
  if (chat.approvedAt !== null) return t('approval.over')
  chat.approvedAt = ctx.now()
  chat.approvedBy = actor.telegramId
  chat.approvedByName = actor.name
  chat.leaveAt = null
  audit(ctx, 'groups.approve', chatId)
  return t('approval.approved', { title: chat.title })
}

/** Has the bot leave. @returns what to tell */
export async function leave(
  ctx: Looking & { enqueue(job: 'leave', data: { chatId: number }): string },
  chatId: number,
): Promise<string> {
  const { em, t } = ctx
  const chat = await em.findOne(GroupChat, { chatId })
  if (chat === null || chat.leftAt !== null) return t('card.gone')
  chat.leavingAt = ctx.now()
  ctx.enqueue('leave', { chatId })
  audit(ctx, 'groups.leave', chatId)
  return t('approval.leaving', { title: chat.title })
}

/** Switches a plugin off in a chat, or on again. @returns what to tell */
export async function toggle(
  ctx: Looking & { readonly use: { readonly chats: ChatsApi; readonly plugins: PluginsApi } },
  { chat, plugin, off }: { chat: number; plugin: string; off: boolean },
): Promise<string> {
  const { use, t } = ctx
  // one that is gone may still be switched on again
  if (off && !(await switchable(use.plugins)).includes(plugin))
    return t('plugins.never', { plugin })
  await use.chats.change(ctx, chat, { plugin: { name: plugin, isOff: off } })
  audit(ctx, off ? 'groups.plugin-off' : 'groups.plugin-on', chat, { plugin })
  return t(off ? 'plugins.off' : 'plugins.on', { plugin })
}

function audit(
  { em, actor, facts }: Looking,
  action: string,
  chatId: number,
  after?: Record<string, unknown>,
): void {
  em.create(AuditEntry, {
    actorId: actor.telegramId,
    actorName: actor.name,
    plugin: 'groups',
    action,
    target: `chat:${chatId}`,
    chatId: facts.chatId ?? null,
    outcome: 'done',
    ...(after === undefined ? {} : { after }),
  })
}
