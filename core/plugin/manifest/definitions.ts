import { z } from 'zod'
import { messageOf } from '../../errors.ts'
import type { Action } from './action.ts'
import type { Command, CommandDefinition } from './command.ts'
import type { EventListener } from './event.ts'
import type { HealthCheck } from './health.ts'
import { checkKeys } from './keys.ts'
import { type Middleware, phases } from './middleware.ts'
import { type Fail, objectSchema } from './shape.ts'
import type { PluginTypes } from './view.ts'

const commandName = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, {
  error: 'a command is named with 1–32 of a–z, 0–9 and _, beginning with a letter',
})
/** Under a command's locale key these hold its own texts, so no subcommand may be named like them. */
const takenKeys = new Set(['description', 'args'])

/** What `commands` defines. */
export function readCommands(callback: unknown, fail: Fail): ReadonlyMap<string, Command> {
  const commands = readRecord<Command>(callback, commandKit, 'commands', 'command', fail)
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
  checkKeys(path, command, 'command', fail)
  if (typeof command.description !== 'string' || command.description.trim() === '') {
    fail(`${path} needs a description: it stands in the menu and in /help`)
  }
  if (command.description.length > 256)
    fail(`the description of ${path} is longer than 256 characters`)
  checkAudience(path, command, fail)
  checkConfirm(path, command, fail)
  checkRateLimit(path, command, fail)
  if (command.args !== undefined && !objectSchema.safeParse(command.args).success) {
    fail(`args of ${path}: an object schema of the host's zod is expected: z.object({ … })`)
  }
  const subcommands = Object.entries(command.subcommands)
  if (command.run === undefined && subcommands.length === 0) {
    fail(`${path} has neither run nor subcommands`)
  }
  for (const [name, sub] of subcommands) {
    const checked = commandName.safeParse(name)
    if (!checked.success) fail(`${path} ${name}: ${checked.error.issues[0]?.message ?? ''}`)
    if (takenKeys.has(name))
      fail(`${path} ${name}: the name is taken by a locale key; choose another`)
    if (sub?.kind !== 'command') fail(`${path} ${name} must be made with command(…)`)
    if (Object.keys(sub.subcommands).length > 0)
      fail(`${path} ${name} has subcommands of its own: one level is enough`)
    checkCommand(`${path} ${name}`, sub, fail)
  }
}

const rateLimitSchema = z.strictObject({
  count: z.int().min(1),
  perS: z.number().positive(),
  by: z.enum(['person', 'chat', 'everybody']).optional(),
})

function checkRateLimit(what: string, { rateLimit }: { rateLimit?: unknown }, fail: Fail): void {
  if (rateLimit === undefined || rateLimitSchema.safeParse(rateLimit).success) return
  fail(`rateLimit of ${what}: { count, perS, by? } is expected, such as { count: 5, perS: 60 }`)
}

/** A question to nobody in particular, or without words, would be a yes in disguise. */
function checkConfirm(path: string, { confirm, audience, run }: Command, fail: Fail): void {
  if (confirm === undefined) return
  checkKeys(`confirm of ${path}`, confirm, 'confirm', fail)
  if (typeof confirm.preview !== 'function') fail(`confirm of ${path} has no preview`)
  if (audience !== undefined) fail(`${path} is for everyone and asks for a confirmation`)
  if (run === undefined) fail(`${path} asks for a confirmation and has no run`)
  if (confirm.by !== undefined && confirm.by !== 'self' && confirm.by !== 'another') {
    fail(`confirm.by of ${path} is 'self' or 'another'`)
  }
}

/** A permission is held by roles, and whom nobody knows has none: both together would be a mistake of one of them. */
function checkAudience(
  what: string,
  { audience, permission }: { audience?: string; permission?: string },
  fail: Fail,
): void {
  if (audience === undefined) return
  if (audience !== 'everyone') fail(`${what}: the only audience to declare is 'everyone'`)
  if (permission !== undefined) {
    fail(
      `${what} is for everyone and asks for the permission "${permission}"`,
      'Leave out one of them. Subcommands have the permission of their command.',
    )
  }
}

