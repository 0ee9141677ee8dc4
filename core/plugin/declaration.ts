import semver from 'semver'
import { Composer, type MiddlewareFn } from 'telegraf'
import { z } from 'zod'
import type { Entity } from '../database/orm.ts'
import { schemaNeeds } from '../database/schema-check.ts'
import { messageOf, OpsError } from '../errors.ts'
import { createTexts, type TextTree } from '../i18n/texts.ts'
import { nearest } from './code/nearest.ts'
import type { LiveContext } from './context.ts'
import type { PluginDeclaration } from './instance.ts'
import {
  type Action,
  type Command,
  type CommandDefinition,
  type EventListener,
  type Middleware,
  type PluginTypes,
  phases,
} from './manifest.ts'

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

const anyFunction = z.custom<(...args: never[]) => unknown>(
  (value) => typeof value === 'function',
  {
    error: 'a function is expected',
  },
)
const anySchema = z.custom<z.ZodObject>((value) => value instanceof z.ZodObject, {
  error: "an object schema of the host's zod is expected: z.object({ … })",
})
const commandName = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, {
  error: 'a command is named with 1–32 of a–z, 0–9 and _, beginning with a letter',
})
const tokenSchema = z.custom<{ name: string; major: number }>(
  (value) => z.object({ name: z.string(), major: z.int() }).safeParse(value).success,
  { error: 'a service token is expected' },
)

const pluginName = /^[a-z][a-z0-9]{1,15}$/

const permissionSpec = z.strictObject({
  description: z.string().min(1),
  roles: z.array(z.enum(['admin', 'operator', 'guest'])).readonly(),
})

const manifestSchema = z.strictObject({
  name: z.string().regex(pluginName, {
    error: 'a plugin is named with 2–16 of a–z and 0–9, beginning with a letter',
  }),
  version: z.string().refine((version) => semver.valid(version) !== null, {
    error: 'a version such as 1.0.0 is expected',
  }),
  description: z.string().default(''),
  engine: z
    .string()
    .refine((range) => semver.validRange(range) !== null, {
      error: 'a range such as ^1.0.0 is expected',
    })
    .optional(),
  config: anySchema.optional(),
  requires: z.array(z.string().regex(pluginName)).default([]),
  uses: z.record(z.string(), tokenSchema).default({}),
  permissions: z.record(z.string(), permissionSpec).default({}),
  entities: z
    .array(z.custom<Entity>(isEntity, { error: 'an entity of defineEntity is expected' }))
    .default([]),
  tables: z.array(z.string().regex(/^[a-z][a-z0-9_]{0,62}$/)).default([]),
  setup: anyFunction.optional(),
  provides: z.record(z.string(), tokenSchema).default({}),
  actions: anyFunction.optional(),
  middleware: anyFunction.optional(),
  commands: anyFunction.optional(),
  events: anyFunction.optional(),
  telegraf: anyFunction.optional(),
})

type ManifestShape = z.output<typeof manifestSchema>

