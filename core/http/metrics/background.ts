import type { Metrics } from './metrics.ts'

/** How an attempt of a job ended; `again`: it failed, and is run once more. */
export type JobOutcome = 'done' | 'again' | 'dead' | 'given-back' | 'lost'

/** What is counted of work that nobody waits for in a chat: jobs, hooks, calls to other services, caches. */
export class BackgroundMetrics {
  readonly #jobs: (values: Record<'plugin' | 'outcome', string>, ms: number) => void
  readonly #hooks: (values: Record<'plugin' | 'hook' | 'outcome', string>, ms: number) => void
  readonly #calls: (values: Record<'service' | 'outcome', string>, ms: number) => void
  readonly #caches: (values: Record<'plugin' | 'result', string>) => void

  constructor(metrics: Pick<Metrics, 'durations' | 'counts'>) {
    this.#jobs = metrics.durations(
      'opsgram_job_seconds',
      'Attempts of jobs with their commit, by plugin and outcome (again: failed, to be repeated)',
      ['plugin', 'outcome'],
    )
    this.#hooks = metrics.durations(
      'opsgram_hook_seconds',
      'Requests to hooks until they were answered, by plugin, hook and outcome (none: there is no such hook)',
      ['plugin', 'hook', 'outcome'],
    )
    this.#calls = metrics.durations(
      'opsgram_api_call_seconds',
      'Attempts of calls to other services, by service and outcome: class of the status, or what went wrong',
      ['service', 'outcome'],
    )
    this.#caches = metrics.counts(
      'opsgram_cache_total',
      'Values that plugins asked their caches for, by plugin and result (hit, miss)',
      ['plugin', 'result'],
    )
  }

  jobEnded(plugin: string, outcome: JobOutcome, ms: number): void {
    this.#jobs({ plugin, outcome }, ms)
  }

  /** @param outcome `taken`, `known`, or why it was refused */
  hookAnswered(plugin: string, hook: string, outcome: string, ms: number): void {
    this.#hooks({ plugin, hook, outcome }, ms)
  }

  apiCalled(service: string, outcome: string, ms: number): void {
    this.#calls({ service, outcome }, ms)
  }

  cacheAsked(plugin: string, isHit: boolean): void {
    this.#caches({ plugin, result: isHit ? 'hit' : 'miss' })
  }
}