/** What `actions` defines. */
export function readActions(callback: unknown, fail: Fail): ReadonlyMap<string, Action> {
  const actions = readRecord<Action>(callback, actionKit, 'actions', 'action', fail)
  for (const [name, action] of actions) {
    checkKeys(`the action ${name}`, action, 'action', fail)
    if (!/^[a-z][A-Za-z0-9]{0,15}$/.test(name)) {
      fail(
        `the action "${name}" must be named with 1–16 letters and digits (it travels in 64 bytes)`,
      )
    }
    if (typeof action.run !== 'function') fail(`the action ${name} has no run`)
    if (action.fingerprint !== undefined && typeof action.fingerprint !== 'function') {
      fail(`fingerprint of the action ${name} is no function`)
    }
    checkAudience(`the action ${name}`, action, fail)
    checkRateLimit(`the action ${name}`, action, fail)
    if (typeof action.label !== 'string' || action.label === '')
      fail(`the action ${name} has no label`)
  }
  return actions
}

/** What `events` defines. */
export function readEvents(callback: unknown, fail: Fail): readonly EventListener[] {
  const events = readList<EventListener>(callback, eventKit, 'events', 'event', fail)
  for (const listener of events) {
    const { query, run, ...event } = listener
    checkKeys(`the event ${query}`, listener, 'event', fail)
    if (typeof run !== 'function') fail(`the event ${query} has no run`)
    checkAudience(`the event ${query}`, event, fail)
  }
  return events
}

/** What `health` defines. */
export function readHealth(callback: unknown, fail: Fail): ReadonlyMap<string, HealthCheck> {
  const checks = readRecord<HealthCheck>(callback, healthKit, 'health', 'check', fail)
  for (const [name, check] of checks) {
    checkKeys(`the health check ${name}`, check, 'check', fail)
    if (!/^[a-z][A-Za-z0-9]{0,31}$/.test(name)) {
      fail(`the health check "${name}" must be named with 1–32 letters and digits`)
    }
    if (typeof check.run !== 'function') fail(`the health check ${name} has no run`)
  }
  return checks
}

/** What `middleware` defines. */
export function readMiddleware(callback: unknown, fail: Fail): readonly Middleware[] {
  const middleware = readList<Middleware>(callback, middlewareKit, 'middleware', 'middleware', fail)
  for (const each of middleware) {
    const { phase, audience } = each
    checkKeys(`${phase} middleware`, each, 'middleware', fail)
    checkAudience(`${phase} middleware`, audience === undefined ? {} : { audience }, fail)
  }
  return middleware
}

/** Calls a key of the manifest that makes named things of one kind. */
export function readRecord<T extends { kind: string }>(
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

function callKit(callback: unknown, kit: object, key: string, fail: Fail): unknown {
  if (typeof callback !== 'function') return undefined
  try {
    return callback(kit)
  } catch (error) {
    // the callbacks only describe; work belongs into setup or a handler
    return fail(`${key}(…) threw: ${messageOf(error)}`)
  }
}

// ── the kits: they fill defaults in and mark what they made ─────────────────────────────────────

const commandKit = {
  command: (definition: CommandDefinition<PluginTypes, z.ZodObject>) => ({
    aliases: [],
    subcommands: {},
    ...definition,
    ...(definition.subcommands === undefined ? {} : { subcommands: heirs(definition) }),
    kind: 'command' as const,
  }),
}

/** A guarded command with an unguarded way in would be a trap, so subcommands have what it has. */
function heirs({
  permission,
  chats,
  subcommands = {},
}: CommandDefinition<PluginTypes, z.ZodObject>): Readonly<Record<string, Command>> {
  const inherited = {
    ...(permission === undefined ? {} : { permission }),
    ...(chats === undefined ? {} : { chats }),
  }
  return Object.fromEntries(
    Object.entries(subcommands).map(([name, sub]) => [name, { ...inherited, ...sub }]),
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

const healthKit = {
  check: (definition: object) => ({
    critical: false,
    ...(typeof definition === 'function' ? { run: definition } : definition),
    kind: 'check' as const,
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
