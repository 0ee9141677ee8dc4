import { badRequest } from '../failure.ts'
import type { Method } from './method.ts'

/** Telegram lets bots download up to this, bytes. */
const downloadLimit = 20 * 1024 * 1024

/** The bot itself: who it is, its menus, its answers to presses, its files. */
export const botMethods: Record<string, Method> = {
  getMe({ world, privacyMode }) {
    return {
      ...world.bot,
      can_join_groups: true,
      can_read_all_group_messages: !privacyMode,
      supports_inline_queries: false,
    }
  },

  setMyCommands({ world }, params) {
    if (!params.has('commands')) throw badRequest('commands must be non-empty')
    world.commands.set(
      params.json('commands'),
      params.json('scope'),
      params.string('language_code'),
    )
    world.events.emit('commands')
    return true
  },

  deleteMyCommands({ world }, params) {
    world.commands.set([], params.json('scope'), params.string('language_code'))
    world.events.emit('commands')
    return true
  },

  getMyCommands({ world }, params) {
    return world.commands.get(params.json('scope'), params.string('language_code'))
  },

  answerCallbackQuery({ world }, params) {
    const text = params.string('text')
    if (text.length > 200) throw badRequest('MESSAGE_TOO_LONG')
    world.answerPress(params.string('callback_query_id'), {
      text,
      alert: params.flag('show_alert'),
      url: params.string('url'),
    })
    return true
  },

  getFile({ world }, params) {
    const file = world.files.get(params.string('file_id'))
    if (!file) throw badRequest('invalid file_id')
    if (file.data.length > downloadLimit) throw badRequest('file is too big')
    return {
      file_id: file.id,
      file_unique_id: file.id.slice(-12),
      file_size: file.data.length,
      file_path: file.path,
    }
  },
}
