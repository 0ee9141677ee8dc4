import { randomUUID } from 'node:crypto'
import { isBuiltin } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import v8 from 'node:v8'
import type { MigrationClass } from '../../database/migration/set.ts'
import { codeOf, messageOf, OpsError } from '../../errors.ts'
import type { BuiltMigration, PluginBuild } from './build.ts'
import { debuggerComment, isDebugged, withoutNodesMaps } from './debugger-map.ts'
import type { ImportedName, SharedModule } from './link.ts'
import { nearest } from './nearest.ts'
import { asPlugin } from './owner.ts'
import { problemError } from './problem.ts'
import { isHostModule } from './resolve.ts'
import type { PluginPosition, PluginStacks } from './stack.ts'
import { PluginTimers } from './timers.ts'

type Namespace = Readonly<Record<string, unknown>>

export interface EvaluateOptions {
  /**
   * Loads what is not part of the bundle, by the host's specifier (`opsgram`, `zod`), `node:…` or an
   * absolute URL: `(specifier) => import(specifier)`, written in the core so that it gives the core's instances.
   */
  readonly importShared: (specifier: string) => Promise<Namespace>
  /** Limit for top-level await, in ms. A synchronous endless loop can't be interrupted. */
  readonly timeoutMs: number
  /** Learns the plugin's source map. */
  readonly stacks: PluginStacks
}

/** One evaluation of a build: its own module state, shared with no other. */
export interface EvaluatedPlugin {
  /** The exports of `index.ts`. */
  readonly exports: Namespace
  readonly migrations: readonly EvaluatedMigration[]
  /** Lives as long as any function of the code can be reached, whoever holds it. */
  readonly life: WeakRef<object>
  /**
   * To be called when it is disposed: its source map may go, and intervals that it left running are cleared.
   * The code itself is garbage collected.
   *
   * @returns where each of those intervals was made
   */
  release(): readonly (PluginPosition | undefined)[]
}

export interface EvaluatedMigration extends BuiltMigration {
  /** What the file exports by default. */
  readonly class: MigrationClass
}

/**
 * Links a build to the host's modules and runs its top-level code.
 *
 * @throws OPS_PLUGIN_IMPORT_MISSING (a shared module can't be loaded), OPS_PLUGIN_EXPORT_MISSING,
 * OPS_PLUGIN_LOAD (the code threw; the place is in the details), OPS_PLUGIN_LOAD_TIMEOUT
 */
export async function evaluatePlugin(
  build: PluginBuild,
  options: EvaluateOptions,
): Promise<EvaluatedPlugin> {
  const linked = await Promise.all(build.shared.map((module) => loadShared(build, module, options)))
  const script = `opsgram-plugin:${build.name}@${randomUUID().slice(0, 13)}`
  options.stacks.add(script, build)
  const timers = new PluginTimers(build.name)
  const release = () => {
    const left = timers.end().map((made) => options.stacks.locationOf(made))
    options.stacks.retire(script)
    return left
  }
  try {
    const result = await run(build, { script, linked, timers }, options)
    return {
      exports: result.plugin,
      migrations: build.migrations.map((migration, index) => ({
        ...migration,
        class: migrationClass(build, migration, result.migrations[index]?.default),
      })),
      life: result.life,
      release,
    }
  } catch (error) {
    const coded = error instanceof OpsError ? error : await loadError(build, error, options.stacks)
    release()
    throw coded
  }
}

interface Result extends Exported {
  readonly life: WeakRef<object>
}

interface Exported {
  readonly plugin: Namespace
  readonly migrations: readonly Namespace[]
}

type Factory = (
  setInterval: PluginTimers['setInterval'],
  setTimeout: PluginTimers['setTimeout'],
  life: object,
) => Wrapper

type Wrapper = (
  link: readonly Namespace[],
  meta: readonly object[],
  load: (specifier: unknown) => Promise<Namespace>,
  done: (plugin: Namespace, migrations: readonly Namespace[]) => void,
) => Promise<void>

async function run(
  build: PluginBuild,
  parts: { script: string; linked: readonly Namespace[]; timers: PluginTimers },
  options: EvaluateOptions,
): Promise<Result> {
  const { script, linked, timers } = parts
  const text = `${build.code}\n//# sourceURL=${script}`
  const factory = isDebugged()
    ? withoutNodesMaps(() => compileScript(`${text}\n${debuggerComment(build)}`))
    : compileScript(text)
  const life = {}
  const wrapper = factory(timers.setInterval, timers.setTimeout, life)
  const load = async (specifier: unknown) => loadLate(build, String(specifier), options)
  let exported: Exported | undefined
  const finished = asPlugin(build.name, () =>
    wrapper(linked, build.metaFiles.map(metaOf), load, (plugin, migrations) => {
      exported = { plugin, migrations }
    }),
  )
  await withLimit(build, finished, options.timeoutMs)
  // the bundle's last statement hands the result over; only a limit or a throw comes before it
  if (!exported) throw new OpsError('OPS_INTERNAL', `Plugin "${build.name}" ended without a result`)
  return { ...exported, life: new WeakRef(life) }
}

