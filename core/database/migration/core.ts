import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { OpsError } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import type { Database } from '../connection.ts'
import { createOrm } from '../orm.ts'
import { SchemaReview } from '../sql/review.ts'
import { statementsOf } from '../sql/statement.ts'
import { migrate, type OtherUsers, pendingMigrations } from './migrator.ts'
import type { MigrationClass, MigrationSet } from './set.ts'
import { trackingTable } from './tracking.ts'

const folder = new URL('../../../migrations/', import.meta.url)

/** Of the code that runs: `.ts` in the checkout, `.js` in the package, where the sources lie beside it. */
const extension = extname(import.meta.filename)

/**
 * The core's migrations, from the files in `migrations/`. Their hashes are of the sources, so that a database moves
 * between a checkout and a package.
 */
export async function coreMigrations(): Promise<MigrationSet> {
  const files = (await readdir(folder)).filter((file) => /^\d{4}_[a-z0-9_]+\.ts$/.test(file))
  return {
    owner: 'core',
    migrations: await Promise.all(
      files.sort().map(async (file) => {
        const name = basename(file, '.ts')
        const url = new URL(`${name}${extension}`, folder)
        // The form of our own files, which the tests run.
        const { default: MigrationOf }: { default: MigrationClass } = await import(url.href)
        return {
          name,
          class: MigrationOf,
          hash: migrationHash(await readFile(new URL(file, folder), 'utf8')),
        }
      }),
    ),
  }
}

/**
 * Brings the core's tables up to date before anything uses them.
 *
 * @param options others: who else uses the database, asked before anything that isn't additive
 * @throws OPS_MIGRATION_PENDING when they are not and `mode` is manual; what `migrate` throws
 */
export async function migrateCore(
  database: Database,
  mode: 'auto' | 'manual',
  log: Logger,
  options: { others?: OtherUsers } = {},
): Promise<void> {
  const set = await coreMigrations()
  if (mode === 'manual') {
    const pending = await pendingMigrations(database, set)
    if (pending.length === 0) return
    throw new OpsError(
      'OPS_MIGRATION_PENDING',
      `The core has pending migrations: ${pending.join(', ')}`,
    )
  }
  const { applied, missing } = await migrate(database, set, options)
  if (applied.length > 0) log.info('database.migrated', { applied })
  if (missing.length > 0) log.warn('database.schema-newer', { missing })
}

/** Names of all that the core's migrations make: tables, indexes, functions. */
export async function coreNames(database: Database): Promise<readonly string[]> {
  const { driver, config } = await createOrm(database, [])
  const review = new SchemaReview()
  for (const { class: MigrationOf } of (await coreMigrations()).migrations) {
    const migration = new MigrationOf(driver, config)
    await migration.up()
    for (const query of migration.getQueries()) {
      for (const statement of statementsOf(String(query))) review.judge(statement)
    }
  }
  return [...review.names, trackingTable('core')]
}

/** Hash of a migration file's text; line endings don't count, git may change them. */
export function migrationHash(text: string): string {
  return createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex').slice(0, 32)
}
