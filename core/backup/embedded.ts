import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import type { PGlite } from '@electric-sql/pglite'
import { openEmbedded, stillFiles } from '../database/embedded.ts'
import { lockFolder } from '../database/folder-lock.ts'
import type { StillFiles } from '../database/still-files.ts'
import { messageOf, OpsError } from '../errors.ts'
import { throwIfDifferent } from './server.ts'
import { differences, stateOfTables, type TableState } from './tables.ts'

const gunzip = promisify(zlib.gunzip)

/**
 * Writes the embedded database of `folder` to `file`, a gzipped archive of its files.
 *
 * @param still of the process that has it open; without it nobody may use it meanwhile
 * @returns what the tables hold in it
 * @throws OPS_DATABASE_IN_USE, OPS_DATABASE_DAMAGED
 */
export async function dumpEmbedded(
  folder: string,
  file: string,
  still?: StillFiles,
): Promise<TableState[]> {
  if (still !== undefined) return dumpStill(still, file)
  const lock = await lockFolder(folder)
  try {
    const pglite = await openEmbedded(folder)
    try {
      return await dumpStill(stillFiles(pglite), file)
    } finally {
      await pglite.close()
    }
  } finally {
    lock.release()
  }
}

async function dumpStill(still: StillFiles, file: string): Promise<TableState[]> {
  const { tables, archive } = await still(async (query, archive) => ({
    tables: await stateOfTables({ query }),
    archive: await archive(),
  }))
  await writeFile(file, Buffer.from(await archive.arrayBuffer()))
  return tables
}

/** A restored folder that waits beside the one that it is to replace. */
export interface RestoredFolder {
  /** Puts it in the other's place. @returns where the other one is from now on; undefined if there was none */
  swap(): Promise<string | undefined>
  drop(): Promise<void>
}

/**
 * Restores an archive beside `folder` and compares it with what it held.
 *
 * @throws OPS_BACKUP_DIFFERS if it is not the same, OPS_BACKUP_FAILED; nothing is left then
 */
export async function restoreEmbedded(
  folder: string,
  file: string,
  expected: readonly TableState[],
): Promise<RestoredFolder> {
  const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
  const scratch = `${folder}.restored-${stamp}`
  const before = `${folder}.before-${stamp}`
  const drop = () => rm(scratch, { recursive: true, force: true })
  await mkdir(scratch, { recursive: true, mode: 0o700 })
  try {
    const pglite = await openArchive(file, join(scratch, 'pg'))
    try {
      throwIfDifferent(
        differences(expected, await stillFiles(pglite)((query) => stateOfTables({ query }))),
      )
    } finally {
      await pglite.close()
    }
    // as openEmbedded marks files that were opened once
    await writeFile(join(scratch, 'complete'), '')
  } catch (error) {
    await drop()
    throw error
  }
  const swap = async () => {
    const lock = existsSync(folder) ? await lockFolder(folder) : undefined
    if (lock !== undefined) await rename(folder, before)
    await rename(scratch, folder)
    lock?.release()
    return lock === undefined ? undefined : before
  }
  return { swap, drop }
}

async function openArchive(file: string, dataDir: string): Promise<PGlite> {
  const { PGlite } = await import('@electric-sql/pglite')
  try {
    // PGlite can unpack it too, but an archive that ends too early makes it reject where nobody listens
    const loadDataDir = new Blob([await gunzip(await readFile(file))])
    return await PGlite.create({ dataDir, loadDataDir })
  } catch (error) {
    throw new OpsError('OPS_BACKUP_FAILED', `The archive can't be opened: ${messageOf(error)}`, {
      cause: error,
    })
  }
}
