import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { init as initLexer } from 'es-module-lexer'
import type { BuildFailure, BuildOptions as EsbuildOptions, Message } from 'esbuild'
import { codeOf, messageOf, OpsError } from '../../errors.ts'
import { compile } from './compiler.ts'
import {
  entryOf,
  hashFolder,
  hashOutside,
  joinHashes,
  outsideOf,
  type PluginFolder,
} from './folder.ts'
import { lifeName, linkBundle, type SharedModule, wrapperNames } from './link.ts'
import { type LocaleTree, readLocales } from './locales.ts'
import { SourcePositions } from './position.ts'
import { type Problem, problemError } from './problem.ts'
import {
  bannedTelegrafNames,
  bareImports,
  forbiddenImport,
  Refusal,
  refuseTelegraf,
  whereImported,
} from './resolve.ts'

/** One plugin, ready to be evaluated: plain data that can be kept on disk. */
export interface PluginBuild {
  readonly name: string
  readonly dir: string
  readonly root: string
  /** Of all that can change what the plugin does; equal to {@link hashPlugin} while nothing changed. */
  readonly hash: string
  /** Source text of one function; see {@link linkBundle}. */
  readonly code: string
  readonly headerWidth: number
  /** Source map of the bundle; its sources are relative to `root`. */
  readonly map: string
  /**
   * Absolute paths of the files that went into it, also from outside the folder (shared `_` folders,
   * the `api.ts` of others): a change of one of them, or of anything in the folder, calls for a new build.
   */
  readonly inputs: ReadonlySet<string>
  /** What the link takes from outside the bundle. */
  readonly shared: readonly SharedModule[]
  readonly metaFiles: readonly string[]
  /** Texts by language. */
  readonly locales: Readonly<Record<string, LocaleTree>>
  /** By name. */
  readonly migrations: readonly BuiltMigration[]
}

export interface BuiltMigration {
  /** File name without extension. */
  readonly name: string
  /** Absolute path. */
  readonly file: string
  /** SHA-256 of the text; line ends don't count. */
  readonly hash: string
}

export interface BuildOptions {
  /** All folders of plugin folders: what lies in them belongs to a plugin or, in `_` folders, to all. */
  readonly roots: readonly string[]
}

const ENTRY = '__entry__.js'

/** The same for every plugin wherever it lies, so no `tsconfig.json` is read. */
const esbuildOptions = {
  bundle: true,
  write: false,
  metafile: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  // `module` is what bundlers ask for and Node doesn't
  conditions: ['node-addons', 'module-sync'],
  mainFields: ['main'],
  // a plugin lies where it is seen: watcher, errors and stacks speak of the same path
  preserveSymlinks: true,
  tsconfigRaw: { compilerOptions: { target: 'es2024', useDefineForClassFields: true } },
  loader: { '.txt': 'text', '.md': 'text', '.html': 'text', '.sql': 'text' },
  plugins: [bareImports],
  keepNames: true,
  treeShaking: false,
  sourcemap: 'external',
  sourcesContent: false,
  legalComments: 'none',
  charset: 'utf8',
  logLevel: 'silent',
} as const satisfies EsbuildOptions

/**
 * Builds a plugin folder into one consistent snapshot: its code and that of every file it reaches, in one
 * function, with packages and the host's modules left out; its locales; its migrations.
 *
 * @throws OPS_PLUGIN_EMPTY (no `index.ts`), OPS_PLUGIN_BUILD (syntax, a file that isn't there),
 * OPS_PLUGIN_LOCALE, OPS_PLUGIN_IMPORT_… (imports that are refused); all but the first with
 * `file`, `line`, `column` and `frame` in their details
 */
export async function buildPlugin(
  folder: PluginFolder,
  options: BuildOptions,
): Promise<PluginBuild> {
  const startedAt = Date.now()
  if (folder.problem !== undefined) throw folder.problem
  const entry = entryOf(folder)
  if ((await stat(entry).catch(() => undefined))?.isFile() !== true) {
    throw new OpsError(
      'OPS_PLUGIN_EMPTY',
      `The folder of plugin "${folder.name}" has no ${path.relative(folder.dir, entry)}`,
      {
        details: { plugin: folder.name, file: entry },
      },
    )
  }
  // Before anything is read: a file saved while this runs makes the hash too old, never too new, so
  // that the event that follows the save finds a difference.
  const folderHash = await hashFolder(folder.dir)
  const [locales, migrations] = await Promise.all([
    readLocales(folder),
    readMigrations(folder),
  ]).catch((error: unknown) => {
    throw error instanceof OpsError ? error : unreadable(folder, error)
  })
  const bundle = await bundlePlugin(folder, migrations, options)
  const inputs = new Set([...bundle.inputs, ...locales.files])
  return {
    name: folder.name,
    dir: folder.dir,
    root: folder.root,
    hash: await hashInputs(folder, folderHash, inputs, startedAt),
    inputs,
    map: bundle.map,
    ...bundle.linked,
    locales: locales.texts,
    migrations,
  }
}

function unreadable(folder: PluginFolder, error: unknown): OpsError {
  const message = `A file of plugin "${folder.name}" could not be read: ${messageOf(error)}`
  return new OpsError('OPS_PLUGIN_BUILD', message, {
    cause: error,
    details: { plugin: folder.name },
  })
}

