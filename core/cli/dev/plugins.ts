import { existsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { OpsError } from '../../errors.ts'
import { findPluginFolders, type PluginFolder } from '../../plugin/code/folder.ts'
import { configuredRoots, firstPartyDir } from '../roots.ts'

/** Which plugins a bot under development runs: plain data, as it is handed to another process. */
export interface DevPlugins {
  /** Folders of plugin folders. */
  readonly roots: readonly string[]
  /** Plugin folders that are alone of interest in their root: what else lies there is no part of the project. */
  readonly alone: readonly string[]
  /** The root whose plugins are left out where another root has one of that name. */
  readonly spare?: string
}

/**
 * The plugins of PLUGINS_DIR, those at the given paths (plugin folders, or folders of them) and the first-party
 * ones. Without paths the current folder counts, if it is a plugin itself.
 *
 * @throws OPS_CLI_USAGE for a path that is no folder
 */
export function devPlugins(paths: readonly string[]): DevPlugins {
  const given = paths.length === 0 && existsSync('index.ts') ? ['.'] : paths
  const alone: string[] = []
  const roots = configuredRoots().filter((root) => given.length === 0 || existsSync(root))
  const own = new Set(roots)
  for (const path of given) {
    const dir = folderAt(path)
    const isPlugin = existsSync(join(dir, 'index.ts'))
    const root = isPlugin ? dirname(dir) : dir
    if (isPlugin && !roots.includes(root)) alone.push(dir)
    own.add(root)
  }
  const isSpare = !own.has(firstPartyDir)
  own.add(firstPartyDir)
  return { roots: [...own], alone, ...(isSpare && { spare: firstPartyDir }) }
}

function folderAt(path: string): string {
  const dir = resolve(path)
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true) return dir
  throw new OpsError('OPS_CLI_USAGE', `There is no folder ${dir}`, {
    hint: 'Name plugin folders, or folders that hold some: opsgram dev plugins/NAME',
  })
}

/** Whether a folder is one of them. */
export function isUnder(plugins: DevPlugins, { name, dir, root }: PluginFolder): boolean {
  const { roots, alone, spare } = plugins
  if (root === spare) {
    return roots.every((other) => other === spare || !existsSync(join(other, name, 'index.ts')))
  }
  const chosen = alone.filter((each) => dirname(each) === root)
  return chosen.length === 0 || chosen.includes(dir)
}

/** The folders of the plugins that the project itself holds. */
export async function ownFolders(plugins: DevPlugins): Promise<string[]> {
  const found = await findPluginFolders(plugins.roots)
  return found
    .filter((folder) => folder.root !== plugins.spare && isUnder(plugins, folder))
    .map(({ dir }) => dir)
}

/**
 * Where the bot keeps its data: as the environment says. By default that is below the current folder; when
 * this is a plugin itself, a name with a dot, which is no part of the plugin, or each write would be a change.
 */
export function dataDir({ alone }: DevPlugins, real: NodeJS.Dict<string>): string | undefined {
  const isSet = (real.DATA_DIR ?? '').trim() !== ''
  return !isSet && alone.includes(resolve('.')) ? '.opsgram' : undefined
}
