import type { EntityManager } from '../../database/orm.ts'
import type { HttpClient } from '../../http/client/client.ts'
import type { Translate } from '../../i18n/texts.ts'
import type { JobQueue } from '../../job/queue.ts'
import type { ClaimedJob } from '../../job/request.ts'
import type { Logger } from '../../log/logger.ts'
import type { ActiveUser } from '../../plugin/access.ts'
import { type Cache, cacheOf } from '../../plugin/cache.ts'
import type { Answer } from '../../plugin/content.ts'
import { jobRequest } from '../../plugin/enqueue.ts'
import type { PluginInstance } from '../../plugin/generation/instance.ts'
import type { EnqueueOptions, JobContext } from '../../plugin/manifest/job.ts'
import type { PluginTypes } from '../../plugin/manifest/manifest.ts'
import { type NotifyOptions, type NotifyTarget, noticeOf } from '../../plugin/notify.ts'
import type { UpdateRun } from '../../plugin/run.ts'
import type { OpsTelegram } from '../../telegram/telegram.ts'

/** What a running job sees, over the run that it shares with updates: actor, unit of work, permissions. */
export class LiveJob {
  readonly job: JobContext<PluginTypes>['job']
  readonly config: unknown
  readonly plugin: unknown
  readonly log: Logger
  readonly #run: UpdateRun
  readonly #instance: PluginInstance
  readonly #claimed: ClaimedJob
  readonly #progress: (share: number, text: string | undefined) => void

  constructor(
    run: UpdateRun,
    instance: PluginInstance,
    claimed: ClaimedJob,
    progress: (share: number, text: string | undefined) => void,
  ) {
    const { id, job: name, retryCount, createdAt, dueAt } = claimed
    this.#run = run
    this.#instance = instance
    this.#claimed = claimed
    this.#progress = progress
    this.job = {
      id,
      name,
      attempt: retryCount + 1,
      createdAt,
      ...(dueAt !== undefined && { dueAt: new Date(dueAt) }),
    }
    this.config = instance.config
    this.plugin = instance.result
    this.log = run.log
  }

  get use(): unknown {
    return this.#run.generation.useOf(this.#instance.name)
  }

  get actor(): ActiveUser | undefined {
    return this.#run.actor.kind === 'user' ? this.#run.actor : undefined
  }

  get cache(): Cache {
    return cacheOf(this.#instance.cache, (work) => this.#run.afterCommit.push(work))
  }

  get http(): HttpClient {
    return this.#run.calls.for({ plugin: this.#instance.name, signal: this.#run.signal })
  }

  get em(): EntityManager {
    return this.#run.em
  }

  get signal(): AbortSignal {
    return this.#run.signal
  }

  get t(): Translate {
    return this.#instance.texts.in(this.#run.language)
  }

  get language(): string {
    return this.#run.language
  }

  get timeZone(): string {
    return this.#run.timeZone
  }

  get telegram(): OpsTelegram {
    return this.#run.telegram
  }

  can(permission: string): boolean {
    return this.#run.can(permission)
  }

  now(): Date {
    return new Date(this.#run.clock.now())
  }

  enqueue(job: string, data: unknown = {}, options: EnqueueOptions = {}): string {
    const { by } = this.#claimed
    const now = this.#run.clock.now()
    return this.#run.enqueue(jobRequest({ plugin: this.#instance, job, data, options, now, by }))
  }

  notify(target: NotifyTarget, content: Answer, options?: NotifyOptions): void {
    this.#run.notify(noticeOf(this.#instance.name, target, content, options))
  }

  progress(share: number, text?: string): void {
    this.#progress(Math.min(1, Math.max(0, share)), text)
  }
}

/** Keeps how far a job has come, at most once a second. */
export function keepProgress(
  queue: Pick<JobQueue, 'progress'>,
  claimed: ClaimedJob,
  log: Logger,
): (share: number, text: string | undefined) => void {
  let keptAt = Number.NEGATIVE_INFINITY
  return (share, text) => {
    const now = performance.now()
    if (now - keptAt < 1_000 && share < 1) return
    keptAt = now
    queue
      .progress(claimed, { share, ...(text !== undefined && { text: text.slice(0, 200) }) })
      .catch((error: unknown) => log.debug('job.progress-not-kept', { error }))
  }
}
