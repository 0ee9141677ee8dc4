import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { loadConfig, readEnvironment } from '../../configuration.ts'
import { coreEntities } from '../../database/entities/index.ts'
import { schemaNeeds } from '../../database/schema-check.ts'
import { codeOf, OpsError } from '../../errors.ts'
import {
  findPluginFolders,
  isInside,
  type PluginFolder,
  shownPath,
} from '../../plugin/code/folder.ts'
import type { PluginDeclaration } from '../../plugin/generation/instance.ts'
import { checkConflicts } from '../../plugin/reload/conflicts.ts'
import { settingProblems } from '../../plugin/reload/prepare.ts'
import { sameToken } from '../../plugin/service.ts'
import { createTestBot } from '../../testing/index.ts'
import { type ReadPlugin, readPlugin } from '../plugins.ts'
import { pathFromHere } from '../print.ts'
import { Report } from '../report.ts'
import { folderOf, isNeighbour, type Roots, rootsWith } from '../roots.ts'
import { typeProblems } from '../types/types.ts'
import { sayAccess } from './access.ts'
import { keyOrderAdvice } from './key-order.ts'
import { checkMigrations } from './migrations.ts'
import { missingTexts } from './texts.ts'

/** More type errors than these are told by their number. */
const shownTypeProblems = 5

/** `opsgram check`: tells all that is wrong with plugin folders. Exit code 1 when one of them is not fit. */
export async function checkCommand(args: readonly string[]): Promise<number> {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { json: { type: 'boolean' } },
  })
  if (positionals.length === 0) {
    throw new OpsError('OPS_CLI_USAGE', 'A plugin folder to check is missing', {
      hint: 'opsgram check plugins/NAME',
    })
  }
  const subjects = await Promise.all(
    (await Promise.all(positionals.map(folderAt))).map(async (folder) => {
      const roots = rootsWith(folder)
      return { folder, roots, read: await read(folder, roots.all) }
    }),
  )
  // the compiler tells no types at all, of any file, while one has a syntax error
  const typed = subjects.filter(({ read }) => codeOf(read.error) !== 'OPS_PLUGIN_BUILD')
  const types = await typeProblems(typed.map(({ folder }) => folder.dir))
  const reports: { folder: string; report: Report }[] = []
  for (const subject of subjects) {
    const report = new Report()
    const { folder, read } = subject
    if (read.plugin !== undefined) sayManifest(read.plugin, report)
    else report.error('does not load', read.error)
    if (typed.includes(subject)) sayTypes(folder, types, report)
    if (read.plugin !== undefined) await check(read.plugin, subject.roots, report)
    reports.push({ folder: folder.dir, report })
    if (!values.json) console.log(`${pathFromHere(folder.dir)}\n${report}`)
  }
  const failed = reports.some(({ report }) => report.failed)
  if (values.json) {
    const plugins = reports.map(({ folder, report: { findings } }) => ({ folder, findings }))
    console.log(JSON.stringify({ ok: !failed, plugins }, undefined, 2))
  }
  return failed ? 1 : 0
}

async function folderAt(path: string): Promise<PluginFolder> {
  const dir = resolve(path)
  if (!(await stat(dir).catch(() => undefined))?.isDirectory()) {
    throw new OpsError('OPS_CLI_USAGE', `There is no folder ${dir}`, {
      hint: 'Name the folder of a plugin: opsgram check plugins/NAME',
    })
  }
  return folderOf(dir)
}

async function check(plugin: ReadPlugin, roots: Roots, report: Report): Promise<void> {
  checkKeyOrder(plugin, report)
  checkTexts(plugin, report)
  sayAccess(plugin, report)
  const neighbours = await checkNeighbours(plugin, roots, report)
  await checkMigrations(plugin, report)
  if (readSettings(plugin, report)) await checkLife(plugin, neighbours, report)
}

function environment() {
  return readEnvironment({ file: resolve('.env'), real: process.env })
}

type Reading = { plugin: ReadPlugin; error?: never } | { plugin?: never; error: unknown }

async function read(folder: PluginFolder, roots: readonly string[]): Promise<Reading> {
  try {
    return { plugin: await readPlugin(folder, roots) }
  } catch (error) {
    return { error }
  }
}

