import { randomBytes } from 'node:crypto'
import type { Upload } from '../request.ts'
import type { ApiFile } from '../wire.ts'

/** The kinds of media a message can hold; each is sent by `send<Kind>`. */
export const mediaKinds = [
  'photo',
  'document',
  'audio',
  'video',
  'animation',
  'voice',
  'video_note',
  'sticker',
] as const

export type MediaKind = (typeof mediaKinds)[number]

export interface StoredFile extends Upload {
  readonly id: string
  /** Where it is downloaded: `/file/bot<token>/<path>`. */
  readonly path: string
}

/** Bytes kept in all; the oldest files go first. */
const keptBytes = 256 * 1024 * 1024

/** Uploaded files, in memory. */
export class Files {
  readonly #byId = new Map<string, StoredFile>()
  readonly #byPath = new Map<string, StoredFile>()
  #bytes = 0

  add(upload: Upload, kind: MediaKind): StoredFile {
    const id = `${kind}-${randomBytes(15).toString('base64url')}`
    const ending = /\.[a-z0-9]{1,8}$/i.exec(upload.name)?.[0] ?? (kind === 'photo' ? '.jpg' : '')
    const file = { ...upload, id, path: `${kind}s/${id}${ending}` }
    this.#byId.set(id, file)
    this.#byPath.set(file.path, file)
    this.#bytes += file.data.length
    for (const old of this.#byId.values()) {
      if (this.#bytes <= keptBytes || old === file) break
      this.#byId.delete(old.id)
      this.#byPath.delete(old.path)
      this.#bytes -= old.data.length
    }
    return file
  }

  get(id: string): StoredFile | undefined {
    return this.#byId.get(id)
  }

  at(path: string): StoredFile | undefined {
    return this.#byPath.get(path)
  }
}

/** The fields of a message that shows this file. */
export function mediaFields(file: StoredFile, kind: MediaKind) {
  const api: ApiFile = {
    file_id: file.id,
    file_unique_id: file.id.slice(-12),
    file_size: file.data.length,
  }
  if (kind === 'photo') return { photo: [{ ...api, ...pictureSize(file.data) }] }
  if (kind !== 'sticker' && kind !== 'voice' && kind !== 'video_note') api.file_name = file.name
  if (kind !== 'sticker' && kind !== 'video_note') api.mime_type = file.mime
  if (kind === 'document') return { document: api }
  if (kind === 'sticker') return { sticker: { ...api, width: 512, height: 512 } }
  if (kind === 'audio' || kind === 'voice') return { [kind]: { ...api, duration: 1 } }
  return { [kind]: { ...api, duration: 1, width: 640, height: 360 } }
}

/** Width and height of a PNG stand in its header; for other pictures a plausible size is given. */
function pictureSize(data: Buffer): { width: number; height: number } {
  if (data.length >= 24 && data.readUInt32BE(0) === 0x89504e47) {
    return { width: data.readUInt32BE(16), height: data.readUInt32BE(20) }
  }
  return { width: 1280, height: 960 }
}