/**
 * An indirect eval sees no scope of ours, and V8 can collect the code when nothing refers to it any more,
 * which is true of no `import()`. But V8 keeps the text and code of each new script in its compilation cache
 * until memory gets tight (45 KB for a bundle of 34 KB), so the cache is off while this one is compiled.
 */
function compileScript(text: string): Factory {
  v8.setFlagsFromString('--no-compilation-cache')
  try {
    // biome-ignore lint/security/noGlobalEval: see above
    const indirectEval = eval
    // the text is the wrapper that linkBundle wrote
    return indirectEval(text) as Factory
  } finally {
    v8.setFlagsFromString('--compilation-cache')
  }
}

function metaOf(file: string): object {
  return { url: pathToFileURL(file).href, dirname: path.dirname(file), filename: file }
}

async function loadShared(
  build: PluginBuild,
  { specifier, names }: SharedModule,
  { importShared }: EvaluateOptions,
): Promise<Namespace> {
  const details = { plugin: build.name, module: specifier }
  let namespace: Namespace
  try {
    namespace = await importShared(specifier)
  } catch (error) {
    const isMissing = /^ERR_(MODULE_NOT_FOUND|PACKAGE_PATH_NOT_EXPORTED|UNKNOWN_BUILTIN_MODULE)$/
    const code = isMissing.test(codeOf(error) ?? '')
      ? 'OPS_PLUGIN_IMPORT_MISSING'
      : 'OPS_PLUGIN_LOAD'
    const message = `Plugin "${build.name}" imports "${specifier}", which failed to load: ${messageOf(error)}`
    throw new OpsError(code, message, { cause: error, details })
  }
  const absent = names.find(({ name }) => !(name in namespace))
  if (absent) throw await exportMissing(build, specifier, absent, Object.keys(namespace))
  return namespace
}

async function exportMissing(
  build: PluginBuild,
  specifier: string,
  { name, at }: ImportedName,
  exported: readonly string[],
): Promise<OpsError> {
  const meant = nearest(name, exported)
  const options =
    meant === undefined
      ? {}
      : { hint: `Did you mean "${meant}"? A type is imported with "import type".` }
  const text = `"${specifier}" has no export "${name}"`
  const place = at ?? { file: path.join(build.dir, 'index.ts'), line: 1, column: 1 }
  return problemError('OPS_PLUGIN_EXPORT_MISSING', build, [{ ...place, text }], options)
}

/** `import()` of what esbuild could not bundle: literal packages were resolved at the build. */
async function loadLate(
  build: PluginBuild,
  specifier: string,
  { importShared }: EvaluateOptions,
): Promise<Namespace> {
  if (isHostModule(specifier) || isBuiltin(specifier) || specifier.startsWith('file:')) {
    return importShared(specifier)
  }
  throw new OpsError(
    'OPS_PLUGIN_IMPORT_MISSING',
    `Plugin "${build.name}" imports "${specifier}" by a name computed at run time`,
    {
      hint: 'Write the specifier as a literal, so that it is found when the plugin is built and goes with it.',
      details: { plugin: build.name, module: specifier },
    },
  )
}

function migrationClass(
  build: PluginBuild,
  { name, file }: BuiltMigration,
  exported: unknown,
): MigrationClass {
  if (isMigration(exported)) return exported
  throw new OpsError(
    'OPS_PLUGIN_LOAD',
    `Migration "${name}" of plugin "${build.name}" does not default-export a class with up()`,
    {
      hint: "Write: export default class extends Migration { … } (Migration of '@mikro-orm/migrations').",
      details: { plugin: build.name, file },
    },
  )
}

/** By shape: a kept build may have been made with another copy of MikroORM. */
function isMigration(value: unknown): value is MigrationClass {
  if (typeof value !== 'function') return false
  const prototype: unknown = value.prototype
  return typeof prototype === 'object' && prototype !== null && 'up' in prototype
}

async function withLimit(build: PluginBuild, work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `Top-level code of plugin "${build.name}" did not finish in ${ms} ms`
      reject(new OpsError('OPS_PLUGIN_LOAD_TIMEOUT', message, { details: { plugin: build.name } }))
    }, ms)
  })
  try {
    await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}

async function loadError(
  build: PluginBuild,
  error: unknown,
  stacks: PluginStacks,
): Promise<OpsError> {
  const place = stacks.locationOf(error)
  if (place) {
    const { file, line, column } = place
    const text = messageOf(error)
    return problemError('OPS_PLUGIN_LOAD', build, [{ file, line, column, text }], { cause: error })
  }
  const message = `Plugin "${build.name}" threw while it was loaded: ${messageOf(error)}`
  return new OpsError('OPS_PLUGIN_LOAD', message, { cause: error, details: { plugin: build.name } })
}