function isEntity(value: unknown): boolean {
  // an EntitySchema, or a class that one was set upon; both carry their metadata
  if (typeof value === 'function') return true
  return typeof value === 'object' && value !== null && 'meta' in value
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
  const { name: folder } = source
  const shape = readShape(source)
  if (shape.name !== folder) {
    throw new OpsError(
      'OPS_PLUGIN_NAME',
      `The folder is named ${folder}, but its manifest says name: '${shape.name}'`,
      { hint: 'Give both the same name.', details: { plugin: folder } },
    )
  }
  if (source.reservedNames.has(shape.name)) {
    throw new OpsError('OPS_PLUGIN_NAME', `"${shape.name}" is a reserved name`, {
      hint: `Its settings would be named like the core's own (${shape.name.toUpperCase()}_…). Rename the folder and the manifest.`,
      details: { plugin: folder },
    })
  }
  if (shape.engine !== undefined && !semver.satisfies(source.coreVersion, shape.engine)) {
    throw new OpsError(
      'OPS_PLUGIN_ENGINE',
      `Plugin ${folder} asks for opsgram ${shape.engine}; this is ${source.coreVersion}`,
      { details: { plugin: folder } },
    )
  }
  const fail = (message: string): never => {
    throw new OpsError('OPS_PLUGIN_MANIFEST', `Plugin ${folder}: ${message}`, {
      details: { plugin: folder },
    })
  }
  const actions = readActions(shape, fail)
  const commands = readCommands(shape, fail)
  const declared = new Set(Object.keys(shape.permissions))
  for (const permission of declared) {
    if (!permission.startsWith(`${folder}.`)) {
      fail(`the permission "${permission}" must begin with "${folder}."`)
    }
  }
  const checkPermission = (what: string, permission: string | undefined) => {
    if (permission === undefined || declared.has(permission)) return
    const suggestion = nearest(permission, declared)
    const hint = suggestion === undefined ? '' : ` Did you mean "${suggestion}"?`
    fail(
      `${what} asks for the permission "${permission}", which the manifest doesn't declare.${hint}`,
    )
  }
  for (const [name, action] of actions) checkPermission(`the action ${name}`, action.permission)
  for (const [name, command] of commands) {
    checkPermission(`the command /${name}`, command.permission)
    for (const [sub, { permission }] of Object.entries(command.subcommands)) {
      checkPermission(`the command /${name} ${sub}`, permission)
    }
  }
  const events = readList<EventListener>(shape.events, eventKit, 'events', 'event', fail)
  for (const event of events) checkPermission(`the event ${event.query}`, event.permission)
  return {
    name: shape.name,
    version: shape.version,
    description: shape.description,
    configSchema: shape.config,
    // parsed as functions; their parameters are what the kits and the scope of this core give them
    setup: shape.setup as ((scope: never) => unknown) | undefined,
    permissions: Object.entries(shape.permissions).map(([name, { description, roles }]) => ({
      name,
      plugin: folder,
      description,
      roles,
    })),
    entities: shape.entities,
    needs: schemaNeeds(shape.entities),
    tables: shape.tables,
    requires: shape.requires,
    uses: new Map(Object.entries(shape.uses)),
    provides: new Map(Object.entries(shape.provides)),
    commands,
    actions,
    events,
    middleware: readList<Middleware>(
      shape.middleware,
      middlewareKit,
      'middleware',
      'middleware',
      fail,
    ),
    telegraf: readComposer(shape),
    texts: createTexts({
      languages: source.locales,
      fallback: { description: shape.description, ...textsOf(commands, actions) },
      defaultLanguage: source.defaultLanguage,
    }),
  }
}

function readShape({ name, exports }: DeclarationSource): ManifestShape {
  const exported = exports.default
  const details = { plugin: name }
  if (
    typeof exported !== 'object' ||
    exported === null ||
    !('kind' in exported && exported.kind === 'manifest' && 'definition' in exported)
  ) {
    throw new OpsError(
      'OPS_PLUGIN_MANIFEST',
      `Plugin ${name}: index.ts must default-export what definePlugin(…) returns`,
      { hint: "export default definePlugin({ name: '…', version: '1.0.0', … })", details },
    )
  }
  const parsed = manifestSchema.safeParse(exported.definition)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const where = issue?.path.join('.') ?? ''
  if (issue?.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? ''
    const suggestion = nearest(key, Object.keys(manifestSchema.shape))
    throw new OpsError(
      'OPS_PLUGIN_MANIFEST',
      `Plugin ${name}: the manifest has an unknown key "${key}"`,
      {
        hint:
          suggestion === undefined
            ? `Known keys: ${Object.keys(manifestSchema.shape).join(', ')}.`
            : `Did you mean "${suggestion}"?`,
        details,
      },
    )
  }
  throw new OpsError(
    'OPS_PLUGIN_MANIFEST',
    `Plugin ${name}: ${where}: ${issue?.message ?? 'not valid'}`,
    {
      details,
    },
  )
}

type Fail = (message: string) => never

function callKit(callback: unknown, kit: object, key: string, fail: Fail): unknown {
  if (typeof callback !== 'function') return undefined
  try {
    return callback(kit)
  } catch (error) {
    // the callbacks only describe; work belongs into setup or a handler
    return fail(`${key}(…) threw: ${messageOf(error)}`)
  }
}

function readCommands(shape: ManifestShape, fail: Fail): ReadonlyMap<string, Command> {
  const commands = readRecord<Command>(shape.commands, commandKit, 'commands', 'command', fail)
  for (const [name, command] of commands) {
    for (const word of [name, ...command.aliases]) {
      const checked = commandName.safeParse(word)
      if (!checked.success) fail(`/${word}: ${checked.error.issues[0]?.message ?? ''}`)
    }
    checkCommand(`/${name}`, command, fail)
  }
  return commands
}

