import { randomInt } from 'node:crypto'
import { badRequest } from '../failure.ts'
import { Params, type Upload } from '../request.ts'
import type { ApiMessage } from '../wire.ts'
import { type MediaKind, mediaFields, mediaKinds, type StoredFile } from '../world/files.ts'
import { captionOf, send, writableChat } from './content.ts'
import type { Backend, Method } from './method.ts'

/** Telegram's limit for pictures by upload, bytes. */
const photoLimit = 10 * 1024 * 1024

/** sendPhoto, sendDocument, … : one mechanism for all kinds; and albums. */
export const mediaMethods: Record<string, Method> = {
  ...Object.fromEntries(mediaKinds.map((kind) => [methodName(kind), sender(kind)])),

  sendMediaGroup(backend, params) {
    const chat = writableChat(backend, params)
    const items = params.json('media')
    if (!Array.isArray(items) || items.length < 2 || items.length > 10) {
      throw badRequest('wrong number of messages in the album: expected 2-10')
    }
    const media_group_id = String(randomInt(2 ** 40))
    // All are read before one is sent: an album is sent whole or not at all.
    const contents = items.map((item: Record<string, unknown>) => inputMedia(backend, params, item))
    return contents.map(
      (content) => send(backend, chat, params, { ...content, media_group_id }).api,
    )
  },
}

/** What an `InputMedia` becomes in a message. */
export function inputMedia(
  backend: Backend,
  params: Params,
  item: Readonly<Record<string, unknown>>,
): Partial<ApiMessage> {
  const kind = mediaKinds.find((k) => k === item.type)
  if (!kind) throw badRequest("can't parse InputMedia: Unsupported type specified")
  const one = new Params({ ...item, [kind]: item.media }, params.files)
  return { ...mediaFields(fileOf(backend, one, kind), kind), ...captionOf(backend, one) }
}

/** `video_note` is sent by `sendVideoNote`. */
function methodName(kind: MediaKind): string {
  return `send${kind.replace(/(^|_)([a-z])/g, (_all, _sep, letter: string) => letter.toUpperCase())}`
}

function sender(kind: MediaKind): Method {
  return (backend, params) => {
    const chat = writableChat(backend, params)
    const file = fileOf(backend, params, kind)
    const content = { ...mediaFields(file, kind), ...captionOf(backend, params) }
    return send(backend, chat, params, content).api
  }
}

/** The file of a call: uploaded beside it, by `attach://`, or known by its file_id. */
function fileOf({ world }: Backend, params: Params, kind: MediaKind): StoredFile {
  const ref = params.string(kind)
  const upload = params.files.get(ref.startsWith('attach://') ? ref.slice(9) : kind)
  if (upload) return world.files.add(checked(upload, kind), kind)
  if (ref === '') throw badRequest(`there is no ${kind.replace('_', ' ')} in the request`)
  const known = world.files.get(ref)
  // Nothing is fetched from outside, so an address fails as one that Telegram can't reach.
  if (!known) throw badRequest('wrong file identifier/HTTP URL specified')
  return known
}

function checked(upload: Upload, kind: MediaKind): Upload {
  if (upload.data.length === 0) throw badRequest('file must be non-empty')
  if (kind === 'photo' && upload.data.length > photoLimit) {
    throw badRequest(
      `file of size ${upload.data.length} bytes is too big for a photo; the maximum size is ${photoLimit} bytes`,
    )
  }
  return upload
}
