import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StillFiles } from '../database/still-files.ts'
import { OpsError } from '../errors.ts'
import { dumpEmbedded, restoreEmbedded } from './embedded.ts'
import { backupName, type Manifest, prune, readManifest, writeManifest } from './manifest.ts'
import { dumpServer, type Restored, restoreServer } from './server.ts'

/** Which database: the address of a PostgreSQL one, else the folder of the embedded one. */
export interface BackedUp {
  readonly url: string | undefined
  readonly dir: string
  /** Of the process that has the embedded one open. */
  readonly still?: StillFiles | undefined
}

export interface Backup {
  readonly file: string
  readonly bytes: number
  readonly manifest: Manifest
  /** Names of older ones that were removed. */
  readonly removed: readonly string[]
}

/**
 * Writes a backup with its manifest into `folder` and removes what is more than `keep` of them. A file with a backup's
 * name is a whole one.
 */
export async function backUp(
  { url, dir, still }: BackedUp,
  { folder, keep, version }: { folder: string; keep: number; version: string },
): Promise<Backup> {
  const createdAt = new Date()
  const kind = url === undefined ? 'embedded' : 'postgres'
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, backupName(createdAt, kind))
  const unfinished = `${file}.unfinished`
  try {
    // whoever writes it keeps the mode: pg_dump would have it open to all, in a folder that others may enter
    await writeFile(unfinished, '', { mode: 0o600 })
    const tables =
      url === undefined
        ? await dumpEmbedded(dir, unfinished, still)
        : await dumpServer(url, unfinished)
    const manifest: Manifest = {
      format: 1,
      createdAt: createdAt.toISOString(),
      kind,
      version,
      tables,
    }
    await writeManifest(file, manifest)
    await rename(unfinished, file)
    const { size } = await stat(file)
    return { file, bytes: size, manifest, removed: await prune(folder, keep) }
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
}

/**
 * Restores a backup beside the database and compares it with its manifest; nothing is replaced before `swap`.
 *
 * @throws OPS_BACKUP_FILE, OPS_BACKUP_KIND, OPS_BACKUP_DIFFERS, OPS_BACKUP_TOOL, OPS_BACKUP_FAILED
 */
export async function restore(
  { url, dir }: BackedUp,
  file: string,
): Promise<{ manifest: Manifest; restored: Restored }> {
  await stat(file).catch((error: unknown) => {
    throw new OpsError('OPS_BACKUP_FILE', `There is no file ${file}`, { cause: error })
  })
  const manifest = await readManifest(file)
  const kind = url === undefined ? 'embedded' : 'postgres'
  if (manifest.kind !== kind) {
    const names = { postgres: 'PostgreSQL', embedded: 'the embedded database' }
    throw new OpsError(
      'OPS_BACKUP_KIND',
      `The backup is one of ${names[manifest.kind]}, the bot uses ${names[kind]}`,
    )
  }
  const restored =
    url === undefined
      ? await restoreEmbedded(dir, file, manifest.tables)
      : await restoreServer(url, file, manifest.tables)
  return { manifest, restored }
}
