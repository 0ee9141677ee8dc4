import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { coreMigrations } from '../../database/migration/core.ts'
import type { MigrationSet } from '../../database/migration/set.ts'
import { OpsError } from '../../errors.ts'
import { findPluginFolders, isInside, type PluginFolder } from '../../plugin/code/folder.ts'
import { nearest } from '../../plugin/code/nearest.ts'
import { findPluginPackages } from '../../plugin/code/package.ts'
import type { ConfiguredDatabase } from '../database.ts'
import { evaluateFolder } from '../plugins.ts'
import { printError } from '../print.ts'
import { folderOf, isOwnRepository } from '../roots.ts'

type Plugins = ConfiguredDatabase['config']['plugins']

/**
 * Does something with the migrations of the core, then with those of each plugin. A plugin that fails is told, and
 * the others go on.
 *
 * @returns the exit code
 */
export async function eachSet(
  plugins: Plugins,
  work: (set: MigrationSet) => Promise<void>,
): Promise<number> {
  await work(await coreMigrations())
  let failed = 0
  for (const folder of await foldersOf(plugins)) {
    if (plugins.disabled.includes(folder.name)) continue
    try {
      const { evaluated } = await evaluateFolder(folder, plugins.dirs)
      const { migrations } = evaluated
      if (migrations.length > 0) await work({ owner: folder.name, migrations })
    } catch (error) {
      if (!(error instanceof OpsError)) throw error
      console.log(`${folder.name}: failed`)
      printError(error)
      failed++
    }
  }
  return failed === 0 ? 0 : 1
}

/** All plugins that the bot would load, of folders and of packages. */
export async function foldersOf({ dirs, packages }: Plugins): Promise<readonly PluginFolder[]> {
  return [...(await findPluginFolders(dirs)), ...(await findPluginPackages(packages))]
}

/**
 * The plugin that is meant: by its name, or the one whose folder the command runs in, or the only one there is.
 *
 * @throws OPS_CLI_USAGE, OPS_PLUGIN_UNKNOWN
 */
export async function meantPlugin(
  roots: readonly string[],
  name: string | undefined,
): Promise<PluginFolder> {
  const cwd = process.cwd()
  // a plugin in a repository of its own; the project's folder is one, too
  const isPlugin = isOwnRepository(cwd) && existsSync(join(cwd, 'index.ts'))
  const own = isPlugin ? [folderOf(cwd)] : []
  const folders = [...own, ...(await findPluginFolders(roots))]
  const names = folders.map((folder) => folder.name)
  if (name !== undefined) {
    const found = folders.find((folder) => folder.name === name)
    if (found !== undefined) return found
    const near = nearest(name, names)
    throw new OpsError('OPS_PLUGIN_UNKNOWN', `There is no plugin folder named "${name}"`, {
      ...(near === undefined ? {} : { hint: `Did you mean ${near}?` }),
    })
  }
  const here = folders.find(({ dir }) => dir === cwd || isInside(dir, cwd))
  if (here !== undefined) return here
  const [only, ...more] = folders
  if (only !== undefined && more.length === 0) return only
  throw new OpsError('OPS_CLI_USAGE', 'Which plugin is meant?', {
    hint: `Add --plugin NAME: ${names.join(', ')}`,
  })
}
