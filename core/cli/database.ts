import { resolve } from 'node:path'
import { loadConfig, readEnvironment } from '../configuration.ts'
import { type Database, openDatabase, type Queries } from '../database/connection.ts'
import { otherUsers } from '../database/instances/living.ts'
import { createLogger, type Logger } from '../log/logger.ts'

export interface ConfiguredDatabase {
  readonly database: Database
  readonly config: ReturnType<typeof loadConfig>['config']
  readonly log: Logger
  /** Instances that serve on it, in words. Nobody on the embedded one, whose folder is locked by now. */
  others(queries?: Queries): Promise<readonly string[]>
}

/** Opens the database of .env and the environment beside whoever serves on it, and says which it is. */
export async function withDatabase<T>(
  work: (opened: ConfiguredDatabase) => Promise<T>,
): Promise<T> {
  const { config } = loadConfig(readEnvironment({ file: resolve('.env'), real: process.env }))
  const log = createLogger({
    level: 'warn',
    format: 'pretty',
    secrets: config.secrets,
    output: process.stderr,
  })
  try {
    const database = await openDatabase({ ...config.database, log })
    try {
      const where = database.kind === 'postgres' ? 'PostgreSQL' : `embedded, ${config.database.dir}`
      console.log(`Database: ${where}${config.mode === 'playground' ? ' (of the playground)' : ''}`)
      return await work({
        database,
        config,
        log,
        others: (queries = database) => otherUsers(queries),
      })
    } finally {
      await database.close()
    }
  } finally {
    await log.close()
  }
}
