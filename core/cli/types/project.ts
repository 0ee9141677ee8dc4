import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'

/** Of the checkout, or of the part of the package that has its shape. */
const root = resolve(import.meta.dirname, '../../..')
const require = createRequire(import.meta.url)

/** As strict as the project itself, see `tsconfig.json`. */
const compilerOptions = {
  target: 'es2024',
  lib: ['es2024', 'esnext.disposable'],
  // a folder outside of the project has no package.json that says that it holds modules
  module: 'preserve',
  moduleResolution: 'bundler',
  allowImportingTsExtensions: true,
  resolveJsonModule: true,
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
  isolatedModules: true,
  noEmit: true,
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noFallthroughCasesInSwitch: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  skipLibCheck: true,
} as const

/** What every plugin may import comes from here, also where no node_modules is near its folder. */
const hostModules = ['zod', 'telegraf', '@mikro-orm/core', '@mikro-orm/migrations']

/**
 * The TypeScript compiler that a folder would use, else our own: the path of its script.
 * Undefined when there is none.
 */
export function compilerFor(dirs: readonly string[]): string | undefined {
  for (const from of [...dirs.map((dir) => join(dir, 'index.ts')), import.meta.filename]) {
    // ours under the name by which the checkout has it: it has two
    for (const name of ['typescript-7', 'typescript']) {
      const script = packagedScript(from, name)
      if (script !== undefined) return script
    }
  }
  return undefined
}

function packagedScript(from: string, name: string): string | undefined {
  try {
    return join(dirname(createRequire(from).resolve(`${name}/package.json`)), 'bin/tsc')
  } catch {
    return undefined
  }
}

/** Writes a project of all TypeScript files of some folders. @returns its path */
export async function writeProject(
  home: string,
  dirs: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const modules = dirname(dirname(require.resolve('zod/package.json')))
  const paths = {
    opsgram: [source('core/index')],
    'opsgram/testing': [source('core/testing/index')],
    ...Object.fromEntries(hostModules.map((name) => [name, [join(modules, name)]])),
    ...Object.fromEntries(hostModules.map((name) => [`${name}/*`, [`${join(modules, name)}/*`]])),
  }
  const typeRoots = [...new Set([...dirs.flatMap(typesAbove), join(modules, '@types')])]
  const types = ['node', 'mocha'].filter((name) =>
    typeRoots.some((folder) => existsSync(join(folder, name))),
  )
  const project = join(home, 'tsconfig.json')
  const text = JSON.stringify({
    compilerOptions: { ...compilerOptions, ...more, typeRoots, types, paths },
    include: dirs.map((dir) => `${dir}/**/*.ts`),
    exclude: dirs.flatMap((dir) =>
      ['node_modules', 'fixtures', 'dist'].map((name) => `${dir}/**/${name}`),
    ),
  })
  await writeFile(project, text)
  return project
}

function source(path: string): string {
  const checkout = join(root, `${path}.ts`)
  return existsSync(checkout) ? checkout : join(root, `${path}.d.ts`)
}

/** Declarations that the author has installed, for a test runner, say. */
function typesAbove(dir: string): string[] {
  const above = dirname(dir)
  const here = join(dir, 'node_modules/@types')
  return [...(existsSync(here) ? [here] : []), ...(above === dir ? [] : typesAbove(above))]
}
