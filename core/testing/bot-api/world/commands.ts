import { badRequest } from '../failure.ts'
import type { ApiCommand } from '../wire.ts'
import type { Chat } from './chat.ts'

const plainScopes = new Set([
  'default',
  'all_private_chats',
  'all_group_chats',
  'all_chat_administrators',
])

/** The bot's command menus by scope and language, and which of them a person sees. */
export class Commands {
  readonly #lists = new Map<string, ApiCommand[]>()

  /** @throws {ApiFailure} 400 for commands and scopes that Telegram refuses */
  set(commands: unknown, scope: unknown, language: string): void {
    const list = parseCommands(commands)
    const key = `${scopeKey(scope)} ${languageOf(language)}`
    if (list.length > 0) this.#lists.set(key, list)
    else this.#lists.delete(key)
  }

  get(scope: unknown, language: string): ApiCommand[] {
    return this.#lists.get(`${scopeKey(scope)} ${languageOf(language)}`) ?? []
  }

  /**
   * The menu of a person in a chat: the first list found, narrowest scope first, the person's
   * language before none (https://core.telegram.org/bots/api#determining-list-of-commands).
   */
  seenBy(userId: number, chat: Chat, language: string): ApiCommand[] {
    for (const scope of scopesFor(userId, chat)) {
      for (const lang of [language.slice(0, 2), '']) {
        const list = this.#lists.get(`${scope} ${lang}`)
        if (list) return list
      }
    }
    return []
  }
}

function scopesFor(userId: number, chat: Chat): string[] {
  if (chat.isPrivate) return [`chat:${chat.id}`, 'all_private_chats', 'default']
  const admin = chat.isAdministrator(userId)
  return [
    `chat_member:${chat.id}:${userId}`,
    ...(admin ? [`chat_administrators:${chat.id}`] : []),
    `chat:${chat.id}`,
    ...(admin ? ['all_chat_administrators'] : []),
    'all_group_chats',
    'default',
  ]
}

function scopeKey(scope: unknown): string {
  if (scope === undefined) return 'default'
  if (typeof scope !== 'object' || scope === null || !('type' in scope)) {
    throw badRequest("can't parse BotCommandScope: object expected")
  }
  const { type } = scope
  const chatId = 'chat_id' in scope ? Number(scope.chat_id) : Number.NaN
  const userId = 'user_id' in scope ? Number(scope.user_id) : Number.NaN
  if (typeof type === 'string' && plainScopes.has(type)) return type
  if (type === 'chat_member') {
    if (Number.isNaN(chatId)) throw badRequest('chat not found')
    if (Number.isNaN(userId)) throw badRequest('invalid user_id specified')
    return `chat_member:${chatId}:${userId}`
  }
  if (type === 'chat' || type === 'chat_administrators') {
    if (Number.isNaN(chatId)) throw badRequest('chat not found')
    return `${type}:${chatId}`
  }
  throw badRequest("can't parse BotCommandScope: Unsupported type specified")
}

function languageOf(code: string): string {
  if (code !== '' && !/^[a-z]{2}$/.test(code)) throw badRequest('invalid language_code specified')
  return code
}

function parseCommands(value: unknown): ApiCommand[] {
  if (value === undefined) return []
  if (!Array.isArray(value))
    throw badRequest("can't parse commands: expected an Array of BotCommand")
  if (value.length > 100) throw badRequest('BOT_COMMANDS_TOO_MUCH')
  return value.map((entry: { command?: unknown; description?: unknown } | null) => {
    const command = String(entry?.command ?? '').replace(/^\//, '')
    const description = String(entry?.description ?? '')
    if (!/^[a-z0-9_]{1,32}$/.test(command)) throw badRequest('BOT_COMMAND_INVALID')
    if (description.length < 1 || description.length > 256) {
      throw badRequest('BOT_COMMAND_DESCRIPTION_INVALID')
    }
    return { command, description }
  })
}
