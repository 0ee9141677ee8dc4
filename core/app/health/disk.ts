import { statfs } from 'node:fs/promises'
import { codeOf } from '../../errors.ts'
import type { HealthCheck } from '../../http/health.ts'

const mebibyte = 2 ** 20
/** Less room than this, or than a tenth of a small disk, is little. */
const littleBytes = 2 * 1024 * mebibyte
const littleShare = 0.1
/** Of what a file system can have of files. */
const fewFilesShare = 0.02

/** What `statfs` tells; sizes in blocks. */
export interface DiskRoom {
  readonly bsize: number
  readonly blocks: number
  /** For who isn't root. */
  readonly bavail: number
  readonly files: number
  readonly ffree: number
}

/**
 * The disk of DATA_DIR: builds, logs, backups and the embedded database stop there at once when it is full. Never
 * worse than degraded: with the database elsewhere the bot goes on.
 */
export function diskCheck(
  dir: string,
  read: (dir: string) => Promise<DiskRoom> = statfs,
): HealthCheck {
  return async () => {
    let found: DiskRoom
    try {
      found = await read(dir)
    } catch (error) {
      // before anything was written there
      if (codeOf(error) === 'ENOENT') return { status: 'up' }
      return { status: 'degraded', detail: codeOf(error) ?? 'unreadable' }
    }
    const { bsize, blocks, bavail, files, ffree } = found
    const free = bavail * bsize
    const room = `${Math.floor(free / mebibyte).toLocaleString('en')} MiB free`
    // some file systems count no files
    const isShortOfFiles = files > 0 && ffree / files < fewFilesShare
    if (free < Math.min(littleBytes, littleShare * blocks * bsize) || isShortOfFiles) {
      return { status: 'degraded', detail: `OPS_DISK_LOW: ${room}, ${ffree} files` }
    }
    return { status: 'up', detail: room }
  }
}
