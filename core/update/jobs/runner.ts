import type { Clock } from '../../clock.ts'
import { OpsError } from '../../errors.ts'
import type { JobHolds } from '../../job/holds.ts'
import type { JobQueue, JobRoom } from '../../job/queue.ts'
import { type ClaimedJob, groupOf } from '../../job/request.ts'
import type { Logger } from '../../log/logger.ts'
import type { Generation } from '../../plugin/generation/generation.ts'
import type { Live } from '../../plugin/generation/live.ts'
import { newErrorId } from '../error-id.ts'
import type { JobHandling } from './handling.ts'

export interface RunnerOptions {
  queue: JobQueue
  live: Live
  handling: Pick<JobHandling, 'handle' | 'settle'>
  holds: JobHolds
  clock: Clock
  log: Logger
  /** Others may put jobs into the same queue, and leave theirs behind. */
  alone: boolean
}

interface Running {
  readonly claimed: ClaimedJob
  readonly controller: AbortController
}

/** At once, of all jobs, in this process. */
const mostRunning = 64
/** How often it is looked for what processes that ended left behind, ms of the machine. */
const beatMs = 2_000
/** What another instance put into the queue and has no room for is found at every second beat. */
const beatsBetweenLooks = 2
/** How often it is looked for what was done or died long ago, ms. */
const pruneMs = 3_600_000
/** For the first time: a bot that never runs for hours has to clean too, ms. */
const firstPruneMs = 60_000
/** A clock that was set, or a machine that slept, is noticed by then, ms. */
const longestSleepMs = 60_000

/**
 * Takes jobs of live plugins out of the queue and has them run, as many at once as they allow. What waits for a
 * plugin that isn't live is not taken. Asleep until something is put into the queue here, or until the next one
 * is due; where others share the queue it looks every few seconds too.
 */
export class JobRunner {
  readonly #options: RunnerOptions
  readonly #running = new Map<string, Running>()
  readonly #idle: (() => void)[] = []
  #pumping: Promise<void> | undefined
  /** How often jobs were asked for. */
  #claims = 0
  #again = false
  #tight: ReadonlySet<string> = new Set()
  #closed = true
  #held = false
  #beat: NodeJS.Timeout | undefined
  #beats = 0
  #cancelDue: (() => void) | undefined
  #cancelPrune: (() => void) | undefined
  /** Ends cleaning between two batches. */
  #closing = new AbortController()
  /** Whether the timer is set to the next job that waits for its time. */
  #dueKnown = false

  constructor(options: RunnerOptions) {
    this.#options = options
  }

  /** Begins to take jobs. Alone, whatever is marked as running was left behind by the process before. */
  async start(): Promise<void> {
    const { queue, alone } = this.#options
    this.#closed = false
    this.#closing = new AbortController()
    this.#pruneIn(firstPruneMs)
    queue.onSent((deferred) => {
      this.#dueKnown &&= !deferred
      void this.wake()
    })
    if (!alone) {
      this.#beat = setInterval(() => void this.#onBeat(), beatMs)
      this.#beat.unref()
    } else if (await queue.exists()) await this.#sweep()
    this.#options.holds.onChange(() => this.#lookAnew())
    void this.wake()
  }

  /** Looks for jobs that may run. Resolves when none is left to be taken. */
  wake(): Promise<void> {
    this.#again = true
    this.#pumping ??= this.#pump()
    return this.#pumping
  }

  get running(): number {
    return this.#running.size
  }

