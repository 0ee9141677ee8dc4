import { ChatSettings } from '../../database/entities/chat-settings.ts'
import { OpsError } from '../../errors.ts'
import { type OpsContext, runBehind } from '../run/context.ts'
import type { ChatSetting, ChatSettingsCache } from './settings.ts'

/** What may be decided for a chat; null takes it back. */
export interface ChatChange {
  readonly language?: string | null
  readonly timeZone?: string | null
  /** Switches a plugin off there, or on again. */
  readonly plugin?: { readonly name: string; readonly isOff: boolean }
}

/** Settings of single chats: their language and time, and which plugins are silent there. */
export interface ChatsApi {
  of(chatId: number): ChatSetting
  /**
   * Decides something for a chat, with the update that `ctx` is of: it holds from the commit on. Who may is for the
   * caller to ask, and to put on record.
   *
   * @throws OPS_CHAT_PLUGIN a plugin that lets people in, which can't be switched off in a chat
   */
  change(ctx: OpsContext, chatId: number, change: ChatChange): Promise<void>
}

const nothing: ChatSetting = { off: new Set() }

export function chatsService(parts: {
  readonly settings: ChatSettingsCache
  readonly isProtected: (plugin: string) => boolean
}): ChatsApi {
  const { settings, isProtected } = parts
  return {
    of: (chatId) => settings.of(chatId) ?? nothing,
    async change(ctx, chatId, { language, timeZone, plugin }) {
      const run = runBehind(ctx)
      if (plugin?.isOff === true && isProtected(plugin.name)) {
        throw new OpsError('OPS_CHAT_PLUGIN', `${plugin.name} can't be switched off in a chat`, {
          details: { plugin: plugin.name, chatId },
        })
      }
      const known = await run.em.findOne(ChatSettings, { chatId })
      const row = known ?? run.em.create(ChatSettings, { chatId })
      if (language !== undefined) row.language = language
      if (timeZone !== undefined) row.timeZone = timeZone
      if (plugin !== undefined) {
        const off = new Set(row.pluginsOff ?? [])
        if (plugin.isOff) off.add(plugin.name)
        else off.delete(plugin.name)
        row.pluginsOff = [...off].sort()
      }
      run.afterCommit.push(() =>
        settings.put({
          chat_id: chatId,
          language: row.language ?? null,
          time_zone: row.timeZone ?? null,
          plugins_off: [...(row.pluginsOff ?? [])],
          version: row.version,
        }),
      )
    },
  }
}
