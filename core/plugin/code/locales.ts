import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { codeOf, messageOf } from '../../errors.ts'
import { compile } from './compiler.ts'
import { entryOf, type PluginFolder } from './folder.ts'
import { problemError } from './problem.ts'

/** Texts of one language: keys lead to texts or to more keys. */
export interface LocaleTree {
  readonly [key: string]: string | LocaleTree
}

const localeSchema: z.ZodType<LocaleTree> = z.record(
  z.string(),
  z.union([z.string(), z.lazy(() => localeSchema)]),
)

export interface Locales {
  /** Texts by language, the name of the file. */
  readonly texts: Readonly<Record<string, LocaleTree>>
  /** Absolute paths of the files read. */
  readonly files: readonly string[]
}

/**
 * Reads `locales/*.json` of a plugin.
 * @throws OPS_PLUGIN_LOCALE for a file that isn't JSON, or holds something else than nested texts
 */
export async function readLocales(folder: PluginFolder): Promise<Locales> {
  // compilers leave JSON where it was
  const beside = path.join(path.dirname(entryOf(folder)), 'locales')
  const dir = existsSync(beside) ? beside : path.join(folder.dir, 'locales')
  const names = (await listed(dir)).filter((name) => name.endsWith('.json') && name[0] !== '.')
  const files = names.map((name) => path.join(dir, name))
  const texts = await Promise.all(files.map((file) => readLocale(folder, file)))
  return {
    texts: Object.fromEntries(
      texts.map((text, i) => [path.basename(files[i] ?? '', '.json'), text]),
    ),
    files,
  }
}

async function readLocale(folder: PluginFolder, file: string): Promise<LocaleTree> {
  const source = (await readFile(file, 'utf8')).replace(/^\uFEFF/, '')
  let json: unknown
  try {
    json = JSON.parse(source)
  } catch (error) {
    throw await problemError('OPS_PLUGIN_LOCALE', folder, [await locate(file, source, error)])
  }
  const parsed = localeSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const keys = deepestPath(parsed.error)
  const at = keys.length === 0 ? 0 : source.lastIndexOf(JSON.stringify(keys.at(-1)))
  const before = source.slice(0, Math.max(0, at)).split('\n')
  const text =
    keys.length === 0
      ? 'a locale file holds one object of texts'
      : `"${keys.join('.')}" is neither a text nor an object of texts`
  throw await problemError('OPS_PLUGIN_LOCALE', folder, [
    { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1, text },
  ])
}

/** Where the JSON is broken: esbuild's parser knows the line, V8's only sometimes the offset. */
async function locate(file: string, source: string, error: unknown) {
  const failure = await compile((esbuild) =>
    esbuild.transform(source, { loader: 'json', logLevel: 'silent' }),
  ).catch((caught: unknown) => caught)
  const place = failureSchema.safeParse(failure).data?.errors[0]
  return {
    file,
    line: place?.location.line ?? 1,
    column: (place?.location.column ?? 0) + 1,
    text: place?.text ?? messageOf(error),
  }
}

const failureSchema = z.object({
  errors: z.array(
    z.object({ text: z.string(), location: z.object({ line: z.number(), column: z.number() }) }),
  ),
})

/** The union of "text or object" nests its issues; the innermost one names the key at fault. */
function deepestPath(error: z.core.$ZodError): string[] {
  let deepest: string[] = []
  const visit = (issues: readonly z.core.$ZodIssue[], above: readonly string[]): void => {
    for (const issue of issues) {
      const here = [...above, ...issue.path.map(String)]
      if (here.length > deepest.length) deepest = here
      if (issue.code === 'invalid_union') for (const inner of issue.errors) visit(inner, here)
    }
  }
  visit(error.issues, [])
  return deepest
}

async function listed(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).sort()
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return []
    throw error
  }
}
