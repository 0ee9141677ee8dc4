import { parseArgs } from 'node:util'
import { redo } from '../../database/migration/migrator.ts'
import { OpsError } from '../../errors.ts'
import { withDatabase } from '../database.ts'
import { evaluateFolder } from '../plugins.ts'
import { meantPlugin } from './sets.ts'

/**
 * `opsgram migrate redo`: undoes a plugin's last migration by its `down` and runs it anew as it is now. For writing
 * one: what it made goes with all that is in it.
 */
export async function redoCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { plugin: { type: 'string' }, force: { type: 'boolean' } },
  })
  return withDatabase(async ({ database, config, others }) => {
    const folder = await meantPlugin(config.plugins.dirs, values.plugin)
    if (database.kind === 'postgres' && values.force !== true) {
      throw new OpsError(
        'OPS_CLI_USAGE',
        'redo is for development: what the down of a migration drops is lost, and this is a PostgreSQL server',
        { hint: 'If nothing in that database has to be kept, add --force.' },
      )
    }
    const living = await others()
    if (living.length > 0) throw inUse(living)
    const { evaluated } = await evaluateFolder(folder, config.plugins.dirs)
    const name = await redo(database, { owner: folder.name, migrations: evaluated.migrations })
    console.log(`${folder.name}: undid ${name} and ran it anew`)
    return 0
  })
}

/** Refuses what only may be done while nobody serves. */
export function inUse(living: readonly string[]): OpsError {
  return new OpsError('OPS_DATABASE_IN_USE', `The database is used by ${living.join('; ')}`, {
    hint: 'Stop every instance of the bot first. One that was killed counts for some seconds more.',
    details: { living },
  })
}
