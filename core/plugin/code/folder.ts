import { createHash, type Hash } from 'node:crypto'
import { open, readdir, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { codeOf, OpsError } from '../../errors.ts'

/** One plugin as it lies on disk. All paths are absolute and as seen: links in them are not resolved. */
export interface PluginFolder {
  /** Name of the folder, which is the plugin's name. */
  readonly name: string
  readonly dir: string
  /** The folder of plugin folders in which it was found. */
  readonly root: string
  /** Absolute path of the file that exports the manifest, where that isn't `index.ts`: in a package. */
  readonly entry?: string
  /** Why it can't be loaded, where that is known before anything of it is read. */
  readonly problem?: OpsError
}

/**
 * All plugin folders below the given roots, by root in the given order, then by name.
 * Names that begin with `_` (shared code) or `.` and `node_modules` are no plugins; a root that doesn't
 * exist holds none. A folder without `index.ts` is found too: its build says what is missing.
 * A name in two roots is returned twice.
 *
 * @throws OPS_PLUGINS_DIR when a root is there and can't be read
 */
export async function findPluginFolders(roots: readonly string[]): Promise<PluginFolder[]> {
  const found = await Promise.all(
    roots.map(async (given) => {
      const root = path.resolve(given)
      const names = (await namesInRoot(root)).filter((name) => !name.startsWith('_'))
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

/** Those of the roots that are not there, or are no folders. */
export async function missingRoots(roots: readonly string[]): Promise<string[]> {
  const kinds = await Promise.all(roots.map(kindOf))
  return roots.filter((_, index) => kinds[index] !== 'dir')
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

/** The file that exports a plugin's manifest; its locales and migrations lie beside it. */
export function entryOf({ dir, entry }: Pick<PluginFolder, 'dir' | 'entry'>): string {
  return entry ?? path.join(dir, 'index.ts')
}

/**
 * What neither holds plugins nor belongs to one: packages, dot files, editors' backups and locks, among them
 * what JetBrains' editors write beside a file while they save it.
 */
export function isIgnoredName(name: string): boolean {
  return name === 'node_modules' || /^[.#]|~$|___jb_(?:tmp|old)___$/.test(name)
}

function isPartOfPlugin(file: string): boolean {
  const name = path.basename(file)
  return !/\.test\.[cm]?[jt]sx?$/.test(name) && !/^readme(\.|$)/i.test(name)
}

/** Files that are open at once: a folder may hold more than a process may open. */
const openAtOnce = 32
/** More of a file than this is read bit by bit, whoever put it there. */
const wholeBytes = 1024 * 1024

async function addFiles(hash: Hash, dir: string, files: readonly string[]): Promise<void> {
  for (let from = 0; from < files.length; from += openAtOnce) {
    const some = files.slice(from, from + openAtOnce)
    const contents = await Promise.all(some.map((file) => contentOf(path.join(dir, file))))
    for (const [index, content] of contents.entries()) {
      // lengths keep `a` + `bc` apart from `ab` + `c`
      hash.update(`${some[index]}\0${content.length}\0`)
      await content.addTo(hash)
    }
  }
}

interface Content {
  readonly length: number
  addTo(hash: Hash): unknown
}

async function contentOf(file: string): Promise<Content> {
  try {
    await using handle = await open(file)
    const { size } = await handle.stat()
    if (size > wholeBytes) return { length: size, addTo: (hash) => addLarge(hash, file) }
    const content = await handle.readFile()
    return { length: content.length, addTo: (hash) => hash.update(content) }
  } catch (error) {
    // gone between listing and reading, or not readable: that is a state of its own, not a crash
    const state = `!${codeOf(error)}`
    return { length: state.length, addTo: (hash) => hash.update(state) }
  }
}

async function addLarge(hash: Hash, file: string): Promise<void> {
  try {
    await using handle = await open(file)
    for await (const chunk of handle.createReadStream({ autoClose: false })) hash.update(chunk)
  } catch (error) {
    hash.update(`!${codeOf(error)}`)
  }
}

/** Files below a folder as sorted relative paths. */
async function filesIn(dir: string): Promise<string[]> {
  const files: string[] = []
  const visit = async (below: string, ancestors: readonly string[]): Promise<void> => {
    const here = path.join(dir, below)
    const real = await realpath(here).catch(() => here)
    if (ancestors.includes(real)) return // a link to a folder above
    // one that can't be read is a state of its own too, and the trouble of this plugin alone
    const names = await namesIn(here).catch(() => undefined)
    if (names === undefined) files.push(below)
    await Promise.all(
      (names ?? []).map(async (name) => {
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

async function namesInRoot(root: string): Promise<string[]> {
  try {
    return await namesIn(root)
  } catch (error) {
    throw new OpsError('OPS_PLUGINS_DIR', `The folder ${root} can't be read (${codeOf(error)})`, {
      cause: error,
      details: { variable: 'PLUGINS_DIR', dir: root },
    })
  }
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
