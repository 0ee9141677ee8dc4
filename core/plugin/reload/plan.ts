import {
  findPluginFolders,
  hashFolder,
  hashPlugin,
  isInside,
  type PluginFolder,
} from '../code/folder.ts'
import { findPluginPackages, type PluginPackages } from '../code/package.ts'
import { type Generation, instancesOf } from '../generation/generation.ts'
import type { LoadedPlugin } from '../generation/loaded.ts'
import type { PluginRecords } from './records.ts'
import type { PlannedChange } from './transaction.ts'

/** A plugin that exists on disk, or did. */
export interface Change {
  readonly name: string
  /** What the folder is now; undefined when it is gone. */
  readonly folder: PluginFolder | undefined
}

/** What lies on disk, against what is live. */
export interface Scan {
  readonly changes: readonly Change[]
  /** Two folders of one name: the first serves. */
  readonly clashes: readonly (readonly [PluginFolder, PluginFolder])[]
}

export interface ScanParts {
  readonly roots: readonly string[]
  readonly packages: PluginPackages
  readonly accepts: ((folder: PluginFolder) => boolean) | undefined
  readonly disabled: ReadonlySet<string>
  readonly live: Generation
  readonly records: PluginRecords
}

/** Step 1: finds every plugin folder, and every plugin that no longer has one. */
export async function scanPlugins(parts: ScanParts): Promise<Scan> {
  const { live, records } = parts
  const folders = new Map<string, PluginFolder>()
  const clashes: [PluginFolder, PluginFolder][] = []
  // folders come first: whoever works on a copy of a package has it win
  const found = await Promise.all([
    findPluginFolders(parts.roots),
    findPluginPackages(parts.packages),
  ])
  for (const folder of found.flat()) {
    if (parts.accepts?.(folder) === false) continue
    const first = folders.get(folder.name)
    if (parts.disabled.has(folder.name)) records.disabled(folder.name)
    else if (first === undefined) folders.set(folder.name, folder)
    else clashes.push([first, folder])
  }
  // one that is switched off has nothing to be unloaded: it is forgotten with its folder
  const there = new Set(found.flat().map(({ name }) => name))
  for (const name of parts.disabled) if (!there.has(name)) records.removed(name)
  const known = [...live.plugins.keys(), ...live.waiting.keys(), ...records.failed()]
  const names = new Set([...folders.keys(), ...known])
  return { changes: [...names].map((name) => ({ name, folder: folders.get(name) })), clashes }
}

/** Which of the plugins these files concern; folders whose content was attempted already are left alone. */
export async function affectedBy(
  files: ReadonlySet<string>,
  all: readonly Change[],
  { live, records }: Pick<ScanParts, 'live' | 'records'>,
): Promise<PlannedChange[]> {
  const affected: PlannedChange[] = []
  for (const change of all) {
    const { name, folder } = change
    if (folder === undefined) {
      affected.push({ ...change, hash: undefined })
      continue
    }
    // a package that npm is about to replace; whatever serves goes on
    if (folder.problem !== undefined && records.has(name)) continue
    const loaded = instancesOf(live).find((plugin) => plugin.name === name)
    const moved = loaded !== undefined && loaded.build.dir !== folder.dir
    const inside = [...files].some((file) => isInside(folder.dir, file) || file === folder.dir)
    const failed = records.lastReload(name)?.ok === false
    const outside = await isChangedOutside(folder, files, { loaded, failed })
    if (!moved && !inside && !outside && records.has(name)) continue
    const planned = await plan(change)
    const fresh = planned.hash !== records.attemptedHash(name)
    if (moved || fresh) affected.push(planned)
    else if (outside) affected.push({ ...planned, mayFail: failed })
  }
  return affected
}

interface Served {
  readonly loaded: LoadedPlugin | undefined
  /** Whether the last attempt to load what lies in the folder failed. */
  readonly failed: boolean
}

/** Whether a plugin's code depends on changes of files that aren't its own. */
async function isChangedOutside(
  { dir }: PluginFolder,
  files: ReadonlySet<string>,
  { loaded, failed }: Served,
): Promise<boolean> {
  const outside = [...files].filter((file) => !isInside(dir, file))
  // what a broken one would import nobody knows: any file that may be shared might mend it
  if (failed || loaded === undefined) return outside.some(isShareable)
  const { hash, inputs } = loaded.build
  return outside.some((file) => inputs.has(file)) && (await hashPlugin(dir, inputs)) !== hash
}

/** Reads the folder's hash, which a transaction needs to know what it attempted. */
export async function plan(change: Change): Promise<PlannedChange> {
  const { folder } = change
  return { ...change, hash: folder === undefined ? undefined : await hashFolder(folder.dir) }
}

/** Folders that begin with `_` are copied into the plugins that import them, and so is another's `api.ts`. */
function isShareable(file: string): boolean {
  return /[\\/]_[^\\/]*[\\/]|[\\/]api\.[cm]?[jt]s$/.test(file)
}
