import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { loadConfig, readEnvironment } from '../configuration.ts'
import type { PluginFolder } from '../plugin/code/folder.ts'

/** The plugins that came with this opsgram: a project that has none of its own for them gets these. */
export const firstPartyDir = resolve(import.meta.dirname, '../../plugins')

/** Runs the tests of a checkout of opsgram; a package has none. */
export const checkoutRunner = resolve(import.meta.dirname, '../../test/run.ts')

/** The folders of plugin folders that the environment names: PLUGINS_DIR. */
export function configuredRoots(): readonly string[] {
  // a wrong token is no reason not to work on a plugin
  const { PLUGINS_DIR } = readEnvironment({ file: resolve('.env'), real: process.env })
  return loadConfig(PLUGINS_DIR === undefined ? {} : { PLUGINS_DIR }).config.plugins.dirs
}

/** A plugin that is a repository of its own: what lies beside it is no part of the project. */
export function isOwnRepository(dir: string): boolean {
  return existsSync(join(dir, 'node_modules/opsgram')) || existsSync(join(dir, '.git'))
}

export function folderOf(dir: string): PluginFolder {
  return { name: basename(dir), dir, root: dirname(dir) }
}

/** Whether a bot that runs this plugin would have that other folder beside it. */
export function isNeighbour(folder: PluginFolder, other: PluginFolder, roots: Roots): boolean {
  if (other.dir === folder.dir) return false
  if (other.root === firstPartyDir && !roots.configured.includes(firstPartyDir)) {
    return other.name !== folder.name
  }
  return roots.configured.includes(other.root) || !isOwnRepository(folder.dir)
}

export interface Roots {
  readonly configured: readonly string[]
  /** With that of the plugin itself and that of the first-party plugins. */
  readonly all: readonly string[]
}

export function rootsWith(folder: PluginFolder): Roots {
  const configured = configuredRoots()
  return { configured, all: [...new Set([folder.root, ...configured, firstPartyDir])] }
}
