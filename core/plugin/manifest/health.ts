/** What a health check found; nothing means that all is well, a throw that it is down. */
export interface HealthReport {
  status: 'up' | 'degraded' | 'down'
  /** One line for operators, also in `/readyz`: no names, no secrets. */
  detail?: string
}

/**
 * Looks at what the plugin depends on.
 *
 * @param plugin what `setup` returned
 * @param signal aborted after 5 s, and when the plugin is disposed
 */
export type HealthProbe<Result> = (
  plugin: Result,
  signal: AbortSignal,
  // biome-ignore lint/suspicious/noConfusingVoidType: TypeScript 5 takes an async function without a return for nothing else
) => HealthReport | undefined | void | Promise<HealthReport | undefined | void>

export interface HealthDefinition<Result> {
  /** While it is down `/readyz` answers 503; else a check that is down shows there as `degraded`. */
  critical?: boolean
  run: HealthProbe<Result>
}

/** A health check as the core runs it; made by the kit's `check`. */
export interface HealthCheck {
  readonly kind: 'check'
  readonly critical: boolean
  readonly run: (plugin: never, signal: AbortSignal) => unknown
}

export interface HealthKit<Result> {
  /** Runs when the plugin goes live and every 30 s, for at most 5 s. */
  check(definition: HealthProbe<Result> | HealthDefinition<Result>): HealthCheck
}
