import { z } from 'zod'
import type { HookVerifier } from '../../http/hooks/verify.ts'
import { readRecord } from './definitions.ts'
import { type Hook, hookJob } from './hook.ts'
import type { Job } from './job.ts'
import { readJob } from './jobs.ts'
import type { Fail } from './shape.ts'

const hookShape = z.looseObject({
  verify: z.custom<HookVerifier>(
    (value) => z.object({ kind: z.literal('verifier') }).safeParse(value).success,
    { error: 'hmac(…), bearer() or standardWebhook() is expected' },
  ),
  secret: z.custom<Hook['secret']>((value) => typeof value === 'function', {
    error: '(config) => config.secret is expected: without a secret anybody could call it',
  }),
  body: z
    .custom<z.ZodType>((value) => value instanceof z.ZodType, {
      error: "a schema of the host's zod is expected",
    })
    .optional(),
  run: z.custom<(ctx: never, body: never) => unknown>((value) => typeof value === 'function', {
    error: 'a function is expected',
  }),
})

const dataShape = z.looseObject({ body: z.unknown() })

/** What `hooks` defines: each with the job that handles what it took. */
export function readHooks(
  callback: unknown,
  fail: Fail,
): { hooks: ReadonlyMap<string, Hook>; jobs: ReadonlyMap<string, Job> } {
  const made = readRecord<Hook>(callback, hookKit, 'hooks', 'hook', fail)
  const hooks = new Map<string, Hook>()
  const jobs = new Map<string, Job>()
  for (const [name, definition] of made) {
    if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) {
      fail(`the hook "${name}" must be named with 1–32 of a–z, 0–9 and -: it is part of an address`)
    }
    const parsed = hookShape.safeParse(definition)
    if (!parsed.success) {
      const issue = parsed.error.issues[0]
      return fail(`the hook ${name}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
    }
    const { verify, secret, body: schema, run, kind: _kind, ...job } = parsed.data
    const body = schema instanceof z.ZodObject ? schema.loose() : schema
    hooks.set(name, { kind: 'hook', verify, secret, ...(body && { body }) })
    const handler = run as (ctx: unknown, body: unknown) => unknown
    const data = body === undefined ? dataShape : dataShape.extend({ body })
    const taken = (ctx: unknown, given: { body: unknown }) => handler(ctx, given.body)
    // read as any other job, from what a plugin may say of one
    const made = { ...job, kind: 'job', data, run: taken } as unknown as Job
    jobs.set(hookJob(name), readJob(`of the hook ${name}`, made, fail))
  }
  return { hooks, jobs }
}

const hookKit = { hook: (definition: object) => ({ ...definition, kind: 'hook' as const }) }