function sayManifest({ declaration }: ReadPlugin, report: Report): void {
  const { commands, actions, events } = declaration
  const counts = [
    ...(commands.size > 0 ? [count(commands.size, 'command')] : []),
    ...(actions.size > 0 ? [count(actions.size, 'action')] : []),
    ...(events.length > 0 ? [count(events.length, 'event listener')] : []),
  ]
  report.good(
    `builds, and its manifest is right${counts.length > 0 ? `: ${counts.join(', ')}` : ''}`,
  )
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

function sayTypes(
  { dir, root }: PluginFolder,
  all: Awaited<ReturnType<typeof typeProblems>>,
  report: Report,
): void {
  const problems = all?.filter(({ file }) => isInside(dir, file))
  if (problems === undefined) {
    report.advice(
      'types were not checked: the compiler is not installed',
      'Run npm install --save-dev typescript; in a checkout of opsgram: npm ci without --omit=dev.',
    )
  } else if (problems.length === 0) {
    report.good('types')
  } else {
    const shown = problems
      .slice(0, shownTypeProblems)
      .map(({ file, line, column, text, frame }) => {
        return `${shownPath(root, file)}:${line}:${column}  ${text}\n${frame}`
      })
    const more = problems.length - shown.length
    report.bad(
      `types: ${problems.length} wrong`,
      [...shown, ...(more > 0 ? [`… and ${more} more`] : [])].join('\n'),
    )
  }
}

function checkKeyOrder({ evaluated }: ReadPlugin, report: Report): void {
  // read as a manifest a moment ago
  const { definition } = evaluated.exports.default as { definition: Record<string, unknown> }
  const advice = keyOrderAdvice(Object.keys(definition))
  if (advice !== undefined) report.advice(`order of keys: ${advice}`)
}

function checkTexts({ build }: ReadPlugin, report: Report): void {
  const languages = Object.keys(build.locales)
  const missing = missingTexts(build.locales)
  for (const [language, keys] of missing) {
    report.bad(`texts: ${language}.json lacks ${keys.join(', ')}`)
  }
  if (languages.length > 0 && missing.size === 0) report.good(`texts: ${languages.join(', ')}`)
}

async function checkNeighbours(
  { folder, declaration }: ReadPlugin,
  roots: Roots,
  report: Report,
): Promise<readonly ReadPlugin[]> {
  const neighbours: ReadPlugin[] = []
  for (const other of await findPluginFolders(roots.all)) {
    if (!isNeighbour(folder, other, roots)) continue
    if (other.name === folder.name) {
      report.bad(`another folder holds a plugin of that name: ${other.dir}`)
      continue
    }
    try {
      neighbours.push(await readPlugin(other, roots.all))
    } catch {
      // it has a check of its own, and a bot leaves it out
      report.advice(`not compared with ${other.name}, which does not load`)
    }
  }
  const core = schemaNeeds(coreEntities)
  const accepted = []
  for (const { declaration: other } of neighbours) {
    if (fits([...accepted, other], core)) accepted.push(other)
  }
  try {
    checkConflicts([...accepted, declaration], core)
    const names = accepted.map(({ name }) => name).sort()
    report.good(`no conflicts${names.length === 0 ? '' : ` with ${names.join(', ')}`}`)
  } catch (error) {
    report.error('conflicts', error)
  }
  return neighbours
}

function fits(...[plugins, core]: Parameters<typeof checkConflicts>): boolean {
  try {
    checkConflicts(plugins, core)
    return true
  } catch {
    return false
  }
}

/** Whether the environment has the settings that the plugin can't do without. */
function readSettings({ folder, declaration }: ReadPlugin, report: Report): boolean {
  const settings = settingsOf(folder.name)
  const parsed = declaration.configSchema?.safeParse(settings)
  if (parsed === undefined || parsed.success) return true
  const problems = settingProblems(folder.name, settings, parsed.error)
  report.advice(
    'was not set up: settings are missing here',
    `${problems.join('\n')}\nSet them in .env or for this command to check the rest.`,
  )
  return false
}

function settingsOf(plugin: string): Record<string, string> {
  return loadConfig(environmentOf(plugin)).config.pluginEnv(plugin)
}

/** The plugin's own variables alone: the rest of .env is a real bot's. */
function environmentOf(plugin: string): Record<string, string> {
  const prefix = `${plugin.toUpperCase()}_`
  return Object.fromEntries(
    Object.entries(environment()).filter(
      (entry): entry is [string, string] => entry[0].startsWith(prefix) && entry[1] !== undefined,
    ),
  )
}

/** Loads it into a scratch bot, reloads it and takes its migrations for what its entities need. */
async function checkLife(
  { folder, build, declaration }: ReadPlugin,
  neighbours: readonly ReadPlugin[],
  report: Report,
): Promise<void> {
  const needed = neededBy(declaration, neighbours)
  try {
    await using bot = await createTestBot({
      plugins: [folder, ...needed.map((plugin) => plugin.folder)].map(({ dir }) => dir),
      env: Object.assign(
        {},
        ...[folder.name, ...needed.map(({ folder }) => folder.name)].map(environmentOf),
      ),
    })
    const { migrations } = build
    if (declaration.entities.length > 0 || migrations.length > 0) {
      report.good(
        `database: ${count(migrations.length, 'migration')}, nothing missing for its entities`,
      )
    }
    await bot.expectNoLeftovers(folder.name)
    report.good('loads and reloads, and leaves nothing behind, no old code either')
  } catch (error) {
    report.error('does not live', error)
  }
}

/** The neighbours that it requires or whose services it uses, and what those need in turn. */
function neededBy(
  declaration: PluginDeclaration,
  neighbours: readonly ReadPlugin[],
): readonly ReadPlugin[] {
  const needed = new Set<ReadPlugin>()
  const add = ({ requires, uses }: PluginDeclaration): void => {
    for (const plugin of neighbours) {
      const { name, provides } = plugin.declaration
      const gives = [...uses.values()].some((used) =>
        [...provides.values()].some((token) => sameToken(token, used)),
      )
      if (needed.has(plugin) || !(gives || requires.includes(name))) continue
      needed.add(plugin)
      add(plugin.declaration)
    }
  }
  add(declaration)
  return [...needed]
}
