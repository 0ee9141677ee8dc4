import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { codeOf, OpsError } from '../errors.ts'

const shape = z.object({
  /** Of this file. */
  format: z.literal(1),
  createdAt: z.iso.datetime(),
  /** What the backup was taken of; it is restored into the same kind. */
  kind: z.enum(['postgres', 'embedded']),
  /** Of the program. */
  version: z.string(),
  tables: z.array(z.object({ table: z.string(), rows: z.number().int(), checksum: z.string() })),
})

/** What lies beside each backup: what is in it, so that a restored one can be compared. */
export type Manifest = z.infer<typeof shape>

const backupShape = /^opsgram-[\dTZ-]+(\.dump|\.tar\.gz)$/

const endings = { postgres: '.dump', embedded: '.tar.gz' } as const

/** `opsgram-2026-01-31T12-00-00-000Z.dump`: names sort by time. */
export function backupName(createdAt: Date, kind: Manifest['kind']): string {
  return `opsgram-${createdAt.toISOString().replace(/[:.]/g, '-')}${endings[kind]}`
}

export function manifestOf(file: string): string {
  return `${file.replace(/(\.dump|\.tar\.gz)$/, '')}.json`
}

export async function writeManifest(file: string, manifest: Manifest): Promise<void> {
  await writeFile(manifestOf(file), `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o600 })
}

/** @throws OPS_BACKUP_FILE */
export async function readManifest(file: string): Promise<Manifest> {
  const path = manifestOf(file)
  try {
    return shape.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    const what = codeOf(error) === 'ENOENT' ? 'is missing' : "can't be read"
    throw new OpsError(
      'OPS_BACKUP_FILE',
      `${basename(path)}, which tells what is in ${basename(file)}, ${what}`,
      {
        cause: error,
        details: { file: path },
      },
    )
  }
}

/** When the newest backup of a folder was written; undefined when there is none. */
export async function newestBackup(folder: string): Promise<Date | undefined> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  })
  const [name] = names.filter((each) => backupShape.test(each)).sort((a, b) => (a < b ? 1 : -1))
  const parts = /(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)/.exec(name ?? '')
  if (parts === null) return undefined
  const [, day, hour, minute, second] = parts
  return new Date(`${day}T${hour}:${minute}:${second}Z`)
}

/** Removes all backups of a folder but the newest. @returns the names of those that are gone */
export async function prune(folder: string, keep: number): Promise<readonly string[]> {
  const backups = (await readdir(folder)).filter((name) => backupShape.test(name)).sort()
  const old = backups.slice(0, Math.max(0, backups.length - keep))
  for (const name of old) {
    await rm(join(folder, name), { force: true })
    await rm(manifestOf(join(folder, name)), { force: true })
  }
  return old
}
