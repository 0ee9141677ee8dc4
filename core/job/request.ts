import { z } from 'zod'

/** Who asked for a job: looked up again when it runs, so that it can do no more than they may by then. */
const askedBy = z.object({
  /** Telegram id. */
  userId: z.number(),
  chatId: z.number().optional(),
  threadId: z.number().optional(),
})

/** What stands in the queue of one job. */
export const envelope = z.object({
  plugin: z.string(),
  job: z.string(),
  data: z.unknown(),
  by: askedBy.optional(),
  /** The time that a cron expression named, ISO. */
  dueAt: z.string().optional(),
})

export type AskedBy = z.output<typeof askedBy>
export type Envelope = z.output<typeof envelope>

/** How often and when a job that failed is run again. */
export interface RetryPolicy {
  /** Further attempts after the first. */
  readonly limit: number
  /** Before the second attempt, ms; doubled, with some jitter, before each further one. */
  readonly delayMs: number
  readonly maxDelayMs: number
}

/** A job to be put into the queue. */
export interface JobRequest extends Envelope {
  /** A UUID. */
  readonly id: string
  readonly retry: RetryPolicy
  /** Not before this. */
  readonly startAfter?: Date
}

/** A job that this process runs. `retryCount` names the attempt: another one can't be settled with it. */
export interface ClaimedJob extends Envelope {
  readonly id: string
  readonly retryCount: number
  readonly retryLimit: number
  readonly createdAt: Date
}

/** Under which the queue counts what runs, and finds what may: `worklog.push`. */
export function groupOf({ plugin, job }: Pick<Envelope, 'plugin' | 'job'>): string {
  return `${plugin}.${job}`
}
