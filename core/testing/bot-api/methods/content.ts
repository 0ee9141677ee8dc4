import { ApiFailure, badRequest, forbidden } from '../failure.ts'
import type { Params } from '../request.ts'
import { trimmed, withFoundEntities } from '../text/entities.ts'
import type { FormattedText, UserLookup } from '../text/formatted.ts'
import { parseHtml } from '../text/html.ts'
import { parseMarkup } from '../text/keyboard.ts'
import { parseMarkdown } from '../text/markdown.ts'
import { parseMarkdownV2 } from '../text/markdown-v2.ts'
import type { ApiEntity, ApiMessage } from '../wire.ts'
import type { Chat } from '../world/chat.ts'
import type { StoredMessage } from '../world/message.ts'
import type { Content } from '../world/world.ts'
import type { Backend } from './method.ts'

/** Characters after the markup is read. */
const textLimit = 4096
const captionLimit = 1024

/** The chat a call writes to. @throws {ApiFailure} 400 unknown or migrated, 403 not allowed */
export function writableChat({ world }: Backend, params: Params, field = 'chat_id'): Chat {
  const chat = world.resolve(params.string(field))
  if (chat.migratedTo !== undefined) {
    throw new ApiFailure(400, 'Bad Request: group chat was upgraded to a supergroup chat', {
      migrate_to_chat_id: chat.migratedTo,
    })
  }
  if (chat.refusal) throw forbidden(chat.refusal)
  if (!chat.isPrivate && !chat.isMember(world.bot.id)) {
    throw forbidden(
      `bot is not a member of the ${chat.api.type === 'channel' ? 'channel' : 'supergroup'} chat`,
    )
  }
  return chat
}

/** `text` of sendMessage and editMessageText. @throws {ApiFailure} 400 */
export function textOf(backend: Backend, params: Params): { text: string; entities?: ApiEntity[] } {
  const source = params.string('text')
  if (source === '') throw badRequest('message text is empty')
  const said = formatted(backend, params, source, 'entities')
  if (said.text === '') throw badRequest('text must be non-empty')
  if (said.text.length > textLimit) throw badRequest('message is too long')
  return said.entities.length > 0 ? said : { text: said.text }
}

/** `caption` of media; all of it may be absent. @throws {ApiFailure} 400 */
export function captionOf(
  backend: Backend,
  params: Params,
): { caption?: string; caption_entities?: ApiEntity[] } {
  const said = formatted(backend, params, params.string('caption'), 'caption_entities')
  if (said.text.length > captionLimit) throw badRequest('message caption is too long')
  return {
    ...(said.text !== '' && { caption: said.text }),
    ...(said.entities.length > 0 && { caption_entities: said.entities }),
  }
}

const readers: Readonly<Record<string, (source: string, user: UserLookup) => FormattedText>> = {
  html: parseHtml,
  markdown: parseMarkdown,
  markdownv2: parseMarkdownV2,
}

function formatted(
  { world }: Backend,
  params: Params,
  source: string,
  entitiesField: string,
): FormattedText {
  const mode = params.string('parse_mode').toLowerCase()
  const read = readers[mode]
  if (read === undefined && mode !== '') throw badRequest('unsupported parse_mode')
  const parsed = read
    ? read(source, (id) => world.personById(id)?.user)
    : { text: source, entities: givenEntities(params.json(entitiesField), source.length) }
  const kept = trimmed(parsed.text, parsed.entities)
  return { text: kept.text, entities: withFoundEntities(kept.text, kept.entities) }
}

/** Entities given as such; those outside the text are dropped, as Telegram drops them. */
function givenEntities(value: unknown, length: number): ApiEntity[] {
  if (!Array.isArray(value)) return []
  return value.filter(
    (e: Partial<ApiEntity> | null): e is ApiEntity =>
      typeof e?.type === 'string' &&
      Number.isInteger(e.offset) &&
      Number.isInteger(e.length) &&
      (e.offset ?? -1) >= 0 &&
      (e.length ?? 0) > 0 &&
      (e.offset ?? 0) + (e.length ?? 0) <= length,
  )
}

/** Sends content of any kind: reply, topic, buttons and silence are the same for all. */
export function send(
  backend: Backend,
  chat: Chat,
  params: Params,
  content: Content,
): StoredMessage {
  const { world } = backend
  const { inline, reply } = parseMarkup(params.json('reply_markup'))
  return world.post(
    chat,
    {
      ...(chat.api.type === 'channel' ? { sender_chat: chat.api } : {}),
      from: world.bot,
      ...topicOf(chat, params),
      ...replyOf(backend, chat, params),
      ...content,
      ...(params.flag('protect_content') && { has_protected_content: true as const }),
      ...(inline && { reply_markup: inline }),
    },
    { silent: params.flag('disable_notification'), keyboard: reply },
  )
}

function topicOf(chat: Chat, params: Params): Pick<ApiMessage, 'message_thread_id'> {
  if (!params.has('message_thread_id')) return {}
  const id = params.integer('message_thread_id')
  if (!chat.api.is_forum || !chat.topics.has(id)) throw badRequest('message thread not found')
  return { message_thread_id: id, ...{ is_topic_message: true } }
}

function replyOf(
  { world }: Backend,
  chat: Chat,
  params: Params,
): { reply_to_message?: ApiMessage } {
  // Bot API before 7.0 had two plain fields; both ways still work there.
  const reply = params.json('reply_parameters') ?? {
    message_id: params.integer('reply_to_message_id'),
    allow_sending_without_reply: params.flag('allow_sending_without_reply'),
  }
  if (typeof reply !== 'object' || reply === null || !('message_id' in reply)) {
    throw badRequest("can't parse reply parameters: expected an Object with message_id")
  }
  const id = Number(reply.message_id)
  if (!id) return {}
  const from = 'chat_id' in reply ? world.resolve(String(reply.chat_id)) : chat
  const found = from.message(id)
  if (found) {
    const { reply_to_message: _nested, ...message } = found.api
    return { reply_to_message: message }
  }
  if ('allow_sending_without_reply' in reply && reply.allow_sending_without_reply === true) {
    return {}
  }
  throw badRequest('message to be replied not found')
}
