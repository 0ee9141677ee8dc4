import { createHash, type Hash } from 'node:crypto'
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { codeOf } from '../../errors.ts'

/** One plugin as it lies on disk. All paths are absolute and as seen: links in them are not resolved. */
export interface PluginFolder {
  /** Name of the folder, which is the plugin's name. */
  readonly name: string
  readonly dir: string
  /** The folder of plugin folders in which it was found. */
  readonly root: string
}

/**
 * All plugin folders below the given roots, by root in the given order, then by name.
 * Names that begin with `_` (shared code) or `.` and `node_modules` are no plugins; a root that doesn't
 * exist holds none. A folder without `index.ts` is found too: its build says what is missing.
 * A name in two roots is returned twice.
 */
export async function findPluginFolders(roots: readonly string[]): Promise<PluginFolder[]> {
  const found = await Promise.all(
    roots.map(async (given) => {
      const root = path.resolve(given)
      const names = (await namesIn(root)).filter((name) => !name.startsWith('_'))
      const folders = await Promise.all(
        names.map(async (name) => {
          const dir = path.join(root, name)
          return (await kindOf(dir)) === 'dir' ? [{ name, dir, root }] : []
        }),
      )
      return folders.flat()
    }),
  )
  return found.flat()
}

/**
 * SHA-256 over path and bytes of every file that can change what the plugin does. Left out are
 * `node_modules`, dot files, editors' backups, tests and READMEs.
 *
 * Nothing is cached by time or size: editors, `rsync -t` and `git` can leave both as they were, and
 * reading a plugin folder takes about a millisecond.
 */
export async function hashFolder(dir: string): Promise<string> {
  const hash = createHash('sha256')
  await addFiles(hash, dir, (await filesIn(dir)).filter(isPartOfPlugin))
  return hash.digest('hex')
}

/**
 * What {@link PluginBuild.hash} would be if the plugin were built from what lies on disk now: the folder,
 * and what the build took from outside it (shared `_` folders, the `api.ts` of others).
 */
export async function hashPlugin(dir: string, inputs: Iterable<string>): Promise<string> {
  return joinHashes(await hashFolder(dir), await hashOutside(dir, inputs))
}

/** SHA-256 over those of `inputs` that don't lie in `dir`. */
export async function hashOutside(dir: string, inputs: Iterable<string>): Promise<string> {
  const outside = outsideOf(dir, inputs).map((file) => path.relative(dir, file))
  const hash = createHash('sha256')
  await addFiles(hash, dir, outside.sort())
  return hash.digest('hex')
}

export function joinHashes(...hashes: string[]): string {
  return createHash('sha256').update(hashes.join('\n')).digest('hex')
}

export function outsideOf(dir: string, files: Iterable<string>): string[] {
  return [...files].filter((file) => !isInside(dir, file))
}

export function isInside(dir: string, file: string): boolean {
  return file.startsWith(dir + path.sep)
}

/** A file as people are shown it: `plugins/worklog/sheets.ts`. */
export function shownPath(root: string, file: string): string {
  return path.join(path.basename(root), path.relative(root, file)).replaceAll(path.sep, '/')
}

/** What neither holds plugins nor belongs to one: packages, dot files, editors' backups and locks. */
export function isIgnoredName(name: string): boolean {
  return (
    name === 'node_modules' || name.startsWith('.') || name.endsWith('~') || name.startsWith('#')
  )
}

function isPartOfPlugin(file: string): boolean {
  const name = path.basename(file)
  return !/\.test\.[cm]?[jt]sx?$/.test(name) && !/^readme(\.|$)/i.test(name)
}

async function addFiles(hash: Hash, dir: string, files: readonly string[]): Promise<void> {
  const contents = await Promise.all(
    files.map((file) =>
      // gone between listing and reading, or not readable: that is a state of its own, not a crash
      readFile(path.join(dir, file)).catch((error: unknown) => `!${codeOf(error)}`),
    ),
  )
  for (const [index, content] of contents.entries()) {
    // lengths keep `a` + `bc` apart from `ab` + `c`
    hash.update(`${files[index]}\0${content.length}\0`).update(content)
  }
}

/** Files below a folder as sorted relative paths. */
async function filesIn(dir: string): Promise<string[]> {
  const files: string[] = []
  const visit = async (below: string, ancestors: readonly string[]): Promise<void> => {
    const here = path.join(dir, below)
    const real = await realpath(here).catch(() => here)
    if (ancestors.includes(real)) return // a link to a folder above
    await Promise.all(
      (await namesIn(here)).map(async (name) => {
        const relative = path.join(below, name)
        const kind = await kindOf(path.join(dir, relative))
        if (kind === 'dir') await visit(relative, [...ancestors, real])
        else if (kind === 'file') files.push(relative)
      }),
    )
  }
  await visit('', [])
  return files.sort()
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).filter((name) => !isIgnoredName(name)).sort()
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return []
    throw error
  }
}

async function kindOf(file: string): Promise<'dir' | 'file' | undefined> {
  const stats = await stat(file).catch(() => undefined) // gone, or a link that leads nowhere
  if (stats?.isDirectory()) return 'dir'
  return stats?.isFile() ? 'file' : undefined
}