async function bundlePlugin(
  folder: PluginFolder,
  migrations: readonly BuiltMigration[],
  options: BuildOptions,
) {
  const { root } = folder
  const entry = entryOf(folder)
  const dir = path.dirname(entry)
  const outfile = path.join(root, '__bundle__.js') // never written: sources in the map are relative to it
  const stdin = {
    contents: bundleEntry(path.basename(entry), migrations),
    resolveDir: dir,
    sourcefile: ENTRY,
  }
  await initLexer
  const result = await compile((compiler) =>
    compiler.build({ ...esbuildOptions, stdin, outfile, absWorkingDir: root }),
  ).catch(async (error: unknown) => {
    throw await asBuildError(folder, error)
  })
  await refuseForbidden(folder, result.metafile, options)
  const [map = '', code = ''] = ['.map', '.js'].map(
    (end) => result.outputFiles.find((file) => file.path.endsWith(end))?.text,
  )
  const linked = linkBundle(code, new SourcePositions(map, root))
  await refuseBannedNames(folder, linked.shared)
  const inputs = Object.keys(result.metafile.inputs)
    .filter((input) => path.basename(input) !== ENTRY && !/^[(<]|^[a-z]+:/.test(input))
    .map((input) => path.resolve(root, input))
  return { map, linked, inputs }
}

/** The bundle's entry hands out namespaces, as the bundle itself is a function and has no exports. */
function bundleEntry(entry: string, migrations: readonly BuiltMigration[]): string {
  const modules = migrations.map((_, index) => `m${index}`)
  return [
    `import * as plugin from ${JSON.stringify(`./${entry}`)}`,
    ...migrations.map(
      ({ file }, index) =>
        `import * as m${index} from ${JSON.stringify(`./migrations/${path.basename(file)}`)}`,
    ),
    `$done$(plugin, [${modules.join(', ')}])`,
    `void [${[...wrapperNames, lifeName].join(', ')}]`,
  ].join('\n')
}

async function readMigrations(folder: PluginFolder): Promise<BuiltMigration[]> {
  const entry = entryOf(folder)
  const dir = path.join(path.dirname(entry), 'migrations')
  const names = await readdir(dir).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return []
    throw error
  })
  // a package that is published as JavaScript has them as such
  const extension = path.extname(entry)
  const files = names.filter(
    (name) =>
      name.endsWith(extension) && !name.startsWith('.') && !/\.(?:test|d)\.[^.]+$/.test(name),
  )
  return Promise.all(
    files.sort().map(async (name) => {
      const file = path.join(dir, name)
      const text = await readFile(file, 'utf8')
      const hash = createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex')
      return { name: name.slice(0, -extension.length), file, hash }
    }),
  )
}

/** Kernels stamp files with a clock that ticks every 4 or 10 ms. */
const CLOCK_TICK_MS = 10

/**
 * Which files lie outside the folder is known only after they were read, so they are hashed afterwards.
 * If one was saved meanwhile, the hash may be newer than what was built: then it is made to equal nothing.
 */
async function hashInputs(
  folder: PluginFolder,
  folderHash: string,
  inputs: ReadonlySet<string>,
  startedAt: number,
): Promise<string> {
  const changedAt = await Promise.all(
    outsideOf(folder.dir, inputs).map((file) =>
      stat(file).then((stats) => stats.ctimeMs, Date.now),
    ),
  )
  const hash = joinHashes(folderHash, await hashOutside(folder.dir, inputs))
  const isDoubtful = changedAt.some((time) => time >= startedAt - CLOCK_TICK_MS)
  return isDoubtful ? joinHashes(hash, randomUUID()) : hash
}

async function refuseForbidden(
  folder: PluginFolder,
  metafile: Parameters<typeof forbiddenImport>[0],
  { roots }: BuildOptions,
): Promise<void> {
  const found = forbiddenImport(metafile, folder, roots)
  if (!found) return
  const source = await readFile(found.file, 'utf8').catch(() => '')
  const at = whereImported(found.file, source, found.specifier)
  throw await problemError(found.code, folder, [
    { ...at, text: `import of "${found.specifier}": ${found.text}` },
  ])
}

async function refuseBannedNames(
  folder: PluginFolder,
  shared: readonly SharedModule[],
): Promise<void> {
  const banned: readonly string[] = bannedTelegrafNames
  const names = shared.find(({ specifier }) => specifier === 'telegraf')?.names ?? []
  const [first, ...more] = names
    .filter(({ name }) => banned.includes(name))
    .map(({ name, at }) => ({
      ...(at ?? { file: path.join(folder.dir, 'index.ts'), line: 1, column: 1 }),
      text: `Telegraf's "${name}" is not used in plugins`,
    }))
  if (!first) return
  const { code, hint } = refuseTelegraf()
  throw await problemError(code, folder, [first, ...more], hint === undefined ? {} : { hint })
}

async function asBuildError(folder: PluginFolder, error: unknown): Promise<OpsError> {
  const messages = isBuildFailure(error) ? error.errors : []
  const [first, ...more] = messages.map((message) => asProblem(folder, message))
  if (!first) {
    const message = `Plugin "${folder.name}" could not be compiled: ${messageOf(error)}`
    return new OpsError('OPS_PLUGIN_BUILD', message, {
      hint: 'The compiler itself failed, not the source: look for memory or process limits.',
      cause: error,
      details: { plugin: folder.name },
    })
  }
  const detail: unknown = messages[0]?.detail
  if (!(detail instanceof Refusal))
    return problemError('OPS_PLUGIN_BUILD', folder, [first, ...more])
  const { code, hint } = detail
  return problemError(code, folder, [first, ...more], hint === undefined ? {} : { hint })
}

function asProblem(folder: PluginFolder, { text, location }: Message): Problem {
  if (!location) return { file: path.join(folder.dir, 'index.ts'), line: 1, column: 1, text }
  // esbuild counts UTF-8 bytes
  const before = Buffer.from(location.lineText).subarray(0, location.column).toString()
  const file = path.resolve(folder.root, location.file)
  return { file, line: location.line, column: before.length + 1, text }
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors)
}
