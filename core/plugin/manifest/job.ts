import type { z } from 'zod'
import type { EntityManager } from '../../database/orm.ts'
import type { HttpClient } from '../../http/client/call.ts'
import type { Translate } from '../../i18n/texts.ts'
import type { RetryPolicy } from '../../job/request.ts'
import type { Logger } from '../../log/logger.ts'
import type { OpsTelegram } from '../../telegram/telegram.ts'
import type { ActiveUser } from '../access.ts'
import type { Cache } from '../cache.ts'
import type { Answer } from '../run/content.ts'
import type { NotifyOptions, NotifyTarget } from '../run/notify.ts'
import type { Used } from '../service.ts'
import type { Nothing, Parsed, PluginTypes } from './view.ts'

/** What becomes of times that a cron expression named while the bot was down or the plugin away. */
export type MissedRuns = 'once' | 'skip'

export interface JobDefinition<P extends PluginTypes, D extends z.ZodObject> {
  /** What `ctx.enqueue` takes; checked then, and once more when the job runs. It travels as JSON. */
  data?: D
  /** When it runs by itself: five fields, or six with seconds. Its data are then `{}`. */
  cron?: string
  /** IANA name of the zone that `cron` is meant in; default: TIMEZONE. */
  timeZone?: string
  /** Default `once`: one run for all times that were missed. `skip`: none. */
  missed?: MissedRuns
  /** Default: three more attempts, a second after the first, then at doubled distances. */
  retry?: Partial<RetryPolicy>
  /** What one attempt has, ms; then its signal is aborted, and it has failed. Default 10 minutes. */
  deadlineMs?: number
  /** How many of it run at once, over all instances; default 8, with `cron` 1. */
  concurrency?: number
  /** Whoever asked for it must hold this when it runs; else it isn't run. */
  permission?: NoInfer<P['permission']>
  run(ctx: JobContext<P>, data: Parsed<D>): unknown
}

/** A job as the runner knows it; made by the kit's `job`. `D` is what `enqueue` takes for it. */
export interface Job<D = unknown> {
  readonly kind: 'job'
  readonly data?: z.ZodObject
  readonly cron?: string
  readonly timeZone?: string
  readonly missed: MissedRuns
  readonly retry: RetryPolicy
  readonly deadlineMs: number
  readonly concurrency: number
  readonly permission?: string
  readonly run: (ctx: never, data: never) => unknown
  /** Carries the type of the data that it needs; never set. */
  readonly input?: D
}

export interface JobKit<P extends PluginTypes> {
  job<D extends z.ZodObject = z.ZodObject<Nothing>>(
    definition: JobDefinition<P, D>,
  ): Job<z.input<D>>
}

/** When a job is to run. */
export interface EnqueueOptions {
  /** Not before this. */
  readonly at?: Date
  /** Not before so many ms from now. */
  readonly afterMs?: number
}

type JobData<J> = J extends Job<infer D> ? D : never
/** The data may be left out where the job's schema asks for nothing. */
type JobInput<D> = Nothing extends D
  ? [data?: D, options?: EnqueueOptions]
  : [data: D, options?: EnqueueOptions]

/** How work gets into the background; of a handler and of a job alike. */
export interface Enqueues<P extends PluginTypes> {
  /**
   * Has a job of this plugin run later, in the background. It is written together with all else that this run
   * changes, or not at all.
   *
   * @returns the job's id
   * @throws OPS_JOB_UNKNOWN, OPS_JOB_DATA; OPS_COMMITTED when what it belongs to is completed
   */
  enqueue<J extends keyof P['jobs'] & string>(
    job: J,
    ...given: JobInput<JobData<P['jobs'][J]>>
  ): string
}

/** What a running job sees. */
export interface JobContext<P extends PluginTypes> extends Enqueues<P> {
  readonly job: {
    readonly id: string
    readonly name: string
    /** 1 at the first attempt. */
    readonly attempt: number
    readonly createdAt: Date
    /** The time that `cron` named; absent where somebody asked for it. */
    readonly dueAt?: Date
  }
  readonly config: P['config']
  /** What this plugin's `setup` returned. */
  readonly plugin: P['plugin']
  /** The services named in `uses`, of the job's own generation. */
  readonly use: Used<P['uses']>
  /** Who asked for it, as they are now; undefined for nobody, and for people who are not active any more. */
  readonly actor: ActiveUser | undefined
  /** May the actor do this now, where it was asked for? Without one: no. */
  can(permission: P['permission']): boolean
  /** Written in the transaction that completes the job, or not at all when it throws. */
  readonly em: EntityManager
  /** Lines carry the plugin and the job. */
  readonly log: Logger
  /** Aborted at the deadline, when the bot stops, and when the attempt was lost. */
  readonly signal: AbortSignal
  /** This plugin's texts in the actor's language, else in the default. */
  readonly t: Translate
  readonly language: string
  readonly timeZone: string
  /** As in handlers. */
  readonly cache: Cache
  /** Calls to other services, as in handlers. */
  readonly http: HttpClient
  /** Calls leave at the pace of notices: nobody waits for them. */
  readonly telegram: OpsTelegram
  /**
   * A message to somebody, written with the commit and sent after it, at least once.
   *
   * @throws OPS_NOTIFY
   */
  notify(target: NotifyTarget, content: Answer, options?: NotifyOptions): void
  /** What time it is; in tests `bot.clock` says. */
  now(): Date
  /** How far it has come, for `/jobs`; kept at most once a second. @param share 0 to 1 */
  progress(share: number, text?: string): void
}