  /** Resolves when no job runs and none is to be taken. */
  async idle(): Promise<void> {
    if (this.#pumping === undefined && this.#running.size === 0) return
    await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /** Takes no jobs while the bot is paused; those that run go on. */
  hold(isPaused: boolean): void {
    this.#held = isPaused
    if (!isPaused) void this.wake()
  }

  /** Takes no more jobs. */
  close(): void {
    this.#closed = true
    this.#closing.abort()
    clearInterval(this.#beat)
    this.#options.holds.stop()
    this.#cancelDue?.()
    this.#cancelPrune?.()
  }

  /** Ends all running jobs' signals: they are given back. */
  abort(): void {
    const reason = new OpsError('OPS_SHUTDOWN', 'The bot is stopping')
    for (const { controller } of this.#running.values()) controller.abort(reason)
  }

  async #pump(): Promise<void> {
    // by then the promise of this is in its place
    await null
    try {
      while (this.#again && !this.#closed && !this.#held) {
        this.#again = false
        await this.#take()
      }
    } finally {
      // in one go with the last look at whether to look again
      this.#pumping = undefined
      this.#tellIdle()
    }
  }

  async #take(): Promise<void> {
    const { queue, live, holds, log } = this.#options
    const rooms = roomsOf(live.current, holds)
    const free = mostRunning - this.#running.size
    if (rooms.length === 0 || free <= 0) return
    try {
      this.#claims++
      const claimed = await queue.claim(rooms, free)
      // the stop, or a pause, came meanwhile
      if (this.#closed || this.#held) return await this.#giveBack(claimed)
      for (const job of claimed) void this.#run(job)
      this.#noteTight(rooms)
      if (claimed.length === free) this.#again = true
      else if (!this.#dueKnown) {
        this.#dueKnown = true
        this.#sleep(await queue.nextDue(rooms))
      }
    } catch (error) {
      log.warn('job.queue-failed', { error })
      this.#dueKnown = false
      this.#sleep(1_000)
    }
  }

  /** Of these kinds more may wait than there was room for: whenever one of them ends it is looked again. */
  #noteTight(rooms: readonly JobRoom[]): void {
    const counts = new Map<string, number>()
    for (const { claimed } of this.#running.values()) {
      const group = groupOf(claimed)
      counts.set(group, (counts.get(group) ?? 0) + 1)
    }
    const tight = rooms.filter((room) => (counts.get(groupOf(room)) ?? 0) >= room.most)
    this.#tight = new Set(tight.map(groupOf))
  }

  #sleep(ms: number | undefined): void {
    this.#cancelDue?.()
    this.#cancelDue =
      ms === undefined || this.#closed
        ? undefined
        : this.#options.clock.after(Math.min(ms, longestSleepMs), () => this.#lookAnew())
  }

  async #run(claimed: ClaimedJob): Promise<void> {
    const running = { claimed, controller: new AbortController() }
    this.#running.set(claimed.id, running)
    try {
      await this.#options.handling.handle(claimed, running.controller)
    } catch (error) {
      // a fault of the core itself
      this.#options.log.error('job.failed', { jobId: claimed.id, error })
    } finally {
      this.#running.delete(claimed.id)
      const isFull = this.#running.size + 1 >= mostRunning
      if (isFull || this.#tight.has(groupOf(claimed))) void this.wake()
      this.#tellIdle()
    }
  }

  #tellIdle(): void {
    if (this.#pumping !== undefined || this.#running.size > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  #pruneIn(ms: number): void {
    const { queue, clock, log } = this.#options
    const { signal } = this.#closing
    this.#cancelPrune = clock.after(ms, async () => {
      try {
        if (await queue.exists()) await queue.prune(signal)
      } catch (error) {
        log.warn('job.not-cleaned', { error })
      }
      if (!signal.aborted) this.#pruneIn(pruneMs)
    })
  }

  async #onBeat(): Promise<void> {
    const { queue, log, live, holds } = this.#options
    if (roomsOf(live.current, holds).length === 0 && this.#running.size === 0) return
    try {
      await queue.open()
      await this.#endLost()
      await this.#sweep()
      await this.#giveBackUnheard()
    } catch (error) {
      log.warn('job.queue-failed', { error })
    }
    if (this.#beats++ % beatsBetweenLooks === 0) void this.#lookAnew()
  }

  /** Also for when the next one is due: of other kinds than before. */
  #lookAnew(): Promise<void> {
    this.#dueKnown = false
    return this.wake()
  }

  async #endLost(): Promise<void> {
    const running = [...this.#running.values()]
    if (running.length === 0) return
    const kept = new Set(await this.#options.queue.still(running.map(({ claimed }) => claimed)))
    for (const { claimed, controller } of running) {
      if (kept.has(claimed.id) || !this.#running.has(claimed.id)) continue
      // it was taken for dead, or settled this very moment: either way it completes nothing any more
      controller.abort(
        new OpsError('OPS_JOB_LOST', `Job ${claimed.id} is no longer this process's`),
      )
    }
  }

  /** What was taken and never begun, because the answer to the claim was lost. */
  async #giveBackUnheard(): Promise<void> {
    const claims = this.#claims
    if (this.#pumping !== undefined) return
    const unheard = await this.#options.queue.unheard([...this.#running.keys()])
    // what was taken meanwhile may be among them
    if (claims !== this.#claims) return
    await this.#giveBack(unheard.filter(({ id }) => !this.#running.has(id)))
  }

  async #giveBack(jobs: readonly ClaimedJob[]): Promise<void> {
    for (const job of jobs) await this.#options.queue.giveBack(job)
  }

  /** Attempts of processes that ended count as failed. */
  async #sweep(): Promise<void> {
    const { queue, handling } = this.#options
    for (const claimed of await queue.lost()) {
      if (this.#running.has(claimed.id)) continue
      const error = new OpsError('OPS_JOB_LOST', 'The process that ran it ended')
      await handling.settle(claimed, { error, errorId: newErrorId() })
    }
  }
}

/** What may be taken for a generation: jobs of its plugins, but of those that are quarantined, and of kinds that are held. */
function roomsOf({ plugins, quarantined }: Generation, holds: JobHolds): readonly JobRoom[] {
  const rooms: JobRoom[] = []
  for (const [plugin, { jobs }] of plugins) {
    if (quarantined.has(plugin)) continue
    for (const [job, definition] of jobs) {
      const most = holds.room(definition, definition.concurrency)
      if (most > 0) rooms.push({ plugin, job, most })
    }
  }
  return rooms
}
