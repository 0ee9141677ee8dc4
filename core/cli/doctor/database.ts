import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../../config/config.ts'
import { type Database, openDatabase } from '../../database/connection.ts'
import { coreMigrations } from '../../database/migration/core.ts'
import { pendingMigrations } from '../../database/migration/migrator.ts'
import { codeOf, errorCodes, OpsError } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import { PluginChoices } from '../../plugin/catalog/choices.ts'
import { openStore } from '../../store/store.ts'
import type { Report } from '../report.ts'

/** What the database knows that concerns plugins. */
export interface DatabaseFindings {
  /** A process has the embedded database open. */
  readonly isHeld: boolean
  /** Plugins that somebody switched off in the chat; undefined when it could not be asked. */
  readonly disabled?: ReadonlySet<string>
}

/** Whether the configured database can be used; it is asked, never changed. */
export async function examineDatabase(
  config: Config,
  log: Logger,
  report: Report,
): Promise<DatabaseFindings> {
  const { url, dir } = config.database
  const what = url === undefined ? 'the embedded database' : 'PostgreSQL'
  if (url === undefined && !existsSync(join(dir, 'complete'))) {
    report.good(`${what} is made by the first start, in ${dir}`)
    return { isHeld: false }
  }
  let database: Database
  try {
    database = await openDatabase({ ...config.database, log })
  } catch (error) {
    if (!(error instanceof OpsError)) throw error
    if (error.code === 'OPS_DATABASE_IN_USE' && url === undefined) {
      report.good(`${what} is in use by the process ${String(error.details.pid ?? 'of a bot')}`)
      return { isHeld: true }
    }
    report.error(`${what} can't be used`, error)
    return { isHeld: false }
  }
  try {
    const [row] = await database.query<{ version: string }>(
      "select current_setting('server_version') as version",
    )
    report.good(`${what} answers: version ${row?.version ?? 'unknown'}`)
    const pending = await pendingMigrations(database, await coreMigrations())
    if (pending.length > 0) {
      const how =
        config.database.migrations === 'auto'
          ? 'The next start runs them.'
          : '→ MIGRATIONS is manual: run npx opsgram migrate.'
      report.advice(`migrations of the core are pending: ${pending.join(', ')}`, how)
      return { isHeld: false }
    }
    return { isHeld: false, disabled: new Set(await new PluginChoices(database).disabled()) }
  } catch (error) {
    report.error(`${what} could not be asked`, asCoded(error))
    return { isHeld: false }
  } finally {
    await database.close()
  }
}

function asCoded(error: unknown): unknown {
  if (error instanceof OpsError) return error
  const text = `A query was refused (${codeOf(error) ?? 'no code'})`
  return new OpsError('OPS_DATABASE_UNREACHABLE', text, { cause: error })
}

/** Whether Redis answers, if one is set. */
export async function examineStore(config: Config, log: Logger, report: Report): Promise<void> {
  const { url } = config.store
  if (url === undefined) return
  const store = await openStore({ url, botId: 0, log })
  try {
    const { trouble } = store
    if (trouble === undefined) report.good('Redis answers')
    else
      report.advice(
        `Redis: ${errorCodes[trouble.code].title}`,
        `→ ${errorCodes[trouble.code].hint}`,
      )
  } finally {
    await store.close()
  }
}
