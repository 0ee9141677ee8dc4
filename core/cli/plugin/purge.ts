import { join } from 'node:path'
import { parseArgs } from 'node:util'
import packageJson from '../../../package.json' with { type: 'json' }
import { codeOf, OpsError } from '../../errors.ts'
import { type Leftovers, leftoversOf, purge } from '../../plugin/catalog/leftovers.ts'
import { KeptBuilds } from '../../plugin/code/kept-builds.ts'
import { type ConfiguredDatabase, withDatabase } from '../database.ts'
import { inUse } from '../migrate/redo.ts'
import { foldersOf } from '../migrate/sets.ts'
import { onTerminal } from '../terminal.ts'

/**
 * `opsgram plugin purge`: drops what a plugin left whose folder is gone: its tables, the record of its migrations,
 * what people decided about it, its kept builds. Shows it first, and asks.
 */
export async function purgeCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { yes: { type: 'boolean' } },
  })
  const [name, ...more] = positionals
  if (name === undefined || more.length > 0) {
    throw new OpsError('OPS_CLI_USAGE', 'The name of one plugin is expected', {
      hint: 'opsgram plugin purge NAME',
    })
  }
  if (!/^[a-z][a-z0-9]{1,15}$/.test(name)) {
    throw new OpsError('OPS_PLUGIN_NAME', `"${name}" can't be the name of a plugin`)
  }
  return withDatabase((opened) => purgePlugin(name, opened, values.yes === true))
}

async function purgePlugin(
  name: string,
  { database, config, log, others }: ConfiguredDatabase,
  yes: boolean,
): Promise<number> {
  await refusePresent(name, config.plugins)
  const living = await others()
  if (living.length > 0) throw inUse(living)
  const dir = join(config.dataDir, 'builds')
  const kept = new KeptBuilds({ dir, coreVersion: packageJson.version, log })
  const left = await leftoversOf(database, name)
  const builds = await kept.files(name)
  if (left.objects.length === 0 && left.records.length === 0 && builds.length === 0) {
    throw new OpsError('OPS_PLUGIN_NOTHING_LEFT', `Plugin ${name} has left nothing here`)
  }
  show(name, left, builds)
  if (!yes && !(await isConfirmed(name))) {
    console.log('Nothing was dropped.')
    return 1
  }
  await purge(database, name, left, others).catch((error: unknown) => {
    throw codeOf(error) === '2BP01' ? stillNeeded(name, error) : error
  })
  await kept.drop(name)
  console.log(`All that plugin ${name} had left is gone.`)
  return 0
}

async function refusePresent(
  name: string,
  plugins: ConfiguredDatabase['config']['plugins'],
): Promise<void> {
  const folder = (await foldersOf(plugins)).find((found) => found.name === name)
  if (folder === undefined) return
  throw new OpsError('OPS_PLUGIN_PRESENT', `Plugin ${name} is still there: ${folder.dir}`, {
    details: { plugin: name, file: folder.dir },
  })
}

function show(name: string, { objects, records }: Leftovers, builds: readonly string[]): void {
  console.log(`Plugin ${name} has left:`)
  for (const { kind, name: object, rows } of objects) {
    const count = rows === undefined ? '' : `, ${rows} row${rows === 1 ? '' : 's'}`
    console.log(`  ${kind} ${object}${count}`)
  }
  for (const { table, rows } of records) {
    console.log(`  ${rows} row${rows === 1 ? '' : 's'} of the core’s table ${table}`)
  }
  for (const file of builds) console.log(`  ${file}`)
}

/** By its name: what goes can't be brought back. */
async function isConfirmed(name: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new OpsError('OPS_CLI_USAGE', 'Nobody is there to be asked, so nothing was dropped', {
      hint: 'Add --yes to drop what is listed.',
    })
  }
  return onTerminal(
    async (ask) => (await ask(`This can't be undone. Type ${name} to drop it: `)).trim() === name,
  )
}

function stillNeeded(name: string, cause: unknown): OpsError {
  const detail =
    typeof cause === 'object' && cause !== null && 'detail' in cause ? String(cause.detail) : ''
  return new OpsError(
    'OPS_PLUGIN_NEEDED',
    `Something else needs what plugin ${name} has left${detail === '' ? '' : `: ${detail}`}`,
    { cause, details: { plugin: name } },
  )
}
