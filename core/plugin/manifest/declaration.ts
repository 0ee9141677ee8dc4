import semver from 'semver'
import { Composer, type MiddlewareFn } from 'telegraf'
import type { z } from 'zod'
import { schemaNeeds } from '../../database/schema-check.ts'
import { messageOf, OpsError } from '../../errors.ts'
import { createTexts, type TextTree } from '../../i18n/texts.ts'
import { nearest } from '../code/nearest.ts'
import type { PluginDeclaration } from '../generation/instance.ts'
import { surfaceOf } from '../opening/surface.ts'
import type { LiveContext } from '../run/context.ts'
import type { Action } from './action.ts'
import type { Command } from './command.ts'
import { readActions, readCommands, readEvents, readHealth, readMiddleware } from './definitions.ts'
import { readDialogs } from './dialogs.ts'
import { readHooks } from './hooks.ts'
import { readJobs } from './jobs.ts'
import { readPersonalData } from './personal-data.ts'
import { readRoutes } from './routes.ts'
import { readSession } from './session.ts'
import { type Fail, failing, type ManifestShape, readShape } from './shape.ts'

export interface DeclarationSource {
  /** Name of the folder. */
  name: string
  /** What the folder's index.ts exports. */
  exports: Readonly<Record<string, unknown>>
  /** The folder's locale files. */
  locales: Readonly<Record<string, TextTree>>
  defaultLanguage: string
  /** The core's version, for `engine`. */
  coreVersion: string
  reservedNames: ReadonlySet<string>
}

/**
 * Reads what `index.ts` exports: shape, name, engine, then the definitions of its callbacks. Nothing
 * of the plugin's own code runs but those callbacks, which only describe.
 *
 * @throws OPS_PLUGIN_MANIFEST, OPS_PLUGIN_NAME, OPS_PLUGIN_ENGINE
 */
export function readDeclaration(source: DeclarationSource): PluginDeclaration & {
  readonly configSchema: z.ZodObject | undefined
  readonly setup: ((scope: never) => unknown) | undefined
} {
  const { name } = source
  const fail = failing(name)
  const shape = readShape(source.exports.default, fail)
  checkIdentity(shape, source)
  const actions = readActions(shape.actions, fail)
  const commands = readCommands(shape.commands, fail)
  const events = readEvents(shape.events, fail)
  const hooks = readHooks(shape.hooks, fail)
  const jobs = new Map([...readJobs(shape.jobs, fail), ...hooks.jobs])
  const dialogs = readDialogs(shape.dialogs, fail)
  const routes = readRoutes(shape.routes, fail)
  checkPermissions(name, shape, { actions, commands, events, jobs, dialogs, routes }, fail)
  const permissions = Object.entries(shape.permissions).map(([name, { description, roles }]) => ({
    name,
    plugin: shape.name,
    description,
    roles,
  }))
  const provides = new Map(Object.entries(shape.provides))
  const telegraf = readComposer(shape, fail)
  return {
    name: shape.name,
    version: shape.version,
    description: shape.description,
    configSchema: shape.config,
    // parsed as functions; their parameters are what the kits and the scope of this core give them
    setup: shape.setup as ((scope: never) => unknown) | undefined,
    permissions,
    entities: shape.entities,
    needs: schemaNeeds(shape.entities),
    tables: shape.tables,
    requires: shape.requires,
    reload: shape.reload,
    uses: new Map(Object.entries(shape.uses)),
    provides,
    commands,
    actions,
    jobs,
    dialogs,
    session: readSession(shape.session, fail),
    personalData: readPersonalData(shape.personalData, fail),
    hooks: hooks.hooks,
    routes,
    events,
    health: readHealth(shape.health, fail),
    middleware: readMiddleware(shape.middleware, fail),
    telegraf,
    surface: surfaceOf({
      permissions,
      actions,
      commands,
      events,
      routes,
      hooks: hooks.hooks,
      telegraf,
      provides,
    }),
    texts: createTexts({
      languages: source.locales,
      fallback: { description: shape.description, ...textsOf(commands, actions) },
      defaultLanguage: source.defaultLanguage,
    }),
  }
}

