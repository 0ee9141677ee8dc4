import { realpath } from 'node:fs/promises'
import { findPackageJSON, isBuiltin } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { parse, type StaticImport } from 'es-module-lexer'
import type { Metafile, OnResolveResult, Plugin } from 'esbuild'
import type { ErrorCode } from '../../errors.ts'
import { isInside, type PluginFolder } from './folder.ts'
import type { Position } from './problem.ts'

/** Why an import is refused; travels through esbuild as the `detail` of its error. */
export class Refusal {
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, hint?: string) {
    this.code = code
    this.hint = hint
  }
}

/**
 * What the host hands to every plugin wherever its folder lies, so that there is one instance of each:
 * two copies of MikroORM or of Telegraf's classes would not know each other.
 */
export function isHostModule(specifier: string): boolean {
  return (
    /^(opsgram|zod|telegraf)$/.test(specifier) || /^(zod|telegraf|@mikro-orm)\//.test(specifier)
  )
}

/** Exports of `telegraf` that a plugin must not use: this framework does that work itself. */
export const bannedTelegrafNames = [
  'session',
  'Scenes',
  'Stage',
  'Telegraf',
  'MemorySessionStore',
] as const

const TELEGRAF_HINT =
  'Telegraf is a library here: use ctx.session and dialogs in place of session(), Scenes and Stage; starting and stopping are the framework’s.'

/** Refusal of an import that brings in a part of Telegraf which this framework replaces. */
export function refuseTelegraf(): Refusal {
  return new Refusal('OPS_PLUGIN_IMPORT_TELEGRAF', TELEGRAF_HINT)
}

const RESOLVING = Symbol('resolving')

/**
 * Bare imports: the host's list is left for the link; Node's own modules too; all others are found as
 * Node finds them from the importing file upwards, and become absolute URLs that are loaded natively.
 */
