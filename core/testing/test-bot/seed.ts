import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import packageJson from '../../../package.json' with { type: 'json' }
import { openDatabase } from '../../database/connection.ts'
import type { Logger } from '../../log/logger.ts'

const cache = resolve(import.meta.dirname, '../../../node_modules/.cache/opsgram-test')

/**
 * Puts a new embedded database into `folder`, as a first start would make it there. That takes five seconds of
 * a processor, and forty where the disk is busy, so one is kept from run to run and copied.
 */
export async function putEmbedded(folder: string, log: Logger): Promise<void> {
  const kept = `${cache}/pglite-${packageJson.dependencies['@electric-sql/pglite']}`
  try {
    if (!existsSync(kept)) await keep(kept, folder, log)
    mkdirSync(dirname(folder), { recursive: true })
    cpSync(kept, folder, { recursive: true })
  } catch (error) {
    // a package folder that may not be written to: the database is made where it is opened
    log.debug('test.database.not-kept', { error })
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Makes one beside `folder`, where there may be more speed than in the cache. */
async function keep(kept: string, folder: string, log: Logger): Promise<void> {
  const made = `${folder}.${process.pid}`
  const draft = `${kept}.${process.pid}`
  try {
    await (await openDatabase({ dir: made, log })).close()
    mkdirSync(cache, { recursive: true })
    cpSync(made, draft, { recursive: true })
    // another process may have been faster: then there is one already, and this is refused
    if (!existsSync(kept)) renameSync(draft, kept)
  } catch (error) {
    if (!existsSync(kept)) throw error
  } finally {
    for (const each of [made, draft]) rmSync(each, { recursive: true, force: true })
  }
}
