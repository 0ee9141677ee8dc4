import { type Clock, systemClock } from '../clock.ts'
import type { Database } from '../database/connection.ts'
import type { JobHolds } from '../job/holds.ts'
import { JobQueue } from '../job/queue.ts'
import type { Logger } from '../log/logger.ts'
import type { Generation } from '../plugin/generation/generation.ts'
import type { Reloader } from '../plugin/reload/reloader.ts'
import { JobHandling, type JobHandlingOptions } from '../update/jobs/handling.ts'
import { JobRunner } from '../update/jobs/runner.ts'
import { JobSchedule } from '../update/jobs/schedule.ts'
import type { Instances } from './instances.ts'

/** The queue of the process: nothing of it is opened before a plugin has a job. */
export function createQueue(parts: {
  database: Database
  instance: string
  migrations: 'auto' | 'manual'
  clock: Clock
  log: Logger
}): JobQueue {
  const { clock, ...options } = parts
  // the database's own clock is the same one for all instances
  const now = clock === systemClock ? undefined : () => clock.now()
  return new JobQueue({ ...options, now })
}

/** Jobs as the app sees them. */
export interface Jobs {
  /** Begins to take jobs. */
  start(): Promise<void>
  /** While the bot is paused none is begun. */
  hold(isPaused: boolean): void
  /** Resolves when none runs and none is to be taken. */
  idle(): Promise<void>
  readonly running: number
  /** Takes no more, and waits for those that run, until the signal is aborted; then they are given back. */
  drain(limit: AbortSignal): Promise<void>
  stop(): Promise<void>
}

/** Puts the parts together that take jobs of the live generation out of the queue and run them. */
export function createJobs(
  options: Omit<JobHandlingOptions, 'live' | 'holds'> & {
    holds: JobHolds
    reloader: Reloader
    instances: Instances | undefined
    timeZone: string
  },
): Jobs {
  const { reloader, instances, timeZone, queue, holds, database, clock, log } = options
  const { live } = reloader
  const handling = new JobHandling({ ...options, live })
  const alone = instances === undefined
  const runner = new JobRunner({ queue, live, handling, holds, clock, log, alone })
  const leads = () => instances?.leadership.leads !== false
  const schedule = new JobSchedule({ database, queue, live, leads, clock, timeZone, log })

  const look = (generation: Generation) => {
    if (![...generation.plugins.values()].some(({ jobs }) => jobs.size > 0)) return
    void runner.wake()
    void schedule.look()
  }
  return {
    async start() {
      await runner.start()
      reloader.events.on('committed', look)
      instances?.leadership.onChange(() => {
        schedule.forget()
        void schedule.look()
      })
      void schedule.look()
    },
    hold: (isPaused) => runner.hold(isPaused),
    async idle() {
      do {
        await schedule.idle()
        await runner.idle()
      } while (schedule.isLooking)
    },
    get running() {
      return runner.running
    },
    async drain(limit) {
      reloader.events.off('committed', look)
      await schedule.stop()
      runner.close()
      const { promise: late, resolve } = Promise.withResolvers<void>()
      limit.addEventListener('abort', () => resolve(), { once: true })
      if (!limit.aborted) await Promise.race([runner.idle(), late])
      runner.abort()
    },
    async stop() {
      runner.close()
      runner.abort()
      handling.stop()
      await schedule.stop()
      await runner.idle()
    },
  }
}
