import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, rename, stat, unlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { codeOf } from '../errors.ts'

/** How much of what is no longer written to stays. */
export interface LogRetention {
  readonly days: number
  /** Of all old files of the folder together. */
  readonly bytes: number
}

/** `opsgram.2026-11-24T155748.312.log`, `opsgram.error.….log.gz`, and `opsgram.1.log` of former versions. */
const oldName = /^opsgram\.(?:[a-z]+\.)?\d[\dT.-]*\.log(\.gz)?$/
/** What was begun by a process that was killed meanwhile. */
const unfinishedName = /^opsgram\..+\.log\.gz\.[0-9a-f]+$/
const unfinishedMs = 3_600_000

interface OldFile {
  readonly path: string
  readonly isPacked: boolean
  readonly bytes: number
  readonly changedAt: number
}

/** The name of a file that is put aside now: by name is by time. */
export function agedName(series: string, at: Date): string {
  return `${series}.${at.toISOString().replaceAll(':', '').slice(0, -1)}.log`
}

/**
 * Packs what was put aside (gzip), then deletes what is older than the retention says, and the oldest while it is all
 * too much. Other processes may do the same in this folder at the same time.
 *
 * @param settledMs what was written to within so many ms may still be written to by another process
 */
export async function tidy(
  dir: string,
  { days, bytes }: LogRetention,
  settledMs: number,
): Promise<void> {
  const now = Date.now()
  for (const file of await oldFiles(dir)) {
    if (file.isPacked || now - file.changedAt < settledMs) continue
    await pack(file.path).catch(unlessGone)
  }
  const newestFirst = (await oldFiles(dir)).sort((a, b) => b.changedAt - a.changedAt)
  let kept = 0
  for (const file of newestFirst) {
    kept += file.bytes
    if (kept > bytes || now - file.changedAt > days * 86_400_000) {
      await unlink(file.path).catch(unlessGone)
    }
  }
}

async function oldFiles(dir: string): Promise<OldFile[]> {
  const files: OldFile[] = []
  for (const name of await readdir(dir)) {
    const path = join(dir, name)
    const isOld = oldName.test(name)
    if (!isOld && !unfinishedName.test(name)) continue
    const found = await stat(path).catch(unlessGone)
    if (found === undefined) continue
    if (isOld) {
      const isPacked = name.endsWith('.gz')
      files.push({ path, isPacked, bytes: found.size, changedAt: found.mtimeMs })
    } else if (Date.now() - found.mtimeMs > unfinishedMs) await unlink(path).catch(unlessGone)
  }
  return files
}

/** The packed one takes its place only when it is whole. */
async function pack(path: string): Promise<void> {
  const { mtime } = await stat(path)
  const unfinished = `${path}.gz.${Math.random().toString(16).slice(2, 10)}`
  try {
    await pipeline(
      createReadStream(path),
      createGzip(),
      createWriteStream(unfinished, { mode: 0o600, flags: 'wx' }),
    )
    // its age is that of its lines
    await utimes(unfinished, mtime, mtime)
    await rename(unfinished, `${path}.gz`)
  } catch (error) {
    await unlink(unfinished).catch(() => undefined)
    throw error
  }
  await unlink(path)
}

function unlessGone(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error
}