function checkIdentity({ name, engine }: ManifestShape, source: DeclarationSource): void {
  const details = { plugin: source.name }
  if (name !== source.name) {
    throw new OpsError(
      'OPS_PLUGIN_NAME',
      `The folder is named ${source.name}, but its manifest says name: '${name}'`,
      { hint: 'Give both the same name.', details },
    )
  }
  if (source.reservedNames.has(name)) {
    throw new OpsError('OPS_PLUGIN_NAME', `"${name}" is a reserved name`, {
      hint: `Its settings would be named like the core's own (${name.toUpperCase()}_…). Rename the folder and the manifest.`,
      details,
    })
  }
  if (engine !== undefined && !semver.satisfies(source.coreVersion, engine)) {
    throw new OpsError(
      'OPS_PLUGIN_ENGINE',
      `Plugin ${name} asks for opsgram ${engine}; this is ${source.coreVersion}`,
      { details },
    )
  }
}

/** Each permission bears the plugin's name, and what is asked for anywhere in the manifest is declared there. */
function checkPermissions(
  plugin: string,
  shape: ManifestShape,
  {
    actions,
    commands,
    events,
    jobs,
    dialogs,
    routes,
  }: Pick<PluginDeclaration, 'actions' | 'commands' | 'events' | 'jobs' | 'dialogs' | 'routes'>,
  fail: Fail,
): void {
  const declared = new Set(Object.keys(shape.permissions))
  for (const permission of declared) {
    if (!permission.startsWith(`${plugin}.`)) {
      fail(`the permission "${permission}" must begin with "${plugin}."`)
    }
  }
  const check = (what: string, permission: string | undefined) => {
    if (permission === undefined || declared.has(permission)) return
    const suggestion = nearest(permission, declared)
    const hint = suggestion === undefined ? '' : ` Did you mean "${suggestion}"?`
    fail(
      `${what} asks for the permission "${permission}", which the manifest doesn't declare.${hint}`,
    )
  }
  for (const [name, { permission }] of actions) check(`the action ${name}`, permission)
  for (const [name, { permission, subcommands }] of commands) {
    check(`the command /${name}`, permission)
    for (const [word, sub] of Object.entries(subcommands)) {
      check(`the command /${name} ${word}`, sub.permission)
    }
  }
  for (const { query, permission } of events) check(`the event ${query}`, permission)
  for (const [name, { permission }] of jobs) check(`the job ${name}`, permission)
  for (const [name, { permission }] of dialogs) check(`the dialog ${name}`, permission)
  for (const { method, path, permission } of routes) {
    check(`the route ${method} ${path}`, permission)
  }
}

function readComposer(
  { telegraf }: ManifestShape,
  fail: Fail,
): MiddlewareFn<LiveContext> | undefined {
  if (telegraf === undefined) return undefined
  const composer = new Composer<LiveContext>()
  try {
    // parsed as a function; a composer is what it is declared to take
    ;(telegraf as (composer: Composer<LiveContext>) => void)(composer)
  } catch (error) {
    fail(`telegraf(…) threw: ${messageOf(error)}`)
  }
  return composer.middleware()
}

/** The manifest's own texts, under the keys that locale files use. */
function textsOf(
  commands: ReadonlyMap<string, Command>,
  actions: ReadonlyMap<string, Action>,
): TextTree {
  const ofCommand = (command: Command): TextTree => ({
    description: command.description,
    ...Object.fromEntries(
      Object.entries(command.subcommands).map(([name, sub]) => [name, ofCommand(sub)]),
    ),
  })
  return {
    commands: Object.fromEntries(
      [...commands].map(([name, command]) => [name, ofCommand(command)]),
    ),
    actions: Object.fromEntries([...actions].map(([name, { label }]) => [name, { label }])),
  }
}
