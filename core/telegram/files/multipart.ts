import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { OpsError } from '../../errors.ts'
import { limited } from './download.ts'
import { checkSize, cloudLimits, type FileLimits } from './limits.ts'

/** A file to upload, as Telegraf's users write it: `{ source: buffer | stream | path, filename? }`. */
export interface InputFile {
  readonly source: Uint8Array | Readable | string
  readonly filename?: string
}

/** A request body that can be built again for a repeat, unless a stream went into it. */
export interface MultipartBody {
  readonly contentType: string
  readonly replayable: boolean
  /** A new body for one attempt. */
  open(): Buffer | Readable
}

type Piece = Buffer | (() => Readable)

/** Fields that carry files in the Bot API; `{ url }` in one of them meant "download it for me" to Telegraf. */
const fileFields: ReadonlySet<string> = new Set([
  'animation',
  'audio',
  'certificate',
  'cover',
  'document',
  'media',
  'photo',
  'png_sticker',
  'sticker',
  'tgs_sticker',
  'thumb',
  'thumbnail',
  'video',
  'video_note',
  'voice',
  'webm_sticker',
])

/** A thumbnail is referred to as `attach://…` (Bot API, sendDocument), never sent under its own name. */
const alwaysAttached: ReadonlySet<string> = new Set(['cover', 'thumb', 'thumbnail'])

/** Fields without files in them; `errors` of Telegram Passport has a `source` of its own kind. */
const fileless: ReadonlySet<string> = new Set(['errors', 'link_preview_options', 'reply_markup'])

const extensions: Readonly<Record<string, string>> = {
  animation: 'mp4',
  audio: 'mp3',
  photo: 'jpg',
  sticker: 'webp',
  thumb: 'jpg',
  thumbnail: 'jpg',
  video: 'mp4',
  video_note: 'mp4',
  voice: 'ogg',
}

/**
 * Whether a payload carries files and so needs multipart.
 * @throws OPS_TELEGRAM_URL_INPUT for Telegraf's `{ url }` inputs: the bot's machine would fetch
 * whatever address somebody typed (T24)
 */
export function hasFiles(method: string, payload: object): boolean {
  for (const key in payload) {
    // Any payload: looked at field by field.
    const value = (payload as Record<string, unknown>)[key]
    if (typeof value === 'object' && value !== null && !fileless.has(key)) {
      if (holdsFile(method, key, value)) return true
    }
  }
  return false
}

function holdsFile(method: string, key: string, value: object): boolean {
  if (isInputFile(value)) return true
  if (fileFields.has(key) && 'url' in value && typeof value.url === 'string') {
    throw new OpsError(
      'OPS_TELEGRAM_URL_INPUT',
      `${method}: field ${key} is a { url } input, which would be fetched from this machine`,
      { details: { method, field: key } },
    )
  }
  if (Array.isArray(value)) {
    return value.some((item) => isObject(item) && holdsFile(method, key, item))
  }
  return Object.entries(value).some(([k, v]) => isObject(v) && holdsFile(method, k, v))
}

/** Whether a payload holds a stream, which can be sent only once. */
export function holdsStream(payload: object): boolean {
  return someFile(payload, ({ source }) => isObject(source) && 'pipe' in source)
}

function someFile(value: unknown, test: (file: InputFile) => boolean): boolean {
  if (!isObject(value)) return false
  if (isInputFile(value)) return test(value)
  return Object.entries(value).some(([key, item]) => !fileless.has(key) && someFile(item, test))
}

/** A payload as it may be logged: `{ file, bytes }` in place of what is uploaded. */
export function summaryOf(payload: object): object {
  // Not copied unless there is a file in it: this runs for every call.
  return someFile(payload, () => true) ? withoutContents(payload) : payload
}

function withoutContents(value: object): object {
  if (isInputFile(value)) {
    const { source, filename } = value
    return {
      file: filename ?? (typeof source === 'string' ? basename(source) : undefined),
      ...(source instanceof Uint8Array ? { bytes: source.byteLength } : {}),
    }
  }
  if (Array.isArray(value))
    return value.map((item) => (isObject(item) ? withoutContents(item) : item))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      isObject(item) && !fileless.has(key) ? withoutContents(item) : item,
    ]),
  )
}

