import { parseArgs } from 'node:util'
import { migrate, pendingMigrations } from '../../database/migration/migrator.ts'
import { isBreaking, type MigrationSet } from '../../database/migration/set.ts'
import { JobQueue } from '../../job/queue.ts'
import { type ConfiguredDatabase, withDatabase } from '../database.ts'
import { eachSet } from './sets.ts'

/**
 * `opsgram migrate`: brings the configured database up to date, the core first, then each plugin. One that
 * fails is told and left as it was; the others go on. While no instance serves, it runs anything; beside one, what
 * is additive. `create`, `redo` and `status` are told by the first word.
 */
export async function migrateCommand([word = '', ...rest]: readonly string[]): Promise<number> {
  if (word === 'create') return (await import('./create.ts')).createCommand(rest)
  if (word === 'redo') return (await import('./redo.ts')).redoCommand(rest)
  if (word === 'status') return (await import('./status.ts')).statusCommand(rest)
  const { values } = parseArgs({
    args: word === '' ? [] : [word, ...rest],
    options: { 'dry-run': { type: 'boolean' } },
  })
  return withDatabase(async (opened) => {
    const living = await opened.others()
    if (living.length > 0 && values['dry-run'] !== true) {
      console.log(`In use by ${living.join('; ')}: what breaks the version before is refused`)
    }
    if (values['dry-run'] !== true) await openQueue(opened)
    return eachSet(opened.config.plugins, (set) =>
      values['dry-run'] === true ? name(opened, set) : run(opened, set, living),
    )
  })
}

/** Where the bot itself may not, the tables of the job queue are made here. */
async function openQueue({ database, config, log }: ConfiguredDatabase): Promise<void> {
  if (config.database.migrations !== 'manual') return
  const queue = new JobQueue({ database, log, migrations: 'auto', instance: '', now: undefined })
  await queue.open()
  await queue.close()
}

async function run(
  { database, others }: ConfiguredDatabase,
  set: MigrationSet,
  living: readonly string[],
): Promise<void> {
  const { applied, missing } = await migrate(database, set, {
    during: living.length > 0 ? 'serving' : 'maintenance',
    others,
  })
  say(set, 'applied', applied)
  if (missing.length > 0) {
    console.log(`${set.owner}: the database is newer, it also has ${missing.join(', ')}`)
  }
}

async function name({ database }: ConfiguredDatabase, set: MigrationSet): Promise<void> {
  say(set, 'pending', await pendingMigrations(database, set))
}

function say({ owner, migrations }: MigrationSet, what: string, names: readonly string[]): void {
  for (const each of names) {
    const breaking = migrations.some((one) => one.name === each && isBreaking(one))
    console.log(`${owner}: ${what} ${each}${breaking ? ' (breaking)' : ''}`)
  }
  if (names.length === 0) console.log(`${owner}: up to date`)
}
