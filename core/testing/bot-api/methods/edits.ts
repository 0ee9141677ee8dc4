import { badRequest } from '../failure.ts'
import type { Params } from '../request.ts'
import { parseMarkup } from '../text/keyboard.ts'
import type { ApiMessage } from '../wire.ts'
import { mediaKinds } from '../world/files.ts'
import type { StoredMessage } from '../world/message.ts'
import { captionOf, textOf, writableChat } from './content.ts'
import { inputMedia } from './media.ts'
import type { Backend, Method } from './method.ts'

/** Editing what the bot has sent. Buttons that are not given again go, as in Telegram. */
export const editMethods: Record<string, Method> = {
  editMessageText(backend, params) {
    const message = editable(backend, params)
    if (message.api.text === undefined) {
      throw badRequest('there is no text in the message to edit')
    }
    const { entities: _old, ...rest } = message.api
    return change(backend, message, params, { ...rest, ...textOf(backend, params) })
  },

  editMessageCaption(backend, params) {
    const message = editable(backend, params)
    if (message.api.text !== undefined) {
      throw badRequest('there is no caption in the message to edit')
    }
    const { caption: _old, caption_entities: _entities, ...rest } = message.api
    return change(backend, message, params, { ...rest, ...captionOf(backend, params) })
  },

  editMessageMedia(backend, params) {
    const message = editable(backend, params)
    const item = params.json('media')
    if (typeof item !== 'object' || item === null)
      throw badRequest('there is no media in the request')
    const media = inputMedia(backend, params, { ...item })
    const { text: _text, entities: _e, caption: _c, caption_entities: _ce, ...rest } = message.api
    for (const kind of mediaKinds) delete rest[kind]
    return change(backend, message, params, { ...rest, ...media })
  },

  editMessageReplyMarkup(backend, params) {
    const message = editable(backend, params)
    return change(backend, message, params, message.api, true)
  },
}

function editable(backend: Backend, params: Params): StoredMessage {
  const id = params.integer('message_id')
  if (!params.has('chat_id') || id === 0) throw badRequest('message identifier is not specified')
  const message = writableChat(backend, params).message(id)
  if (!message) throw badRequest('message to edit not found')
  if (!message.byBot) throw badRequest("message can't be edited")
  return message
}

function change(
  { world }: Backend,
  message: StoredMessage,
  params: Params,
  content: ApiMessage,
  buttonsOnly = false,
): ApiMessage {
  const { inline } = parseMarkup(params.json('reply_markup'))
  const { reply_markup: _old, ...rest } = content
  const next = { ...rest, ...(inline && { reply_markup: inline }) }
  if (shown(next) === shown(message.api)) {
    throw badRequest(
      'message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message',
    )
  }
  world.edit(message, next, buttonsOnly)
  return message.api
}

/** What a person would see change. */
function shown(message: ApiMessage): string {
  return JSON.stringify([
    message.text,
    message.entities,
    message.caption,
    message.caption_entities,
    mediaKinds.map((kind) => message[kind]),
    message.reply_markup,
  ])
}