export const bareImports: Plugin = {
  name: 'opsgram-bare-imports',
  setup(build) {
    // relative imports don't match: esbuild resolves them in its own process, with no round trip
    build.onResolve({ filter: /^[^./#]/ }, async (args): Promise<OnResolveResult | undefined> => {
      const { path: specifier } = args
      if (args.pluginData === RESOLVING || specifier.startsWith('data:')) return undefined
      const refusal = refusalOf(specifier)
      if (refusal) return refusal
      if (isHostModule(specifier) || isBuiltin(specifier))
        return { path: specifier, external: true }

      const { kind, importer, resolveDir } = args
      const from = (resolveDir: string) =>
        build.resolve(specifier, { kind, importer, resolveDir, pluginData: RESOLVING })
      let found = await from(resolveDir)
      // of a folder that is a link, Node would look only where it leads to
      if (found.errors.length > 0) found = await from(await realpath(resolveDir))
      if (found.errors.length > 0) return missing(specifier)
      // Node would need an import attribute that is lost here; a text is harmless to copy
      if (found.path.endsWith('.json')) return { path: found.path }
      return { path: pathToFileURL(found.path).href, external: true }
    })
  },
}

function refusalOf(specifier: string): OnResolveResult | undefined {
  if (/^telegraf\/(session|scenes)$/.test(specifier)) {
    return refused(`"${specifier}" is not used in plugins`, refuseTelegraf())
  }
  if (specifier === 'opsgram/testing') {
    const hint = 'Import it in the plugin’s *.test.ts only: no file that index.ts reaches may.'
    return refused('"opsgram/testing" is for tests', new Refusal('OPS_PLUGIN_IMPORT_CORE', hint))
  }
  if (specifier.startsWith('file:')) {
    const hint = 'Import files of the plugin by a relative path, and packages by their names.'
    return refused(
      `"${specifier}" is an address of a file`,
      new Refusal('OPS_PLUGIN_IMPORT_OUTSIDE', hint),
    )
  }
  if (specifier.startsWith('opsgram/')) {
    return refused(`"${specifier}" reaches into the core`, new Refusal('OPS_PLUGIN_IMPORT_CORE'))
  }
  return undefined
}

function missing(specifier: string): OnResolveResult {
  const name = specifier
    .split('/')
    .slice(0, specifier[0] === '@' ? 2 : 1)
    .join('/')
  const hint = `Run "npm install ${name}" in the plugin’s folder or in a folder above it, or correct the name.`
  return refused(
    `cannot find the package "${specifier}"`,
    new Refusal('OPS_PLUGIN_IMPORT_MISSING', hint),
  )
}

function refused(text: string, detail: Refusal): OnResolveResult {
  return { errors: [{ text, detail }] }
}

/** An import of a file that a plugin must not reach. */
export interface FileImport {
  readonly code: ErrorCode
  readonly text: string
  /** The importing file. */
  readonly file: string
  /** As it is written there. */
  readonly specifier: string
}

/**
 * The first import, of all that went into a bundle, which leaves what a plugin may import by path: its own
 * folder, shared `_` folders of the roots, and `api.ts` of other plugins.
 */
export function forbiddenImport(
  metafile: Metafile,
  folder: PluginFolder,
  roots: readonly string[],
): FileImport | undefined {
  for (const [input, { imports }] of Object.entries(metafile.inputs)) {
    const file = path.resolve(folder.root, input)
    for (const { path: target, original, external } of imports) {
      if (external || !isByPath(original) || /^[a-z]+:/.test(target)) continue
      const fault = faultOf(file, path.resolve(folder.root, target), folder, roots)
      if (fault) return { ...fault, file, specifier: original }
    }
  }
  return undefined
}

function isByPath(specifier: string | undefined): specifier is string {
  return specifier !== undefined && (specifier.startsWith('.') || path.isAbsolute(specifier))
}

function faultOf(
  importer: string,
  file: string,
  folder: PluginFolder,
  roots: readonly string[],
): { code: ErrorCode; text: string } | undefined {
  if (isInside(folder.dir, file)) return undefined
  const root = roots.map((each) => path.resolve(each)).find((each) => isInside(each, file))
  if (root !== undefined) {
    const [owner = '', ...rest] = path.relative(root, file).split(path.sep)
    if (owner.startsWith('_')) return undefined
    if (rest.length > 0) return foreignFault(importer, path.join(root, owner), rest.join('/'))
  } else if (isInside(coreRoot(), file)) {
    return {
      code: 'OPS_PLUGIN_IMPORT_CORE',
      text: 'this is a file of the core, of which a bundle would get a second copy',
    }
  }
  return { code: 'OPS_PLUGIN_IMPORT_OUTSIDE', text: 'this file lies outside the plugin folders' }
}

function foreignFault(importer: string, dir: string, file: string) {
  if (/^api\.[cm]?[jt]s$/.test(file)) return undefined
  const name = path.basename(dir)
  const text = isInside(dir, importer)
    ? `${path.basename(importer)} of "${name}" is imported by other plugins, so it must stand alone, but it imports ${file}`
    : `${file} belongs to the plugin "${name}", of which only api.ts may be imported`
  return { code: 'OPS_PLUGIN_IMPORT_FOREIGN', text } as const
}

/** Root of the package that this file belongs to, also when it runs as built JavaScript. */
export function coreRoot(): string {
  return path.dirname(findPackageJSON(import.meta.url) ?? import.meta.dirname)
}

/** Where a source file imports a specifier. */
export function whereImported(file: string, source: string, specifier: string): Position {
  const statements = lex(source)
  const hit = statements.find((each) => each.specifier === specifier && !each.typeOnly)
  const offset = hit?.start ?? Math.max(0, source.indexOf(specifier))
  const before = source.slice(0, offset).split('\n')
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

function lex(source: string) {
  try {
    return parse(source)[0].filter(
      (each): each is StaticImport => 'attributes' in each && each.type !== 'dynamic',
    )
  } catch {
    return [] // a lexer is no parser: what it can't read is searched as text
  }
}
