import type { Update, UserFromGetMe } from 'telegraf/types'
import type { Clock } from '../../clock.ts'
import { Batcher } from '../../database/batcher.ts'
import type { Database } from '../../database/connection.ts'
import { isCommitUnknown } from '../../database/failure.ts'
import { hasChanges, inTransaction, queriesIn } from '../../database/orm.ts'
import { codeOf, messageOf, OpsError } from '../../errors.ts'
import type { HttpCalls } from '../../http/client/client.ts'
import type { BackgroundMetrics, JobOutcome } from '../../http/metrics/background.ts'
import type { JobHolds } from '../../job/holds.ts'
import type { JobQueue } from '../../job/queue.ts'
import type { ClaimedJob } from '../../job/request.ts'
import type { Logger } from '../../log/logger.ts'
import type { Outbox } from '../../outbox/outbox.ts'
import { asPlugin } from '../../plugin/code/owner.ts'
import type { PluginStacks } from '../../plugin/code/stack.ts'
import type { Generation } from '../../plugin/generation/generation.ts'
import type { PluginInstance } from '../../plugin/generation/instance.ts'
import type { Live } from '../../plugin/generation/live.ts'
import type { Job } from '../../plugin/manifest/job.ts'
import type { Timings } from '../../plugin/offered/timings.ts'
import { PluginHeld } from '../../plugin/reload/room.ts'
import { firstIssue } from '../../plugin/run/enqueue.ts'
import { messagesOf } from '../../plugin/run/notify.ts'
import { type PeopleDefaults, UpdateRun } from '../../plugin/run/run.ts'
import type { ContentSender } from '../../plugin/run/sender.ts'
import { Backoff, sleep } from '../../telegram/backoff.ts'
import type { Gateway } from '../../telegram/gateway.ts'
import { untilAborted } from '../deadline.ts'
import { newErrorId } from '../error-id.ts'
import type { Gate } from '../gate.ts'
import { Semaphore } from '../inbox/semaphore.ts'
import { keepProgress, LiveJob } from './context.ts'

export interface JobHandlingOptions {
  queue: JobQueue
  /** Told how attempts end. */
  holds: Pick<JobHolds, 'done' | 'failed'>
  calls: HttpCalls
  live: Live
  gate: Pick<Gate, 'enter' | 'grant'>
  gateway: Gateway
  sender: ContentSender
  outbox: Pick<Outbox, 'write' | 'wake'>
  database: Database
  botInfo: UserFromGetMe
  defaults: PeopleDefaults
  stacks: PluginStacks
  log: Logger
  clock: Clock
  timings: Pick<Timings, 'time'>
  measured: Pick<BackgroundMetrics, 'jobEnded'>
}

type JobHandler = (ctx: LiveJob, data: unknown) => unknown

/** What an attempt failed of. `final`: another one would fail of it too. */
export interface JobError {
  readonly error: unknown
  readonly errorId: string
  readonly final?: boolean
}

class NotOurs extends Error {}

/** Attempts that wrote nothing are marked together. */
const mostMarks = 200

/**
 * Takes one claimed job to the end of its attempt: runs it on the live generation, then completes it in one
 * transaction with what it wrote. Whoever lost the attempt meanwhile writes nothing. What failed is run again by
 * its retry policy, or kept as dead.
 */
export class JobHandling {
  readonly #options: JobHandlingOptions
  readonly #marks: Batcher<ClaimedJob>
  readonly #commits: Semaphore
  readonly #stopping = new AbortController()

  constructor(options: JobHandlingOptions) {
    this.#options = options
    const { queue, database } = options
    this.#marks = new Batcher(async (jobs) => void (await queue.complete(jobs)), mostMarks)
    // half of the connections are left to handlers of updates
    this.#commits = new Semaphore(Math.ceil(database.poolMax / 2))
  }

  /** Gives up what can't be written because the database is away. */
  stop(): void {
    this.#stopping.abort()
  }

  /** @param controller ends the job; the runner has it too */
  async handle(claimed: ClaimedJob, controller: AbortController): Promise<void> {
    const { live, queue } = this.#options
    const work = {
      plugin: () => claimed.plugin,
      cut: () =>
        controller.abort(
          new OpsError(
            'OPS_RELOADED',
            'The plugin was replaced again and again while this job ran',
          ),
        ),
    }
    const held = live.take(work)
    try {
      const instance = held.generation.plugins.get(claimed.plugin)
      const job = instance?.jobs.get(claimed.job)
      const isOff = held.generation.quarantined.has(claimed.plugin)
      // it was replaced between the look into the queue and now
      if (instance === undefined || job === undefined || isOff) {
        return await this.#persist(() => queue.giveBack(claimed))
      }
      await this.#attempt(claimed, { generation: held.generation, instance, job, controller })
    } finally {
      held.release()
    }
  }

