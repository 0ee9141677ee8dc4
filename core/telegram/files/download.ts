import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, normalize } from 'node:path'
import { Readable } from 'node:stream'
import { codeOf, OpsError } from '../../errors.ts'
import { checkSize, tooLarge } from './limits.ts'

/** A file that somebody sent, on its way here. */
export interface OpenedFile {
  /** To be read to its end or destroyed. It fails when the file turns out to be larger than allowed. */
  readonly stream: Readable
  /** Undefined when nobody said it. */
  readonly bytes: number | undefined
  /** As Telegram calls it: `photos/file_7.jpg` has `file_7.jpg`. */
  readonly name: string
}

/** What getFile tells of a file, as far as it is relied on. */
export interface RemoteFile {
  readonly path: string
  readonly bytes: number | undefined
}

/** @throws OPS_TELEGRAM_FILE when the answer has no path; OPS_TELEGRAM_FILE_SIZE when it is too large */
export function remoteFile(answer: unknown, fileId: string, maxBytes: number): RemoteFile {
  const file = typeof answer === 'object' && answer !== null ? answer : {}
  const path = 'file_path' in file ? file.file_path : undefined
  const bytes = 'file_size' in file ? file.file_size : undefined
  if (typeof path !== 'string') {
    throw new OpsError('OPS_TELEGRAM_FILE', `Telegram gives no path for the file ${fileId}`)
  }
  const known = typeof bytes === 'number' ? bytes : undefined
  if (known !== undefined) checkSize('The file', known, maxBytes)
  return { path, bytes: known }
}

/** What a server with `--local` answers: a place on its disk, in a folder that is named after the token. */
export function isLocalPath(path: string): boolean {
  return path.startsWith('/') || /^[a-z]:[\\/]/i.test(path)
}

/** The answer of getFile without the bot's folder, whose name is the token (T27). */
export function withoutOwnFolder(answer: unknown, token: string): unknown {
  if (typeof answer !== 'object' || answer === null || !('file_path' in answer)) return answer
  const { file_path } = answer
  if (typeof file_path !== 'string' || !isLocalPath(file_path)) return answer
  const folder = ownFolder(file_path, token)
  return { ...answer, file_path: folder === undefined ? basename(file_path) : folder.rest }
}

/**
 * Reads a file from the disk of a server with `--local`, which gives none by HTTP. Only below the bot's own
 * folder: an answer may not make the bot send its machine's files to somebody.
 * @throws OPS_TELEGRAM_FILE
 */
export async function openLocalFile(
  file: RemoteFile,
  token: string,
  maxBytes: number,
): Promise<OpenedFile> {
  const path = normalize(file.path)
  if (ownFolder(path, token) === undefined) {
    throw new OpsError('OPS_TELEGRAM_FILE', 'The server names a file outside the bot’s own folder')
  }
  const name = basename(path)
  const found = await stat(path).catch((error: unknown) => {
    // its message holds the path, and so the token
    throw new OpsError('OPS_TELEGRAM_FILE', `${name} can't be read (${codeOf(error)})`, {
      hint: 'The Bot API server runs with --local and keeps files on its own disk: give the bot the same folder under the same path, or run the server without --local.',
    })
  })
  checkSize('The file', found.size, maxBytes)
  return { stream: createReadStream(path), bytes: found.size, name }
}

/**
 * Ends with OPS_TELEGRAM_FILE_SIZE when more comes than allowed, whatever was said before.
 * @param failure what a failure of the source is told as
 */
export function limited(
  source: Readable,
  maxBytes: number,
  failure: (error: unknown) => unknown,
): Readable {
  const stream = Readable.from(passed(source, maxBytes, failure), { objectMode: false })
  // also when nobody began to read
  return stream.once('close', () => source.destroy())
}

async function* passed(
  source: Readable,
  maxBytes: number,
  failure: (error: unknown) => unknown,
): AsyncGenerator<Buffer> {
  let bytes = 0
  try {
    for await (const chunk of source) {
      bytes += chunk.length
      if (bytes > maxBytes) throw tooLarge('The file', maxBytes)
      yield chunk
    }
  } catch (error) {
    throw failure(error)
  }
}

/** The whole content. */
export async function contentOf({ stream }: OpenedFile): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function ownFolder(path: string, token: string): { rest: string } | undefined {
  // Windows allows no colon in a name: the server writes a tilde there
  for (const name of [token, token.replace(':', '~')]) {
    const parts = path.split(/[\\/]/)
    const at = parts.indexOf(name)
    if (at >= 0) return { rest: parts.slice(at + 1).join('/') }
  }
  return undefined
}
