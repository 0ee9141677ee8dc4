import type { Clock } from '../../clock.ts'
import type { Database } from '../../database/connection.ts'
import { Recurrence } from '../../job/cron.ts'
import type { JobQueue } from '../../job/queue.ts'
import { type ClaimedJob, groupOf } from '../../job/request.ts'
import type { Logger } from '../../log/logger.ts'
import type { PluginInstance } from '../../plugin/generation/instance.ts'
import type { Live } from '../../plugin/generation/live.ts'
import type { Job } from '../../plugin/manifest/job.ts'
import { jobRequest } from '../../plugin/run/enqueue.ts'

export interface ScheduleOptions {
  database: Database
  queue: JobQueue
  live: Live
  /** Whether this process is the one that looks at the clock. */
  leads: () => boolean
  clock: Clock
  /** Of jobs that name none. */
  timeZone: string
  log: Logger
}

interface Timed {
  readonly instance: PluginInstance
  readonly job: Job
  readonly name: string
  readonly recurrence: Recurrence
  /** Expression and zone; with another one it begins anew. */
  readonly text: string
}

/** A clock that was set, or a machine that slept, is noticed by then, ms. */
const longestSleepMs = 60_000
/** A time that is past for longer was missed. */
const missedAfterMs = 60_000
/** What was dealt with may lie so far ahead: the clock of who led before went faster, or this one was put right. */
const skewMs = 60_000

/**
 * Puts jobs into the queue at the times that their cron expressions name. Which time was the last is in the database:
 * each is put there once, by whichever instance leads, and what was missed is known after any pause.
 */
export class JobSchedule {
  readonly #options: ScheduleOptions
  /** By group, the last time that was dealt with, as far as this process knows. */
  #last = new Map<string, { text: string; at: Date }>()
  readonly #recurrences = new WeakMap<Job, Recurrence>()
  #looking: Promise<void> | undefined
  #again = false
  #cancel: (() => void) | undefined
  #stopped = false

  constructor(options: ScheduleOptions) {
    this.#options = options
  }

  /** Looks at the clock, and again when the next time comes. */
  look(): Promise<void> {
    this.#again = true
    this.#looking ??= this.#loop()
    return this.#looking
  }

  get isLooking(): boolean {
    return this.#looking !== undefined
  }

  /** Resolves when what is due is in the queue. */
  async idle(): Promise<void> {
    while (this.#looking !== undefined) await this.#looking
  }

  /** Somebody else may have gone on with it meanwhile. */
  forget(): void {
    this.#last = new Map()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#looking
  }

  async #loop(): Promise<void> {
    // by then the promise of this is in its place
    await null
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false
        await this.#lookOnce()
      }
    } finally {
      // in one go with the last look at whether to look again
      this.#looking = undefined
    }
  }

  async #lookOnce(): Promise<void> {
    this.#cancel?.()
    const { leads, log, clock } = this.#options
    const timed = leads() ? this.#timed() : []
    if (timed.length === 0) return
    const now = new Date(clock.now())
    try {
      for (const each of timed) await this.#lookAt(each, now)
    } catch (error) {
      log.warn('job.schedule-failed', { error })
    }
    // after the time that was looked at: what became due meanwhile is next
    const next = Math.min(...timed.map(({ recurrence }) => recurrence.next(now).getTime()))
    const ms = Math.min(next - clock.now(), longestSleepMs)
    if (ms <= 0) this.#again = true
    else if (!this.#stopped) this.#cancel = clock.after(ms, () => this.look())
  }

  #timed(): readonly Timed[] {
    const { live, timeZone } = this.#options
    const { plugins, quarantined } = live.current
    const timed: Timed[] = []
    for (const [plugin, instance] of plugins) {
      if (quarantined.has(plugin)) continue
      for (const [name, job] of instance.jobs) {
        if (job.cron === undefined) continue
        const zone = job.timeZone ?? timeZone
        const recurrence = this.#recurrences.get(job) ?? new Recurrence(job.cron, zone)
        this.#recurrences.set(job, recurrence)
        timed.push({ instance, name, job, recurrence, text: `${job.cron} ${zone}` })
      }
    }
    return timed
  }

  async #lookAt(timed: Timed, now: Date): Promise<void> {
    const { log, queue, database } = this.#options
    const { instance, name, job, recurrence, text } = timed
    const group = groupOf({ plugin: instance.name, job: name })
    let last = this.#last.get(group)
    if (last === undefined || last.text !== text) {
      last = { text, at: await this.#begin(timed, now) }
      this.#last.set(group, last)
    }
    if (last.at.getTime() - now.getTime() > skewMs && recurrence.next(now) < last.at) {
      last = { text, at: await this.#beginAnew(timed, last.at, now) }
      this.#last.set(group, last)
    }
    const due = recurrence.last(now)
    if (due <= last.at) return
    const isMissed = now.getTime() - due.getTime() > missedAfterMs
    const skips = isMissed && job.missed === 'skip'
    const fields = { plugin: instance.name, job: name, due: due.toISOString() }
    if (isMissed) log.info('job.missed', { ...fields, run: !skips })
    const request = {
      ...jobRequest({ plugin: instance, job: name, data: {}, options: {}, now: now.getTime() }),
      dueAt: due.toISOString(),
    } satisfies Partial<ClaimedJob>
    await queue.open()
    const isOurs = await database.transaction(async (transaction) => {
      const taken = await transaction.query(
        `update job_schedules set due_at = $3 where plugin = $1 and job = $2 and due_at < $3 returning 1`,
        [instance.name, name, due.toISOString()],
      )
      if (taken.length === 0 || skips) return false
      // one that still waits does for both: a slow job must not pile up
      if (await queue.waits(group, transaction)) return false
      await queue.put([request], transaction, group)
      return true
    })
    this.#last.set(group, { text, at: due })
    if (isOurs) queue.sent([request])
  }

  /**
   * The clock was set back: times that were dealt with ahead of it come once more, and must not be waited for until it
   * has caught up, which may be years.
   */
  async #beginAnew({ instance, name }: Timed, ahead: Date, now: Date): Promise<Date> {
    const [plugin, job] = [instance.name, name]
    const taken = await this.#options.database.query(
      `update job_schedules set due_at = $3 where plugin = $1 and job = $2 and due_at = $4 returning 1`,
      [plugin, job, now.toISOString(), ahead.toISOString()],
    )
    if (taken.length > 0) {
      this.#options.log.warn('job.clock-set-back', { plugin, job, ahead: ahead.toISOString() })
    }
    return now
  }

  /** @returns the last time that was dealt with; of a new expression: now, so that nothing was missed */
  async #begin({ instance, name, text }: Timed, now: Date): Promise<Date> {
    const [row] = await this.#options.database.query<{ due_at: string }>(
      `insert into job_schedules as known (plugin, job, expression, due_at) values ($1, $2, $3, $4)
       on conflict (plugin, job) do update set expression = excluded.expression,
         due_at = case when known.expression = excluded.expression then known.due_at else excluded.due_at end
       returning due_at`,
      [instance.name, name, text, now.toISOString()],
    )
    return row === undefined ? now : new Date(row.due_at)
  }
}
