import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../../../config/config.ts'
import packageJson from '../../../package.json' with { type: 'json' }
import { type KnownStates, readStates } from '../../app/plugins/states.ts'
import { coreEntities } from '../../database/entities/index.ts'
import { schemaNeeds } from '../../database/schema-check.ts'
import { codeOf } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import { findPluginFolders, type PluginFolder } from '../../plugin/code/folder.ts'
import { KeptBuilds } from '../../plugin/code/kept-builds.ts'
import type { PluginDeclaration } from '../../plugin/generation/instance.ts'
import { checkConflicts } from '../../plugin/reload/conflicts.ts'
import { orderByDependencies } from '../../plugin/reload/dependencies.ts'
import { settingProblems } from '../../plugin/reload/prepare.ts'
import { Authenticator, Authorizer, sameToken } from '../../plugin/service.ts'
import { devPlugins, isUnder } from '../dev/plugins.ts'
import { type ReadPlugin, readPlugin } from '../plugins.ts'
import { pathFromHere } from '../print.ts'
import { Report } from '../report.ts'

interface Examined {
  readonly folder: PluginFolder
  readonly report: Report
  readonly plugin: ReadPlugin | undefined
}

export interface PluginsContext {
  readonly config: Config
  readonly log: Logger
  /** Whether a bot runs on this configuration. */
  readonly running: boolean
  /** Switched off in the chat, as the database says. */
  readonly disabled: ReadonlySet<string> | undefined
}

/**
 * One report for each plugin folder: how the bot has it, whether what lies there now would load, and what it could
 * fall back to.
 */
export async function examinePlugins(
  context: PluginsContext,
  overall: Report,
): Promise<ReadonlyMap<string, Report>> {
  const { config } = context
  // a project that only depends on opsgram runs by `opsgram dev`, with the first-party plugins
  const plugins = config.mode === 'playground' ? devPlugins([]) : undefined
  const dirs = plugins?.roots ?? config.plugins.dirs
  const folders = (await findPluginFolders(dirs)).filter(
    (folder) => plugins === undefined || isUnder(plugins, folder),
  )
  const states = statesOf(context, overall)
  const examined: Examined[] = []
  for (const folder of folders) {
    const report = new Report()
    sayState(folder, states, context, report)
    examined.push({ folder, report, plugin: await read(folder, dirs, report) })
    await sayLastGood(folder, context, report)
  }
  sayDoubles(examined)
  const serving = examined.filter((each) => !isOff(each.folder.name, context))
  sayConflicts(serving)
  sayMissing(serving)
  for (const { plugin, report } of examined)
    if (plugin !== undefined) saySettings(plugin, config, report)
  sayGates(serving, overall)
  return new Map(examined.map(({ folder, report }) => [pathFromHere(folder.dir), report]))
}

function statesOf({ config, running }: PluginsContext, overall: Report): KnownStates | undefined {
  const states = readStates(config.dataDir)
  if (typeof states === 'string') {
    overall.advice('what the bot wrote down of its plugins can’t be read', states)
    return undefined
  }
  if (states === undefined) overall.good('no bot has run with this DATA_DIR yet')
  else if (!running)
    overall.good(`states of plugins are those of ${timeOf(states.at)}, when it last ran`)
  return states
}

