import type { z } from 'zod'
import { coreVariables, pluginVariable, reservedPluginNames } from '../../../config/names.ts'
import { OpsError } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import { buildPlugin, type PluginBuild } from '../code/build.ts'
import { type EvaluatedPlugin, type EvaluateOptions, evaluatePlugin } from '../code/evaluate.ts'
import type { PluginFolder } from '../code/folder.ts'
import type { LoadMarks } from '../code/load-marks.ts'
import type { PluginPackages } from '../code/package.ts'
import type { PluginStacks } from '../code/stack.ts'
import type { PluginDeclaration } from '../generation/instance.ts'
import { readDeclaration } from '../manifest/declaration.ts'

/** A version of a plugin that was built, evaluated and read, but not yet set up. */
export interface PreparedPlugin {
  readonly name: string
  readonly build: PluginBuild
  readonly evaluated: EvaluatedPlugin
  readonly declaration: PluginDeclaration
  readonly config: unknown
  readonly setup: ((scope: never) => unknown) | undefined
}

export interface PrepareOptions {
  /** Folders of plugin folders; a name in two of them belongs to the first. */
  roots: readonly string[]
  /** Packages that are plugins, besides. */
  packages: PluginPackages
  stacks: PluginStacks
  importShared: EvaluateOptions['importShared']
  /** A plugin's own settings as the environment has them, by camel-case key. */
  settingsOf: (plugin: string) => Readonly<Record<string, string>>
  defaultLanguage: string
  coreVersion: string
  evaluateTimeoutMs: number
  /** Keeps what ended processes before this one from being loaded again; none: nothing is kept. */
  marks?: LoadMarks
  log: Logger
}

/**
 * Steps 2 to 4 of a reload for one folder: build, evaluate, read and check what it declares.
 *
 * @param kept an earlier build, to be used in place of what lies in the folder
 */
export async function preparePlugin(
  folder: PluginFolder,
  options: PrepareOptions,
  kept?: PluginBuild,
): Promise<PreparedPlugin> {
  const build = kept ?? (await buildPlugin(folder, { roots: options.roots }))
  const evaluate = () =>
    evaluatePlugin(build, {
      importShared: options.importShared,
      timeoutMs: options.evaluateTimeoutMs,
      stacks: options.stacks,
    })
  const evaluated = await (options.marks?.during(build, evaluate) ?? evaluate())
  try {
    const { configSchema, setup, ...declaration } = readDeclaration({
      name: folder.name,
      exports: evaluated.exports,
      locales: build.locales,
      defaultLanguage: options.defaultLanguage,
      coreVersion: options.coreVersion,
      reservedNames: reservedPluginNames,
    })
    const config = readConfig(folder.name, configSchema, options)
    return { name: folder.name, build, evaluated, declaration, config, setup }
  } catch (error) {
    evaluated.release()
    throw error
  }
}

function readConfig(
  plugin: string,
  schema: z.ZodObject | undefined,
  { settingsOf, log }: PrepareOptions,
): unknown {
  const settings = settingsOf(plugin)
  for (const key of Object.keys(settings)) {
    const variable = pluginVariable(plugin, key)
    if (schema?.shape[key] !== undefined || coreVariables.has(variable)) continue
    log.warn('plugin.config-unknown', { plugin, variable })
  }
  if (schema === undefined) return {}
  const parsed = schema.safeParse(settings)
  if (parsed.success) return parsed.data
  const problems = settingProblems(plugin, settings, parsed.error)
  throw new OpsError('OPS_PLUGIN_CONFIG', `Plugin ${plugin}: ${problems.join('; ')}`, {
    details: { plugin },
  })
}

/** Of a word in place of a number zod says that it "received NaN", which nobody wrote. */
function expectation(issue: z.core.$ZodIssue): string {
  const isNumber = issue.code === 'invalid_type' && issue.expected === 'number'
  return isNumber && issue.message.startsWith('Invalid input')
    ? 'a number is expected'
    : issue.message
}

/** What a plugin's schema refuses, by variable. No value is shown: it may be a secret, and only its plugin knows. */
export function settingProblems(
  plugin: string,
  settings: Readonly<Record<string, string>>,
  { issues }: z.ZodError,
): readonly string[] {
  return issues.map((issue) => {
    const key = String(issue.path[0] ?? '')
    const isSet = settings[key] !== undefined
    const problem = isSet ? `is not accepted: ${expectation(issue)}` : 'is not set, and must be'
    return `${pluginVariable(plugin, key)} ${problem}`
  })
}
