import { OpsError } from '../../errors.ts'

/** Largest files, bytes. */
export interface FileLimits {
  readonly download: number
  readonly upload: number
  readonly photo: number
}

const megabyte = 1024 * 1024

/** What Telegram's own server allows (Bot API, getFile and "Sending files"). */
export const cloudLimits: FileLimits = {
  download: 20 * megabyte,
  upload: 50 * megabyte,
  photo: 10 * megabyte,
}

/** A server of one's own sends 2,000 MB and gives any file (Bot API, "Using a Local Bot API Server"). */
const ownServerLimits: FileLimits = {
  download: Number.POSITIVE_INFINITY,
  upload: 2_000 * megabyte,
  photo: 10 * megabyte,
}

export function limitsOf(apiRoot: URL): FileLimits {
  return apiRoot.hostname === 'api.telegram.org' ? cloudLimits : ownServerLimits
}

/** @throws OPS_TELEGRAM_FILE_SIZE */
export function checkSize(what: string, bytes: number, limit: number): void {
  if (bytes > limit) throw tooLarge(what, limit)
}

export function tooLarge(what: string, limit: number): OpsError {
  const size = Math.floor(limit / megabyte)
  const readable = size > 0 ? `${size} MB` : `${limit} bytes`
  return new OpsError('OPS_TELEGRAM_FILE_SIZE', `${what} is larger than ${readable}`, {
    details: { limitBytes: limit },
  })
}
