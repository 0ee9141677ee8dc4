import { findPluginFolders, hashFolder, isInside, type PluginFolder } from '../code/folder.ts'
import { type Generation, instancesOf } from '../generation/generation.ts'
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
  for (const folder of await findPluginFolders(parts.roots)) {
    if (parts.accepts?.(folder) === false) continue
    const first = folders.get(folder.name)
    if (parts.disabled.has(folder.name)) records.disabled(folder.name)
    else if (first === undefined) folders.set(folder.name, folder)
    else clashes.push([first, folder])
  }
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
    const loaded = instancesOf(live).find((plugin) => plugin.name === name)
    const moved = loaded !== undefined && loaded.build.dir !== folder.dir
    const inside = [...files].some((file) => isInside(folder.dir, file) || file === folder.dir)
    // a broken plugin has no list of inputs: any shared file may mend it
    const outside = [...files].some(
      (file) => !isInside(folder.dir, file) && (loaded?.build.inputs.has(file) ?? isShared(file)),
    )
    if (!moved && !inside && !outside && records.has(name)) continue
    const planned = await plan(change)
    const fresh = planned.hash !== records.attemptedHash(name)
    if (moved || outside || fresh) affected.push(planned)
  }
  return affected
}

/** Reads the folder's hash, which a transaction needs to know what it attempted. */
export async function plan(change: Change): Promise<PlannedChange> {
  const { folder } = change
  return { ...change, hash: folder === undefined ? undefined : await hashFolder(folder.dir) }
}

/** Folders that begin with `_` are copied into the plugins that import them. */
function isShared(file: string): boolean {
  return /[\\/]_[^\\/]*[\\/]/.test(file)
}