function checkCommand(path: string, command: Command, fail: Fail): void {
  if (typeof command.description !== 'string' || command.description.trim() === '') {
    fail(`${path} needs a description: it stands in the menu and in /help`)
  }
  if (command.description.length > 256)
    fail(`the description of ${path} is longer than 256 characters`)
  if (command.args !== undefined && !anySchema.safeParse(command.args).success) {
    fail(`args of ${path}: an object schema of the host's zod is expected: z.object({ … })`)
  }
  const subcommands = Object.entries(command.subcommands)
  if (command.run === undefined && subcommands.length === 0) {
    fail(`${path} has neither run nor subcommands`)
  }
  for (const [name, sub] of subcommands) {
    if (sub?.kind !== 'command') fail(`${path} ${name} must be made with command(…)`)
    if (Object.keys(sub.subcommands).length > 0)
      fail(`${path} ${name} has subcommands of its own: one level is enough`)
    checkCommand(`${path} ${name}`, sub, fail)
  }
}

function readActions(shape: ManifestShape, fail: Fail): ReadonlyMap<string, Action> {
  const actions = readRecord<Action>(shape.actions, actionKit, 'actions', 'action', fail)
  for (const [name, action] of actions) {
    if (!/^[a-z][A-Za-z0-9]{0,15}$/.test(name)) {
      fail(
        `the action "${name}" must be named with 1–16 letters and digits (it travels in 64 bytes)`,
      )
    }
    if (typeof action.run !== 'function') fail(`the action ${name} has no run`)
    if (typeof action.label !== 'string' || action.label === '')
      fail(`the action ${name} has no label`)
  }
  return actions
}

function readRecord<T extends { kind: string }>(
  callback: unknown,
  kit: object,
  key: string,
  kind: string,
  fail: Fail,
): ReadonlyMap<string, T> {
  const made = callKit(callback, kit, key, fail)
  if (made === undefined) return new Map()
  const parsed = z
    .record(
      z.string(),
      z.custom<T>((value) => isMade(value, kind)),
    )
    .safeParse(made)
  if (!parsed.success) return fail(`${key}: each value must be made with ${kind}(…)`)
  return new Map(Object.entries(parsed.data))
}

function readList<T extends { kind: string }>(
  callback: unknown,
  kit: object,
  key: string,
  kind: string,
  fail: Fail,
): readonly T[] {
  const made = callKit(callback, kit, key, fail)
  if (made === undefined) return []
  const parsed = z.array(z.custom<T>((value) => isMade(value, kind))).safeParse(made)
  return parsed.success ? parsed.data : fail(`${key}: an array of ${kind}(…) is expected`)
}

function isMade(value: unknown, kind: string): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind
}

function readComposer(shape: ManifestShape): MiddlewareFn<LiveContext> | undefined {
  if (shape.telegraf === undefined) return undefined
  const composer = new Composer<LiveContext>()
  // parsed as a function above; a composer is what it is declared to take
  ;(shape.telegraf as (composer: Composer<LiveContext>) => void)(composer)
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

// ── the kits: they fill defaults in and mark what they made ─────────────────────────────────────

const commandKit = {
  command: (definition: CommandDefinition<PluginTypes, z.ZodObject>) => ({
    chats: 'any' as const,
    aliases: [],
    subcommands: {},
    ...definition,
    // a guarded command with an unguarded way in would be a trap
    ...(definition.permission === undefined || definition.subcommands === undefined
      ? {}
      : { subcommands: guarded(definition.subcommands, definition.permission) }),
    kind: 'command' as const,
  }),
}

function guarded(
  subcommands: Readonly<Record<string, Command>>,
  permission: string,
): Readonly<Record<string, Command>> {
  return Object.fromEntries(
    Object.entries(subcommands).map(([name, sub]) => [name, { permission, ...sub }]),
  )
}

const actionKit = { action: (definition: object) => ({ ...definition, kind: 'action' as const }) }

const eventKit = {
  event: (query: string, definition: object) => ({
    ...(typeof definition === 'function' ? { run: definition } : definition),
    query,
    kind: 'event' as const,
  }),
}

const middlewareKit = {
  middleware: (definition: { phase: string }) => {
    if (!phases.some((phase) => phase === definition.phase)) {
      throw new Error(`the phase "${definition.phase}" is none of ${phases.join(', ')}`)
    }
    return { ...definition, kind: 'middleware' as const }
  },
}
