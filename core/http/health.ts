import { randomUUID } from 'node:crypto'
import { codeOf } from '../errors.ts'
import type { Logger } from '../log/logger.ts'

/** `degraded` works with less; `down` takes the process out of a load balancer. */
export type HealthStatus = 'up' | 'degraded' | 'down'

export interface HealthResult {
  readonly status: HealthStatus
  /** One short line for operators. Everybody who reaches the port can read it: no names, no secrets. */
  readonly detail?: string
  /** How long the look took that found it, if that was earlier, ms. */
  readonly latencyMs?: number
}

/** Looks at one part. What it throws counts as down, no answer within two seconds too. */
export type HealthCheck = () => HealthResult | Promise<HealthResult>

/** Where the process stands in its life. */
export type Phase = 'starting' | 'ready' | 'stopping'

/** The answer of `/readyz`. */
export interface Readiness {
  readonly status: 'ready' | 'not-ready'
  readonly checks: Readonly<Record<string, HealthResult & { readonly latencyMs: number }>>
}

/** How a part is, and since when. */
export interface HealthState {
  readonly check: string
  readonly status: HealthStatus
  readonly detail?: string
  readonly latencyMs: number
  /** When it was first found so; a fresh process knows of nothing earlier than itself. */
  readonly since: Date
}

/** The answer of `/healthz`. */
export interface Liveness {
  readonly status: 'ok'
  readonly version: string
  readonly uptimeS: number
  /** Another one for each process, so that instances behind one address can be told apart. */
  readonly instance: string
}

const checkMs = 2_000
const cacheMs = 1_000

/** The parts that say how they are, and what the process as a whole answers. */
export class HealthChecks {
  readonly instance = randomUUID()
  readonly startedAt = new Date()
  phase: Phase = 'starting'
  readonly #version: string
  readonly #log: Logger
  readonly #started = performance.now()
  readonly #parts = new Map<string, Part>()

  constructor(options: { version: string; log: Logger }) {
    this.#version = options.version
    this.#log = options.log
  }

  /**
   * Adds a part, in place of one of the same name. Returns what removes it again; that does nothing once
   * another has taken the name.
   */
  register(name: string, check: HealthCheck): () => void {
    const part = new Part(name, check, this.#log)
    this.#parts.set(name, part)
    return () => {
      if (this.#parts.get(name) === part) this.#parts.delete(name)
    }
  }

  liveness(): Liveness {
    return {
      status: 'ok',
      version: this.#version,
      uptimeS: Math.floor((performance.now() - this.#started) / 1000),
      instance: this.instance,
    }
  }

  /** Asks every part, however young its last answer is. */
  async look(): Promise<readonly HealthState[]> {
    return Promise.all(
      [...this.#parts].map(async ([check, part]) => {
        const { status, detail, latencyMs } = await part.look({ fresh: true })
        const known = detail === undefined ? {} : { detail }
        return { check, status, ...known, latencyMs, since: part.since }
      }),
    )
  }

  /** Asks every part; answers younger than a second are used again. */
  async readiness(): Promise<Readiness> {
    const checks = Object.fromEntries(
      await Promise.all(
        [...this.#parts].map(async ([name, part]) => [name, await part.look()] as const),
      ),
    )
    const down = Object.values(checks).some(({ status }) => status === 'down')
    return { status: this.phase === 'ready' && !down ? 'ready' : 'not-ready', checks }
  }
}

type Answer = HealthResult & { readonly latencyMs: number }

class Part {
  readonly #name: string
  readonly #check: HealthCheck
  readonly #log: Logger
  #last: { readonly at: number; readonly answer: Answer } | undefined
  #looking: Promise<Answer> | undefined
  /** When it was first found as it is. */
  since = new Date()
  /** A check that hangs is not started again and again beside itself. */
  #hanging = false

  constructor(name: string, check: HealthCheck, log: Logger) {
    this.#name = name
    this.#check = check
    this.#log = log
  }

  async look({ fresh = false } = {}): Promise<Answer> {
    const isYoung = this.#last !== undefined && performance.now() - this.#last.at < cacheMs
    if (this.#last !== undefined && isYoung && !fresh) return this.#last.answer
    this.#looking ??= this.#ask().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #ask(): Promise<Answer> {
    const started = performance.now()
    const result = this.#hanging ? noAnswer : await this.#timeBoxed()
    const latencyMs = Math.round((performance.now() - started) * 10) / 10
    const answer: Answer = { latencyMs, ...result }
    if (answer.status !== (this.#last?.answer.status ?? 'up')) {
      this.since = new Date()
      const { status, detail } = answer
      this.#log.warn('health.changed', { check: this.#name, status, detail })
    }
    this.#last = { at: performance.now(), answer }
    return answer
  }

  async #timeBoxed(): Promise<HealthResult> {
    this.#hanging = true
    const result = Promise.resolve()
      .then(this.#check)
      .catch((error: unknown): HealthResult => {
        this.#log.debug('health.check-failed', { check: this.#name, error })
        return { status: 'down', detail: codeOf(error) ?? 'failed' }
      })
      .finally(() => {
        this.#hanging = false
      })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<HealthResult>((resolve) => {
      timer = setTimeout(() => resolve(noAnswer), checkMs)
    })
    try {
      return await Promise.race([result, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

const noAnswer: HealthResult = { status: 'down', detail: `no answer within ${checkMs} ms` }
