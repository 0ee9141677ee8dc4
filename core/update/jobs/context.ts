import type { JobQueue } from '../../job/queue.ts'
import type { ClaimedJob } from '../../job/request.ts'
import type { Logger } from '../../log/logger.ts'
import type { ActiveUser } from '../../plugin/access.ts'
import type { PluginInstance } from '../../plugin/generation/instance.ts'
import type { JobContext } from '../../plugin/manifest/job.ts'
import type { PluginTypes } from '../../plugin/manifest/view.ts'
import type { UpdateRun } from '../../plugin/run/run.ts'
import { LiveWork } from '../live-work.ts'

/** What a running job sees. */
export class LiveJob extends LiveWork {
  readonly job: JobContext<PluginTypes>['job']
  readonly #progress: (share: number, text: string | undefined) => void

  constructor(
    run: UpdateRun,
    instance: PluginInstance,
    { id, job: name, retryCount, createdAt, dueAt, by }: ClaimedJob,
    progress: (share: number, text: string | undefined) => void,
  ) {
    super(run, instance, by)
    this.#progress = progress
    this.job = {
      id,
      name,
      attempt: retryCount + 1,
      createdAt,
      ...(dueAt !== undefined && { dueAt: new Date(dueAt) }),
    }
  }

  get actor(): ActiveUser | undefined {
    return this.run.actor.kind === 'user' ? this.run.actor : undefined
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