/** Builds the multipart body of a payload with files in it. */
export async function multipartBody(
  payload: object,
  limits: FileLimits = cloudLimits,
): Promise<MultipartBody> {
  const boundary = `opsgram-${randomBytes(18).toString('hex')}`
  const pieces: Piece[] = []
  let replayable = true

  const addField = (name: string, value: string): void => {
    pieces.push(Buffer.from(`${head(boundary, name)}\r\n\r\n${value}\r\n`))
  }
  const addFile = async (name: string, kind: string, file: InputFile): Promise<void> => {
    const limit = kind === 'photo' ? limits.photo : limits.upload
    const content = await contentOf(file, limit)
    replayable &&= content.replayable
    const filename = file.filename ?? content.filename ?? `${kind}.${extensions[kind] ?? 'dat'}`
    pieces.push(
      Buffer.from(
        `${head(boundary, name)}; filename="${quoted(filename)}"\r\n` +
          'content-type: application/octet-stream\r\n\r\n',
      ),
      content.piece,
      Buffer.from('\r\n'),
    )
  }
  let attached = 0
  // Nested files go out as parts of their own and leave `attach://name` behind.
  const detach = async (key: string, value: unknown): Promise<unknown> => {
    if (!isObject(value) || fileless.has(key)) return value
    if (isInputFile(value)) {
      const name = `file${attached++}`
      await addFile(name, key, value)
      return `attach://${name}`
    }
    if (Array.isArray(value)) {
      const items: unknown[] = []
      for (const item of value) items.push(await detach(key, item))
      return items
    }
    const copy: Record<string, unknown> = {}
    for (const [k, v] of Object.entries(value)) {
      const kind = k === 'media' && 'type' in value ? String(value.type) : k
      copy[k] = await detach(kind, v)
    }
    return copy
  }

  for (const [key, value] of Object.entries(payload)) {
    if (value === undefined || value === null) continue
    if (!isObject(value)) addField(key, String(value))
    else if (isInputFile(value) && !alwaysAttached.has(key)) await addFile(key, key, value)
    else {
      // T23: object fields of a multipart request are JSON strings.
      const rest = await detach(key, value)
      addField(key, typeof rest === 'string' ? rest : JSON.stringify(rest))
    }
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`))

  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    replayable,
    open: () =>
      pieces.every((piece) => Buffer.isBuffer(piece))
        ? Buffer.concat(pieces)
        : Readable.from(bytesOf(pieces)),
  }
}

async function* bytesOf(pieces: readonly Piece[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    if (Buffer.isBuffer(piece)) yield piece
    else yield* piece()
  }
}

async function contentOf(
  file: InputFile,
  limit: number,
): Promise<{ piece: Piece; replayable: boolean; filename?: string }> {
  const { source } = file
  if (typeof source === 'string') {
    const found = await stat(source).catch(() => undefined)
    if (!found?.isFile()) {
      throw new OpsError(
        'OPS_TELEGRAM_FILE',
        `Cannot upload ${source}: ${found ? 'it is no file' : 'there is nothing to read'}`,
      )
    }
    checkSize(basename(source), found.size, limit)
    return {
      piece: () => createReadStream(source),
      replayable: true,
      filename: basename(source),
    }
  }
  if (source instanceof Uint8Array) {
    checkSize(file.filename ?? 'The file', source.byteLength, limit)
    return {
      piece: Buffer.from(source.buffer, source.byteOffset, source.byteLength),
      replayable: true,
    }
  }
  const piece = () => limited(source, limit, (error) => error)
  return { piece, replayable: false }
}

function head(boundary: string, name: string): string {
  return `--${boundary}\r\ncontent-disposition: form-data; name="${quoted(name)}"`
}

/** As browsers do (WHATWG HTML, multipart form data): a name can't end its own quotes or line. */
function quoted(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isInputFile(value: object): value is InputFile {
  if (!('source' in value)) return false
  const { source } = value
  return (
    typeof source === 'string' ||
    source instanceof Uint8Array ||
    (isObject(source) && 'pipe' in source && typeof source.pipe === 'function')
  )
}
