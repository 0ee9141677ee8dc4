import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { openDatabase } from '../../core/database/connection.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { silentLog } from './log.ts'

const cache = resolve(import.meta.dirname, '../../node_modules/.cache/opsgram-test')

/**
 * Puts a new embedded database into `folder`, as a first start would make it there. That takes from two
 * seconds to twenty, as the disk may be, so one is kept from run to run and copied.
 */
export async function putEmbedded(folder: string): Promise<void> {
  const kept = join(cache, `pglite-${packageJson.dependencies['@electric-sql/pglite']}`)
  if (!existsSync(kept)) {
    const draft = `${kept}.${process.pid}`
    await (await openDatabase({ dir: draft, log: silentLog })).close()
    try {
      renameSync(draft, kept)
    } catch {
      // another process was faster
      rmSync(draft, { recursive: true, force: true })
    }
  }
  mkdirSync(dirname(folder), { recursive: true })
  cpSync(kept, folder, { recursive: true })
}
