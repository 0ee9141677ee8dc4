import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Config } from '../../config/config.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { askForBackup } from '../backup/asked.ts'
import { type BackedUp, backUp, restore } from '../backup/backup.ts'
import { loadConfig, readEnvironment } from '../configuration.ts'
import { openDatabase } from '../database/connection.ts'
import { otherUsers } from '../database/instances/living.ts'
import { codeOf, OpsError } from '../errors.ts'
import { createLogger } from '../log/logger.ts'
import { inUse } from './migrate/redo.ts'
import { pathFromHere } from './print.ts'
import { onTerminal } from './terminal.ts'

const defaultKeep = 14

/** `opsgram backup`: one more backup of the configured database. @returns the exit code */
export async function backupCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { dir: { type: 'string' }, keep: { type: 'string' } },
  })
  const keep = Number(values.keep ?? defaultKeep)
  if (!Number.isInteger(keep) || keep < 1) {
    throw new OpsError('OPS_CLI_USAGE', `--keep ${values.keep} is no number of backups`, {
      hint: 'opsgram backup [--dir DIR] [--keep N], N being 1 or more',
    })
  }
  const config = configured()
  const folder = values.dir === undefined ? join(config.dataDir, 'backups') : resolve(values.dir)
  const { file, bytes, tables, rows } = await takeOne(config.database, { folder, keep })
  const size = new Intl.NumberFormat('en', { notation: 'compact' }).format(bytes)
  console.log(`${pathFromHere(file)}: ${tables} tables, ${rows} rows, ${size} bytes`)
  return 0
}

/** By this process, or of the embedded database of a bot that runs by that one. */
async function takeOne(
  database: BackedUp,
  wanted: { folder: string; keep: number },
): Promise<{ file: string; bytes: number; tables: number; rows: number }> {
  try {
    const taken = await backUp(database, { ...wanted, version: packageJson.version })
    for (const name of taken.removed) console.log(`removed: ${name}`)
    const { tables } = taken.manifest
    const rows = tables.reduce((sum, table) => sum + table.rows, 0)
    return { file: taken.file, bytes: taken.bytes, tables: tables.length, rows }
  } catch (error) {
    if (codeOf(error) !== 'OPS_DATABASE_IN_USE') throw error
    return askForBackup(database.dir, wanted)
  }
}

/** `opsgram restore`: puts a backup in the place of the database, after it was found to be whole. */
export async function restoreCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { yes: { type: 'boolean' }, verify: { type: 'boolean' } },
  })
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0) {
    throw new OpsError('OPS_CLI_USAGE', 'The file of one backup is expected', {
      hint: 'opsgram restore FILE [--verify | --yes]; make db-restore FILE=…',
    })
  }
  const { database } = configured()
  const { manifest, restored } = await restore(database, resolve(file))
  const { createdAt, tables } = manifest
  console.log(
    `The backup of ${createdAt} is whole: ${tables.length} tables with the rows that they had.`,
  )
  if (values.verify || !(values.yes || (await isConfirmed()))) {
    await restored.drop()
    console.log('Nothing was replaced.')
    return values.verify ? 0 : 1
  }
  try {
    await refuseLiving(database)
  } catch (error) {
    await restored.drop()
    throw error
  }
  const before = await restored.swap()
  console.log('It is the database now.')
  if (before !== undefined)
    console.log(`The one before is kept as ${before}; drop it when all is well.`)
  return 0
}

function configured(): Config {
  return loadConfig(readEnvironment({ file: resolve('.env'), real: process.env })).config
}

/** The embedded one is locked by whoever uses it; PostgreSQL is for many. */
async function refuseLiving({ url, dir }: BackedUp): Promise<void> {
  if (url === undefined) return
  const log = createLogger({ level: 'warn', format: 'pretty', secrets: [], output: process.stderr })
  try {
    const database = await openDatabase({ url, dir, log })
    try {
      const living = await otherUsers(database)
      if (living.length > 0) throw inUse(living)
    } finally {
      await database.close()
    }
  } catch (error) {
    // lost with all that was in it: that is what backups are for
    if (codeOf(error) !== 'OPS_DATABASE_MISSING') throw error
  } finally {
    await log.close()
  }
}

async function isConfirmed(): Promise<boolean> {
  const answer = await onTerminal((ask) => ask('Put it in the place of the database? (yes/no) '))
  return answer.trim() === 'yes'
}
