import type { JobHolds } from '../../job/holds.ts'
import type { DeadJob, JobQueue } from '../../job/queue.ts'
import { groupOf } from '../../job/request.ts'
import type { Redactor } from '../../log/redact.ts'
import type { Live } from '../generation/live.ts'

/** How many jobs of a kind there are. */
export interface JobKind {
  readonly plugin: string
  readonly job: string
  /** False: its plugin is away, waits or is quarantined, or has no such job any more. What waits, waits for that. */
  readonly live: boolean
  /** One after another failed: one is tried now and then, the others wait until it succeeds. As this process knows. */
  readonly held: boolean
  /** When it runs by itself. */
  readonly cron?: string
  readonly waiting: number
  readonly running: number
  readonly dead: number
}

/** A job that runs now, in whichever process. */
export interface RunningJob {
  readonly id: string
  readonly plugin: string
  readonly job: string
  readonly attempt: number
  readonly startedAt: Date
  /** How far it says it is, 0 to 1. */
  readonly share?: number
  readonly text?: string
}

/** A job whose attempts are used up, or that can't succeed. */
export interface DeadJobDetails {
  /** The id under which its last error is in the log. */
  readonly errorId: string
  readonly plugin: string
  readonly job: string
  readonly attempts: number
  readonly code: string
  /** What it failed of; secrets are taken out. */
  readonly message: string
  /** JSON, secrets taken out. */
  readonly data: string
  /** Telegram id of who asked for it. */
  readonly askedBy?: number
  readonly createdAt: Date
  readonly diedAt: Date
}

/** What the core tells plugins about jobs of all plugins. */
export interface JobsApi {
  /** Every kind that a live plugin has, or of which there are jobs. */
  kinds(): Promise<readonly JobKind[]>
  running(limit: number): Promise<readonly RunningJob[]>
  /** The newest first. */
  dead(limit: number): Promise<{ readonly jobs: readonly DeadJobDetails[]; readonly total: number }>
  find(errorId: string): Promise<DeadJobDetails | undefined>
  /** One more attempt, now. @returns false when there is none dead of this id */
  runAgain(errorId: string): Promise<boolean>
  /** It will never be done. @returns false when there is none dead of this id */
  drop(errorId: string): Promise<boolean>
}

export interface JobDeskOptions {
  queue: JobQueue
  holds: Pick<JobHolds, 'isHeld'>
  live: () => Live
  redact: Redactor
}

/** The queue as people are shown it. */
export class JobDesk implements JobsApi {
  readonly #options: JobDeskOptions

  constructor(options: JobDeskOptions) {
    this.#options = options
  }

  async kinds(): Promise<readonly JobKind[]> {
    const { queue, live, holds } = this.#options
    const { plugins, quarantined } = live().current
    const kinds = new Map<string, JobKind>()
    for (const [plugin, { jobs }] of plugins) {
      for (const [job, definition] of jobs) {
        const { cron } = definition
        kinds.set(groupOf({ plugin, job }), {
          plugin,
          job,
          live: !quarantined.has(plugin),
          held: holds.isHeld(definition),
          ...(cron !== undefined && { cron }),
          waiting: 0,
          running: 0,
          dead: 0,
        })
      }
    }
    const counts = (await queue.exists()) ? await queue.counts() : []
    for (const count of counts) {
      const group = groupOf(count)
      kinds.set(group, { ...(kinds.get(group) ?? { live: false, held: false }), ...count })
    }
    return [...kinds.values()].sort((a, b) => (groupOf(a) < groupOf(b) ? -1 : 1))
  }

  async running(limit: number): Promise<readonly RunningJob[]> {
    const { queue } = this.#options
    return (await queue.exists()) ? queue.running(limit) : []
  }

  async dead(limit: number): Promise<{ jobs: readonly DeadJobDetails[]; total: number }> {
    const { queue } = this.#options
    if (!(await queue.exists())) return { jobs: [], total: 0 }
    const { jobs, total } = await queue.dead(limit)
    return { jobs: jobs.map((job) => this.#detailsOf(job)), total }
  }

  async find(errorId: string): Promise<DeadJobDetails | undefined> {
    const job = await this.#find(errorId)
    return job === undefined ? undefined : this.#detailsOf(job)
  }

  async runAgain(errorId: string): Promise<boolean> {
    const job = await this.#find(errorId)
    return job !== undefined && this.#options.queue.again(job.id)
  }

  async drop(errorId: string): Promise<boolean> {
    const job = await this.#find(errorId)
    return job !== undefined && this.#options.queue.drop(job.id)
  }

  async #find(typed: string): Promise<DeadJob | undefined> {
    const { queue } = this.#options
    const id = typed.trim().toUpperCase()
    if (!(await queue.exists())) return undefined
    return queue.findDead(id.startsWith('E-') ? id : `E-${id}`)
  }

  #detailsOf(dead: DeadJob): DeadJobDetails {
    const { redact } = this.#options
    const { plugin, job, retryCount, failure, data, by, createdAt, diedAt } = dead
    return {
      errorId: failure.errorId,
      plugin,
      job,
      attempts: retryCount + 1,
      code: failure.code,
      message: redact(failure.message),
      data: redact(JSON.stringify(data) ?? ''),
      ...(by && { askedBy: by.userId }),
      createdAt,
      diedAt,
    }
  }
}
