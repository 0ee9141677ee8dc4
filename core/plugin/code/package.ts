import { existsSync } from 'node:fs'
import { readFile, realpath } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { messageOf, OpsError } from '../../errors.ts'
import type { PluginFolder } from './folder.ts'
import { coreRoot } from './resolve.ts'

/** npm packages that are plugins. */
export interface PluginPackages {
  /** Names of packages: `opsgram-netbox`, `@acme/opsgram-netbox`. */
  readonly names: readonly string[]
  /** Absolute path of the folder from which they are looked for, upwards, as Node does. */
  readonly from: string
}

/** What is read of a `package.json` (docs.npmjs.com/cli/configuring-npm/package-json, nodejs.org/api/packages.html). */
const manifestShape = z.object({
  main: z.string().optional(),
  exports: z.unknown().optional(),
  opsgram: z.object({ plugin: z.string() }).optional(),
})

const entries = ['index.ts', 'index.js', 'index.mjs']

/**
 * The packages as plugin folders: the entry is the one that Node would import. The plugin's name is
 * `"opsgram": { "plugin": … }` of the `package.json`, else the package's without scope and `opsgram-` or
 * `opsgram-plugin-`. One that is not there, or is no plugin, is returned with its `problem`.
 */
export function findPluginPackages({ names, from }: PluginPackages): Promise<PluginFolder[]> {
  return Promise.all(names.map((name) => findPackage(name, from)))
}

/**
 * Those of the packages that lie elsewhere and are only linked to (`npm link`, workspaces): somebody works
 * on them. What npm installed changes by npm alone.
 */
export async function linkedPackages(packages: PluginPackages): Promise<string[]> {
  const found = await findPluginPackages(packages)
  const linked = await Promise.all(
    found.map(async ({ dir, problem }) => {
      if (problem !== undefined) return []
      const real = await realpath(dir).catch(() => dir)
      return real.split(path.sep).includes('node_modules') ? [] : [dir]
    }),
  )
  return linked.flat()
}

async function findPackage(name: string, from: string): Promise<PluginFolder> {
  const derived = (name.split('/').at(-1) ?? name).replace(/^opsgram-(?:plugin-)?/, '')
  const dir = lookUp(name, from) ?? lookUp(name, coreRoot())
  if (dir === undefined) {
    return unusable(
      derived,
      path.join(from, 'node_modules', name),
      `PLUGINS_PACKAGES names ${name}, which is not installed`,
      `Run "npm install ${name}" in ${from}, or correct the name.`,
    )
  }
  try {
    const text = await readFile(path.join(dir, 'package.json'), 'utf8')
    const manifest = manifestShape.parse(JSON.parse(text))
    const entry =
      importTarget(manifest.exports) ??
      manifest.main ??
      entries.find((file) => existsSync(path.join(dir, file)))
    if (entry === undefined) {
      const hint =
        'Its package.json needs "exports" or "main", or an index.ts or index.js beside it.'
      return unusable(derived, dir, `The package ${name} has no entry`, hint)
    }
    const root = path.dirname(dir)
    return { name: manifest.opsgram?.plugin ?? derived, dir, root, entry: path.join(dir, entry) }
  } catch (error) {
    const hint = 'Install it anew, or tell who publishes it.'
    const message = `The package.json of ${name} can't be used: ${messageOf(error)}`
    return unusable(derived, dir, message, hint)
  }
}

function unusable(name: string, dir: string, message: string, hint: string): PluginFolder {
  const problem = new OpsError('OPS_PLUGIN_PACKAGE', message, {
    hint,
    details: { plugin: name, variable: 'PLUGINS_PACKAGES' },
  })
  return { name, dir, root: path.dirname(dir), problem }
}

/** Not by `require.resolve`: a package's `exports` may hide its `package.json`. */
function lookUp(name: string, from: string): string | undefined {
  for (let at = from; ; at = path.dirname(at)) {
    const dir = path.join(at, 'node_modules', name)
    if (existsSync(path.join(dir, 'package.json'))) return dir
    if (path.dirname(at) === at) return undefined
  }
}

/** What `exports` gives to an `import` of the package itself; its conditions are asked in their order. */
function importTarget(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports
  if (typeof exports !== 'object' || exports === null) return undefined
  for (const [key, value] of Object.entries(exports)) {
    if (!/^(?:\.|import|node|default)$/.test(key)) continue
    const target = importTarget(value)
    if (target !== undefined) return target
  }
  return undefined
}
