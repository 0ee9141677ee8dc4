import type { Database } from '../database/connection.ts'
import { migrateCore } from '../database/migration/core.ts'
import { takeDatabase } from '../testing/test-bot/database.ts'
import { RecordedLog } from '../testing/test-bot/log.ts'

/** Gives a database with nothing but the core's tables to `work`, and throws it away. */
export async function withScratch<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const log = new RecordedLog()
  const database = await takeDatabase(log)
  try {
    await migrateCore(database, 'auto', log)
    return await work(database)
  } finally {
    await database.close()
  }
}
