import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { loadConfig, readEnvironment } from '../configuration.ts'
import { type Database, openDatabase } from '../database/connection.ts'
import { coreMigrations } from '../database/migration/core.ts'
import { migrate, pendingMigrations } from '../database/migration/migrator.ts'
import type { MigrationSet } from '../database/migration/set.ts'
import { OpsError } from '../errors.ts'
import { createLogger } from '../log/logger.ts'
import { findPluginFolders } from '../plugin/code/folder.ts'
import { findPluginPackages } from '../plugin/code/package.ts'
import { evaluateFolder } from './plugins.ts'
import { printError } from './print.ts'

/**
 * `opsgram migrate`: brings the configured database up to date, the core first, then each plugin. One that
 * fails is told and left as it was; the others go on.
 */
export async function migrateCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { 'dry-run': { type: 'boolean' } } })
  const { config } = loadConfig(readEnvironment({ file: resolve('.env'), real: process.env }))
  const log = createLogger({
    level: 'warn',
    format: 'pretty',
    secrets: config.secrets,
    output: process.stderr,
  })
  const database = await openDatabase({ ...config.database, log })
  try {
    const where = database.kind === 'postgres' ? 'PostgreSQL' : `embedded, ${config.database.dir}`
    console.log(`Database: ${where}${config.mode === 'playground' ? ' (of the playground)' : ''}`)
    const apply = values['dry-run'] ? nameOnly : run
    await apply(database, await coreMigrations())
    const { dirs, packages, disabled } = config.plugins
    let failed = 0
    const folders = [...(await findPluginFolders(dirs)), ...(await findPluginPackages(packages))]
    for (const folder of folders) {
      if (disabled.includes(folder.name)) continue
      try {
        const { evaluated } = await evaluateFolder(folder, dirs)
        await apply(database, { owner: folder.name, migrations: evaluated.migrations })
      } catch (error) {
        if (!(error instanceof OpsError)) throw error
        console.log(`${folder.name}: failed`)
        printError(error)
        failed++
      }
    }
    return failed === 0 ? 0 : 1
  } finally {
    await database.close()
    await log.close()
  }
}

async function run(database: Database, set: MigrationSet): Promise<void> {
  const { applied, missing } = await migrate(database, set)
  say(
    set,
    applied.map((name) => `applied ${name}`),
  )
  if (missing.length > 0) {
    console.log(`${set.owner}: the database is newer, it also has ${missing.join(', ')}`)
  }
}

async function nameOnly(database: Database, set: MigrationSet): Promise<void> {
  say(
    set,
    (await pendingMigrations(database, set)).map((name) => `pending ${name}`),
  )
}

function say({ owner, migrations }: MigrationSet, lines: readonly string[]): void {
  if (migrations.length === 0) return
  for (const line of lines.length === 0 ? ['up to date'] : lines) console.log(`${owner}: ${line}`)
}
