import { z } from 'zod'
import { messageOf } from '../../errors.ts'
import { isTimeZone } from '../../i18n/language.ts'
import { Recurrence } from '../../job/cron.ts'
import { readRecord } from './definitions.ts'
import type { Job } from './job.ts'
import { failOn } from './keys.ts'
import { type Fail, objectSchema } from './shape.ts'

/** Node's timers count no further. */
const longestMs = 2 ** 31 - 1

const definitionSchema = z.strictObject({
  kind: z.literal('job'),
  data: objectSchema.optional(),
  cron: z.string().optional(),
  timeZone: z
    .string()
    .refine(isTimeZone, { error: 'an IANA time zone is expected, such as Europe/Berlin' })
    .optional(),
  missed: z.enum(['once', 'skip']).default('once'),
  retry: z
    .strictObject({
      limit: z.int().min(0).max(100).default(3),
      delayMs: z.int().min(0).max(longestMs).default(1_000),
      maxDelayMs: z.int().min(0).max(longestMs).default(3_600_000),
    })
    .prefault({}),
  deadlineMs: z.int().min(1).max(longestMs).default(600_000),
  concurrency: z.int().min(1).max(1_000).optional(),
  permission: z.string().optional(),
  run: z.custom<Job['run']>((value) => typeof value === 'function', {
    error: 'a function is expected',
  }),
})

/** What `jobs` defines. */
export function readJobs(callback: unknown, fail: Fail): ReadonlyMap<string, Job> {
  const made = readRecord<Job>(callback, jobKit, 'jobs', 'job', fail)
  for (const name of made.keys()) {
    if (!/^[a-z][A-Za-z0-9]{0,31}$/.test(name)) {
      fail(`the job "${name}" must be named with 1–32 letters and digits`)
    }
  }
  return new Map([...made].map(([name, job]) => [name, readJob(name, job, fail)]))
}

/** One job, its defaults filled in. */
export function readJob(name: string, made: Job, fail: Fail): Job {
  const parsed = definitionSchema.safeParse(made)
  if (!parsed.success) {
    return failOn(`the job ${name}`, parsed.error, definitionSchema, fail)
  }
  const { concurrency, ...job } = parsed.data
  if (job.cron !== undefined) checkCron(name, job.cron, job.timeZone ?? 'UTC', fail)
  if (job.cron !== undefined && job.data?.safeParse({}).success === false) {
    fail(`the job ${name} runs by the clock, but its data may not be {}`)
  }
  if (job.cron === undefined && job.timeZone !== undefined) {
    fail(`the job ${name} has a time zone and no cron`)
  }
  return {
    ...withoutUndefined(job),
    concurrency: concurrency ?? (job.cron === undefined ? 8 : 1),
  }
}

function checkCron(name: string, cron: string, timeZone: string, fail: Fail): void {
  const fields = cron.trim().split(/\s+/).length
  if (fields !== 5 && fields !== 6) {
    fail(
      `the job ${name}: cron "${cron}" has ${fields} fields`,
      'Five are expected: minute, hour, day of month, month, day of week; or six, with seconds before them.',
    )
  }
  try {
    new Recurrence(cron, timeZone)
  } catch (error) {
    fail(`the job ${name}: cron "${cron}": ${messageOf(error)}`)
  }
}

/** Leaves keys out that zod gives as undefined. */
function withoutUndefined<T extends object>(value: T) {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}

const jobKit = { job: (definition: object) => ({ ...definition, kind: 'job' as const }) }
