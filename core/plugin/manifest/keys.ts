import type { z } from 'zod'
import { nearest } from '../code/nearest.ts'
import type { Action } from './action.ts'
import type { Command, Confirm } from './command.ts'
import type { EventListener } from './event.ts'
import type { HealthCheck } from './health.ts'
import type { Middleware } from './middleware.ts'
import type { Fail } from './shape.ts'

/** Every key of a definition once, so that what the types take and what a reload takes can't part. */
type Keys<T> = Readonly<Record<keyof T, true>>

const keysOf = {
  command: {
    kind: true,
    description: true,
    permission: true,
    audience: true,
    chats: true,
    aliases: true,
    rateLimit: true,
    args: true,
    confirm: true,
    subcommands: true,
    run: true,
  } satisfies Keys<Omit<Command, 'former'>>,
  confirm: { preview: true, by: true, withinS: true, coolDownS: true } satisfies Keys<Confirm>,
  action: {
    kind: true,
    label: true,
    data: true,
    permission: true,
    audience: true,
    rateLimit: true,
    fingerprint: true,
    run: true,
  } satisfies Keys<Omit<Action, 'former' | 'input'>>,
  event: {
    kind: true,
    query: true,
    permission: true,
    audience: true,
    run: true,
  } satisfies Keys<Omit<EventListener, 'former'>>,
  check: { kind: true, critical: true, run: true } satisfies Keys<HealthCheck>,
  middleware: { kind: true, phase: true, audience: true, run: true } satisfies Keys<Middleware>,
}

/** A `permision` that were passed over would open what it is meant to close. */
export function checkKeys(what: string, made: object, kind: keyof typeof keysOf, fail: Fail): void {
  const known = Object.keys(keysOf[kind])
  const unknown = Object.keys(made).find((key) => !known.includes(key))
  if (unknown !== undefined) failOnKey(what, unknown, known, fail)
}

/** Names a key that isn't taken, and the one that was meant. */
export function failOnKey(what: string, key: string, keys: readonly string[], fail: Fail): never {
  const known = keys.filter((name) => name !== 'kind' && name !== 'query')
  const meant = nearest(key, known)
  return fail(
    `${what} has an unknown key "${key}"`,
    meant === undefined ? `Known keys: ${known.join(', ')}.` : `Did you mean "${meant}"?`,
  )
}

/** What is wrong with a part of the manifest that a schema refused. */
export function failOn(what: string, error: z.ZodError, schema: z.ZodObject, fail: Fail): never {
  // a misspelt key is also a missing one, and the first tells more
  const { issues } = error
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]
  const path = issue?.path.join('.') ?? ''
  if (issue?.code === 'unrecognized_keys') {
    // of what lies deeper the schema's own keys say nothing
    if (path === '') return failOnKey(what, issue.keys[0] ?? '', Object.keys(schema.shape), fail)
    return fail(`${path} of ${what} has an unknown key "${issue.keys[0] ?? ''}"`)
  }
  return fail([what, path, issue?.message ?? ''].filter((part) => part !== '').join(': '))
}
