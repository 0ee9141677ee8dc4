import type { EntityManager } from '../database/orm.ts'
import type { HttpClient } from '../http/client/call.ts'
import type { Translate } from '../i18n/texts.ts'
import type { JobRequest } from '../job/request.ts'
import type { Logger } from '../log/logger.ts'
import { type Cache, cacheOf } from '../plugin/cache.ts'
import type { PluginInstance } from '../plugin/generation/instance.ts'
import type { EnqueueOptions } from '../plugin/manifest/job.ts'
import type { Answer } from '../plugin/run/content.ts'
import { jobRequest } from '../plugin/run/enqueue.ts'
import { type NotifyOptions, type NotifyTarget, noticeOf } from '../plugin/run/notify.ts'
import type { UpdateRun } from '../plugin/run/run.ts'
import type { OpsTelegram } from '../telegram/telegram.ts'

/** What work sees that no update caused, a job or a request: a view of the run that it shares with updates. */
export class LiveWork {
  readonly config: unknown
  readonly plugin: unknown
  readonly log: Logger
  protected readonly run: UpdateRun
  readonly #instance: PluginInstance
  readonly #by: JobRequest['by']

  /** @param by in whose name jobs are asked for */
  constructor(run: UpdateRun, instance: PluginInstance, by: JobRequest['by']) {
    this.run = run
    this.#instance = instance
    this.#by = by
    this.config = instance.config
    this.plugin = instance.result
    this.log = run.log
  }

  get use(): unknown {
    return this.run.generation.useOf(this.#instance.name)
  }

  get cache(): Cache {
    return cacheOf(this.#instance.cache, (work) => this.run.afterCommit.push(work))
  }

  get http(): HttpClient {
    return this.run.calls.for({ plugin: this.#instance.name, signal: this.run.signal })
  }

  get em(): EntityManager {
    return this.run.em
  }

  get signal(): AbortSignal {
    return this.run.signal
  }

  get t(): Translate {
    return this.#instance.texts.in(this.run.language)
  }

  get language(): string {
    return this.run.language
  }

  get timeZone(): string {
    return this.run.timeZone
  }

  get telegram(): OpsTelegram {
    return this.run.telegram
  }

  can(permission: string): boolean {
    return this.run.can(permission)
  }

  now(): Date {
    return new Date(this.run.clock.now())
  }

  enqueue(job: string, data: unknown = {}, options: EnqueueOptions = {}): string {
    const now = this.run.clock.now()
    const request = { plugin: this.#instance, job, data, options, now, by: this.#by }
    return this.run.enqueue(jobRequest(request))
  }

  notify(target: NotifyTarget, content: Answer, options?: NotifyOptions): void {
    this.run.notify(noticeOf(this.#instance.name, target, content, options))
  }
}
