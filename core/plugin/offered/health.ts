import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { codeOf, messageOf, OpsError } from '../../errors.ts'
import type { HealthStatus } from '../../http/health.ts'
import type { Logger } from '../../log/logger.ts'
import type { HealthCheck } from '../manifest/health.ts'

/** What a check last found. */
export interface CheckState {
  readonly status: HealthStatus
  /** Why it is down: the error's own code, else OPS_HEALTH_…. */
  readonly code?: string
  /** In its own words; secrets are taken out. */
  readonly detail?: string
  readonly at: Date
  /** How long the check took. */
  readonly ms: number
}

/** A check of a live plugin, for `/plugins` and `/readyz`. */
export interface PluginHealth {
  readonly check: string
  /** While it is down the process is not ready. */
  readonly critical: boolean
  /** Undefined until it has run. */
  readonly state: CheckState | undefined
}

/** What a check needs of the version that it belongs to. */
export interface Host {
  readonly plugin: string
  readonly log: Logger
  readonly clock: Clock
  readonly signal: AbortSignal
  timeout(ms: number, run: () => unknown): void
  interval(ms: number, run: () => unknown): void
}

/** From the end of one run to the next. */
const everyMs = 30_000
/** A check that takes longer is down. */
const limitMs = 5_000
/** Details are one line for operators. */
const longestDetail = 200

const reportSchema = z
  .object({ status: z.enum(['up', 'degraded', 'down']), detail: z.string().optional() })
  .optional()

/** One health check of one version of a plugin: runs at its commit and every 30 s until it is disposed. */
export class PluginCheck implements PluginHealth {
  readonly check: string
  readonly critical: boolean
  readonly #run: () => unknown
  readonly #host: Host
  readonly #first = Promise.withResolvers<void>()
  #state: CheckState | undefined
  /** One that hangs is not started again and again beside itself. */
  #hangs = false
  #ending = new AbortController()

  /**
   * @param result what the plugin's `setup` returned
   * @param before what the version before last found: it holds until this one has looked itself
   */
  constructor(
    name: string,
    { critical, run }: HealthCheck,
    result: unknown,
    host: Host,
    before: CheckState | undefined,
  ) {
    this.check = name
    this.critical = critical
    // the manifest typed it against its setup's result; the check only forgot that type
    this.#run = () =>
      (run as (plugin: unknown, signal: AbortSignal) => unknown)(result, this.#signal())
    this.#host = host
    this.#state = before
    if (before !== undefined) this.#first.resolve()
    host.timeout(0, () => this.#look())
    host.interval(everyMs, () => this.#look())
  }

  get state(): CheckState | undefined {
    return this.#state
  }

  /** Resolves when it has run once. */
  get looked(): Promise<void> {
    return this.#first.promise
  }

  #signal(): AbortSignal {
    return AbortSignal.any([this.#ending.signal, this.#host.signal])
  }

  async #look(): Promise<void> {
    const began = this.#host.clock.elapsed()
    const [found, error] = await this.#ask()
    if (this.#host.signal.aborted) return
    const ms = Math.round(this.#host.clock.elapsed() - began)
    this.#note({ ...found, at: new Date(this.#host.clock.now()), ms }, error)
    this.#first.resolve()
  }

  async #ask(): Promise<[found: Pick<CheckState, 'status' | 'code' | 'detail'>, error?: unknown]> {
    try {
      const report = await this.#inTime()
      const { status, detail } = report ?? { status: 'up' as const }
      return [{ status, ...(detail === undefined ? {} : { detail: this.#told(detail) }) }]
    } catch (error) {
      const detail = this.#told(messageOf(error))
      return [{ status: 'down', code: publicCode(error), detail }, error]
    }
  }

  /** @throws what the check threw; OPS_HEALTH_TIMEOUT, OPS_HEALTH_REPORT */
  async #inTime(): Promise<z.output<typeof reportSchema>> {
    const { clock, signal, plugin } = this.#host
    const late = () => {
      const text = `The health check ${this.check} of plugin ${plugin} didn't end within ${limitMs / 1_000} s`
      return new OpsError('OPS_HEALTH_TIMEOUT', text)
    }
    if (this.#hangs) throw late()
    this.#hangs = true
    this.#ending = new AbortController()
    const work = Promise.resolve()
      .then(this.#run)
      .finally(() => {
        this.#hangs = false
      })
    const { promise: cut, reject } = Promise.withResolvers<never>()
    const cancel = clock.after(limitMs, () => {
      const error = late()
      this.#ending.abort(error)
      reject(error)
    })
    const onDisposal = () => reject(signal.reason)
    signal.addEventListener('abort', onDisposal, { once: true })
    try {
      const report = reportSchema.safeParse(await Promise.race([work, cut]))
      if (report.success) return report.data
      throw new OpsError(
        'OPS_HEALTH_REPORT',
        `The health check ${this.check} of plugin ${plugin} returned what is no report`,
      )
    } finally {
      cancel()
      signal.removeEventListener('abort', onDisposal)
      // one that lost the race may still fail: that is nobody's any more
      work.catch(() => undefined)
    }
  }

  #told(text: string): string {
    return this.#host.log.redact(text).replaceAll(/\s+/g, ' ').slice(0, longestDetail)
  }

  #note(state: CheckState, error: unknown): void {
    const before = this.#state
    this.#state = state
    const { status, code, detail } = state
    if (status === (before?.status ?? 'up') && code === before?.code) return
    const { plugin, log } = this.#host
    const level = status === 'up' ? 'info' : 'warn'
    log[level]('plugin.health.changed', { plugin, check: this.check, status, code, detail, error })
  }
}

/** Codes such as ECONNREFUSED say what is wrong and hold nothing else; `code` may be anything, though. */
function publicCode(error: unknown): string {
  const code = codeOf(error)
  return code !== undefined && /^[A-Z][A-Z0-9_]{1,40}$/.test(code) ? code : 'OPS_HEALTH_FAILED'
}