function timeOf(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

function isOff(name: string, { config, disabled }: PluginsContext): boolean {
  return config.plugins.disabled.includes(name) || disabled?.has(name) === true
}

function sayState(
  { name }: PluginFolder,
  states: KnownStates | undefined,
  context: PluginsContext,
  report: Report,
): void {
  if (context.config.plugins.disabled.includes(name)) {
    report.advice('switched off by PLUGINS_DISABLED', '→ Take its name out of PLUGINS_DISABLED.')
    return
  }
  if (context.disabled?.has(name) === true) {
    report.advice('switched off by a person', `→ /plugins enable ${name}`)
    return
  }
  const known = states?.plugins.find((plugin) => plugin.name === name)
  if (known === undefined) {
    if (states !== undefined)
      report.advice(context.running ? 'not loaded' : 'new since the bot ran')
    return
  }
  const { state, since, version, waitingFor = [], quarantine, lastReload } = known
  const shown = `${state} since ${timeOf(since)}${version === undefined ? '' : `, version ${version}`}`
  const failure =
    lastReload === undefined || lastReload.ok
      ? undefined
      : `${lastReload.code ?? 'failed'}: ${lastReload.message ?? ''} (${timeOf(lastReload.at)})`
  if (state === 'waiting') {
    report.bad(`${shown}, for ${waitingFor.join(', ')}`, '→ Add what it waits for, or mend it.')
  } else if (state === 'quarantined') {
    const id = quarantine?.errorId ?? ''
    report.bad(
      `${shown}: ${quarantine?.code ?? ''} ${id}`.trimEnd(),
      `→ Look for ${id} in the log; save the plugin mended, or /plugins reload ${name}.`,
    )
  } else if (state === 'disabled') {
    report.advice(shown, `→ /plugins enable ${name}`)
  } else if (state === 'failed') {
    report.bad(shown, failure)
  } else if (failure !== undefined) {
    report.bad(`${shown}; the last reload failed, and the version before goes on`, failure)
  } else report.good(shown)
}

async function read(
  folder: PluginFolder,
  roots: readonly string[],
  report: Report,
): Promise<ReadPlugin | undefined> {
  try {
    const plugin = await readPlugin(folder, roots)
    report.good('what lies in the folder loads')
    return plugin
  } catch (error) {
    report.error('what lies in the folder does not load', error)
    return undefined
  }
}

async function sayLastGood(
  { name }: PluginFolder,
  { config, log }: PluginsContext,
  report: Report,
): Promise<void> {
  const dir = join(config.dataDir, 'builds')
  const kept = new KeptBuilds({ dir, coreVersion: packageJson.version, log })
  const build = await kept.load(name)
  const file = await stat(join(dir, `${name}.json`)).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return
  if (build !== undefined) {
    report.good(`last good build: of ${timeOf(file.mtime)}, ${build.hash.slice(0, 8)}`)
  } else {
    report.advice(
      `its last good build, of ${timeOf(file.mtime)}, doesn't fit this core`,
      'A start on a broken folder could not fall back to it. The next good load makes a new one.',
    )
  }
}

function sayDoubles(examined: readonly Examined[]): void {
  for (const { folder, report } of examined) {
    const other = examined.find(
      (each) => each.folder.name === folder.name && each.folder !== folder,
    )
    if (other === undefined) continue
    report.bad(
      `another folder holds a plugin of that name: ${other.folder.dir}`,
      '→ Rename or remove one of the two; neither is loaded while there are both.',
    )
  }
}

function sayConflicts(examined: readonly Examined[]): void {
  const core = schemaNeeds(coreEntities)
  const accepted: PluginDeclaration[] = []
  for (const { plugin, report } of examined) {
    if (plugin === undefined) continue
    try {
      checkConflicts([...accepted, plugin.declaration], core)
      accepted.push(plugin.declaration)
    } catch (error) {
      report.error('conflicts', error)
    }
  }
}

function sayMissing(examined: readonly Examined[]): void {
  const able = examined.flatMap(({ plugin }) => (plugin === undefined ? [] : [plugin.declaration]))
  const { waiting, cycle } = orderByDependencies(able)
  for (const { plugin, report } of examined) {
    const missing = plugin && waiting.get(plugin.declaration.name)
    if (missing === undefined) continue
    const circle =
      cycle?.includes(plugin?.declaration.name ?? '') === true
        ? ` (a circle: ${cycle.join(' → ')})`
        : ''
    report.bad(
      `needs what no plugin here gives: ${missing.join(', ')}${circle}`,
      '→ Add the plugin that gives it to PLUGINS_DIR, or mend it.',
    )
  }
}

/** What its schema refuses. */
function saySettings({ folder, declaration }: ReadPlugin, config: Config, report: Report): void {
  const settings = config.pluginEnv(folder.name)
  const parsed = declaration.configSchema?.safeParse(settings)
  if (parsed === undefined || parsed.success) return
  const problems = settingProblems(folder.name, settings, parsed.error)
  report.bad('its settings are not accepted', [...problems, '→ Correct them in .env.'].join('\n'))
}

/** Without these nobody gets in. */
function sayGates(examined: readonly Examined[], overall: Report): void {
  for (const [name, token] of [
    ['authenticator', Authenticator],
    ['authorizer', Authorizer],
  ] as const) {
    const given = examined.some(({ plugin }) =>
      [...(plugin?.declaration.provides.values() ?? [])].some((own) => sameToken(own, token)),
    )
    if (given) continue
    overall.bad(
      `no plugin that loads is the ${name}: everybody is refused`,
      '→ Add the plugin auth to PLUGINS_DIR, or mend it.',
    )
  }
}