  /** Writes down that an attempt failed. Repeats that until the database takes it. */
  async settle(
    claimed: ClaimedJob,
    { error, errorId, final = false }: JobError,
  ): Promise<JobOutcome> {
    let outcome: JobOutcome = 'lost'
    const { queue, log, stacks } = this.#options
    const code = codeOf(error) ?? (error instanceof Error ? error.name : 'Error')
    const message = log.redact(messageOf(error)).slice(0, 2_000)
    const fields = {
      plugin: claimed.plugin,
      job: claimed.job,
      jobId: claimed.id,
      attempt: claimed.retryCount + 1,
      errorId,
    }
    await this.#persist(async () => {
      const what = await queue.fail(claimed, { errorId, code, message }, { final })
      outcome = what === 'gone' ? 'lost' : what
      if (what === 'gone') log.warn('job.lost', { ...fields, error })
      else if (what === 'again') log.warn('job.failed', { ...fields, error })
      else log.error('job.dead', { ...fields, place: stacks.locationOf(error)?.plugin, error })
    })
    return outcome
  }

  async #attempt(
    claimed: ClaimedJob,
    parts: {
      generation: Generation
      instance: PluginInstance
      job: Job
      controller: AbortController
    },
  ): Promise<void> {
    const { job, instance, controller } = parts
    const { clock, queue, holds, timings, measured } = this.#options
    let outcome: JobOutcome = 'done'
    const began = clock.elapsed()
    const { signal } = controller
    const run = this.#newRun(claimed, parts.generation, signal)
    const seconds = job.deadlineMs / 1_000
    const cancel = clock.after(job.deadlineMs, () =>
      controller.abort(new OpsError('OPS_DEADLINE', `The job didn't end within ${seconds} s`)),
    )
    try {
      const data = dataOf(claimed, job)
      await this.#admit(run, claimed, job)
      const context = new LiveJob(run, instance, claimed, keepProgress(queue, claimed, run.log))
      // typed where the plugin was written; the generation keeps jobs of all plugins in one map
      const handler = job.run as JobHandler
      await untilAborted(
        signal,
        timings.time(instance.name, claimed.job, () =>
          asPlugin(instance.name, async () => void (await handler(context, data))),
        ),
      )
      cancel()
      await this.#complete(run, claimed)
      holds.done(job, { plugin: claimed.plugin, job: claimed.job })
      for (const work of run.afterCommit) work()
      run.log.debug('job.done', { ms: Math.round(clock.elapsed() - began) })
    } catch (error) {
      outcome = await this.#failed(claimed, error, parts)
    } finally {
      cancel()
      measured.jobEnded(claimed.plugin, outcome, clock.elapsed() - began)
    }
  }

  async #failed(
    claimed: ClaimedJob,
    error: unknown,
    { controller: { signal }, job }: { controller: AbortController; job: Job },
  ): Promise<JobOutcome> {
    const { queue, holds, log } = this.#options
    const ended = signal.aborted ? codeOf(signal.reason) : undefined
    if (error instanceof PluginHeld) await untilAborted(signal, error.until).catch(() => undefined)
    const isInnocent = ended === 'OPS_SHUTDOWN' || ended === 'OPS_RELOADED'
    if (error instanceof PluginHeld || isInnocent) {
      log.info('job.given-back', { plugin: claimed.plugin, job: claimed.job, jobId: claimed.id })
      await this.#persist(() => queue.giveBack(claimed))
      return 'given-back'
    }
    if (error instanceof NotOurs || ended === 'OPS_JOB_LOST') {
      log.warn('job.lost', { plugin: claimed.plugin, job: claimed.job, jobId: claimed.id })
      return 'lost'
    }
    const code = codeOf(error)
    const final = code === 'OPS_JOB_DATA' || code === 'OPS_JOB_FORBIDDEN'
    // before it is put back: it may be due at once
    if (!final) holds.failed(job, { plugin: claimed.plugin, job: claimed.job }, claimed.id)
    return this.settle(claimed, { error, errorId: newErrorId(), final })
  }

  /** In one transaction with what the job changed, asked for and wrote to people. */
  async #complete(run: UpdateRun, claimed: ClaimedJob): Promise<void> {
    const { queue, outbox, sender } = this.#options
    const { jobs, notices, usedEm } = run
    // what a handler that was not awaited adds from here on is refused
    run.commit = 'committed'
    const writes = usedEm !== undefined && hasChanges(usedEm)
    if (!writes && jobs.length === 0 && notices.length === 0) {
      return this.#persist(() => this.#marks.add(claimed))
    }
    try {
      await this.#commits.use(() =>
        inTransaction(run.em, async () => {
          const sql = queriesIn(run.em)
          if ((await queue.complete([claimed], sql)) === 0) throw new NotOurs()
          const messages = await messagesOf(notices, sender, sql)
          if (messages.length > 0) await outbox.write(sql, messages)
          if (jobs.length > 0) await queue.put(jobs, sql)
        }),
      )
    } catch (error) {
      // the answer to COMMIT was lost: the row knows whether it happened
      if (!isCommitUnknown(error) || !(await this.#isCompleted(claimed))) throw error
    }
    if (notices.length > 0) outbox.wake()
    if (jobs.length > 0) queue.sent(jobs)
  }

  /** False too when the stop comes first. */
  async #isCompleted(claimed: ClaimedJob): Promise<boolean> {
    let isCompleted = false
    await this.#persist(async () => {
      isCompleted = await this.#options.queue.isCompleted(claimed)
    })
    return isCompleted
  }

  /** @throws OPS_JOB_FORBIDDEN when whoever asked for it may not have it done now */
  async #admit(run: UpdateRun, claimed: ClaimedJob, job: Job): Promise<void> {
    const { gate } = this.#options
    if (claimed.by !== undefined) {
      // as for what is open to everyone: it is no intrusion when somebody was let go meanwhile
      await gate.enter(run, 'asked')
      if (run.isUser) await gate.grant(run)
    }
    if (job.permission === undefined || run.can(job.permission)) return
    throw new OpsError(
      'OPS_JOB_FORBIDDEN',
      `The job ${claimed.job} of plugin ${claimed.plugin} needs the permission ${job.permission}, which whoever asked for it doesn't hold`,
      { details: { plugin: claimed.plugin, userId: claimed.by?.userId } },
    )
  }

  #newRun(claimed: ClaimedJob, generation: Generation, signal: AbortSignal): UpdateRun {
    const { gateway, sender, botInfo, defaults, log, clock } = this.#options
    const { plugin, job, id, by, retryCount } = claimed
    return new UpdateRun({
      // there is none: what asks for it gets the facts below
      update: { update_id: 0 } as Update,
      facts: {
        updateId: 0,
        kind: 'job',
        isEdited: false,
        isForwarded: false,
        lane: `job:${id}`,
        ...(by && { userId: by.userId }),
        ...(by?.chatId !== undefined && { chatId: by.chatId }),
        ...(by?.threadId !== undefined && { threadId: by.threadId }),
      },
      generation,
      telegram: gateway.with({ signal, lane: 'bulk' }),
      botInfo,
      sender,
      defaults,
      chat: undefined,
      clock,
      signal,
      calls: this.#options.calls,
      commitNow: refuseEarly,
      authEpoch: undefined,
      noDialog: false,
      acceptedAt: performance.now(),
      cancelled: undefined,
      log: log.child({
        plugin,
        job,
        jobId: id,
        attempt: retryCount + 1,
        generation: generation.id,
      }),
    })
  }

  /** Repeats what must be written until the database takes it, or until the stop. */
  async #persist(work: () => Promise<void>): Promise<void> {
    const backoff = new Backoff({ firstMs: 50, maxMs: 5_000 })
    for (;;) {
      try {
        return await work()
      } catch (error) {
        this.#options.log.warn('job.not-settled', { error })
        await sleep(backoff.next(), this.#stopping.signal).catch(() => undefined)
        // whoever runs the queue next finds it as lost
        if (this.#stopping.signal.aborted) return
      }
    }
  }
}

/** A job has no `ctx.commit`. */
async function refuseEarly(): Promise<never> {
  throw new OpsError('OPS_INTERNAL', 'A job was to be committed early')
}

/** @throws OPS_JOB_DATA */
function dataOf({ data, plugin, job: name }: ClaimedJob, job: Job): unknown {
  if (job.data === undefined) return {}
  const parsed = job.data.safeParse(data)
  if (parsed.success) return parsed.data
  throw new OpsError(
    'OPS_JOB_DATA',
    `The data in the queue for the job ${name} of plugin ${plugin} don't fit its schema: ${firstIssue(parsed.error)}`,
    { cause: parsed.error, details: { plugin } },
  )
}
