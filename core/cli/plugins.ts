import { reservedPluginNames } from '../../config/names.ts'
import packageJson from '../../package.json' with { type: 'json' }
import * as opsgram from '../index.ts'
import { buildPlugin, type PluginBuild } from '../plugin/code/build.ts'
import { type EvaluatedPlugin, evaluatePlugin } from '../plugin/code/evaluate.ts'
import type { PluginFolder } from '../plugin/code/folder.ts'
import { PluginStacks } from '../plugin/code/stack.ts'
import { readDeclaration } from '../plugin/manifest/declaration.ts'

/** A plugin folder as the command line reads it: nothing of it has run but its top level. */
export interface ReadPlugin {
  readonly folder: PluginFolder
  readonly build: PluginBuild
  readonly evaluated: EvaluatedPlugin
  readonly declaration: ReturnType<typeof readDeclaration>
}

/** Builds a folder, evaluates it and reads its manifest. @throws OpsError as a reload would */
export async function readPlugin(
  folder: PluginFolder,
  roots: readonly string[],
): Promise<ReadPlugin> {
  const { build, evaluated } = await evaluateFolder(folder, roots)
  const declaration = readDeclaration({
    name: folder.name,
    exports: evaluated.exports,
    locales: build.locales,
    defaultLanguage: 'en',
    coreVersion: packageJson.version,
    reservedNames: reservedPluginNames,
  })
  return { folder, build, evaluated, declaration }
}

/** Builds and evaluates a folder, so that its migrations can run. */
export async function evaluateFolder(
  folder: PluginFolder,
  roots: readonly string[],
): Promise<{ build: PluginBuild; evaluated: EvaluatedPlugin }> {
  const build = await buildPlugin(folder, { roots })
  const evaluated = await evaluatePlugin(build, {
    // by reference, as the app does
    importShared: async (specifier) =>
      specifier === 'opsgram' ? opsgram : await import(specifier),
    timeoutMs: 10_000,
    stacks: new PluginStacks(),
  })
  return { build, evaluated }
}
