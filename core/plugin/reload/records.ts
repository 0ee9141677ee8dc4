import { codeOf, messageOf, OpsError } from '../../errors.ts'
import type { Redactor } from '../../log/redact.ts'
import type { PluginState, PluginStatus, ReloadOutcome } from '../catalog/plugins.ts'
import type { Quarantine } from '../generation/generation.ts'
import type { LoadedPlugin } from '../generation/loaded.ts'

interface PluginRecord {
  state: PluginState
  since: Date
  lastReload?: ReloadOutcome
  /** Plugins or services that it waits for. */
  waitingFor?: readonly string[]
  quarantine?: Quarantine
  /** Hash of the folder as the last attempt saw it, so that an unchanged save is no reload. */
  attempted?: string
}

/** What is known of every plugin folder, live or not: its state and its last reload. */
export class PluginRecords {
  readonly #records = new Map<string, PluginRecord>()
  readonly #redact: Redactor

  /** @param redact for texts of errors: a failed set-up may tell what it was configured with */
  constructor(redact: Redactor) {
    this.#redact = redact
  }

  committed(name: string, hash: string | undefined, ms: number): void {
    this.#update(name, 'active', hash, { ok: true, at: new Date(), ms })
  }

  /** @param live whether an older version goes on serving */
  aborted(name: string, hash: string | undefined, live: boolean, ms: number, error: unknown): void {
    this.#update(name, live ? 'active' : 'failed', hash, {
      ok: false,
      at: new Date(),
      ms,
      ...describeFailure(error, this.#redact),
    })
  }

  /** @param missing what it waits for */
  waiting(name: string, hash: string | undefined, missing: readonly string[], ms: number): void {
    const before = this.#records.get(name)
    // one that was only just read has nothing wrong with it
    const outcome = hash === undefined ? before?.lastReload : { ok: true, at: new Date(), ms }
    this.#update(name, 'waiting', hash ?? before?.attempted, outcome, missing)
  }

  /** What lies in the folder failed, and the build before serves. */
  servesLastGood(name: string): void {
    this.returned(name)
  }

  /** What it waited for is there, so it serves as before. */
  returned(name: string): void {
    const before = this.#records.get(name)
    this.#update(name, 'active', before?.attempted, before?.lastReload)
  }

  quarantined(name: string, reason: Quarantine): void {
    const before = this.#records.get(name)
    this.#update(name, 'quarantined', before?.attempted, before?.lastReload, undefined, reason)
  }

  disabled(name: string): void {
    this.#update(name, 'disabled', undefined, undefined)
  }

  removed(name: string): void {
    this.#records.delete(name)
  }

  attemptedHash(name: string): string | undefined {
    return this.#records.get(name)?.attempted
  }

  lastReload(name: string): ReloadOutcome | undefined {
    return this.#records.get(name)?.lastReload
  }

  /** Names of the plugins that have no serving version, for want of a mend elsewhere. */
  failed(): string[] {
    return [...this.#records].filter(([, { state }]) => state === 'failed').map(([name]) => name)
  }

  has(name: string): boolean {
    return this.#records.has(name)
  }

  list(
    live: ReadonlyMap<string, LoadedPlugin>,
    drainingOf: (name: string) => number,
  ): readonly PluginStatus[] {
    return [...this.#records]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { state, since, lastReload, waitingFor, quarantine }]) => {
        const loaded = live.get(name)
        return {
          name,
          state,
          since,
          draining: drainingOf(name),
          ...(loaded === undefined
            ? {}
            : {
                version: loaded.version,
                description: loaded.description,
                generation: loaded.since,
                ...(loaded.checks.length === 0 ? {} : { health: loaded.checks }),
              }),
          ...(lastReload === undefined ? {} : { lastReload }),
          ...(waitingFor === undefined ? {} : { waitingFor }),
          ...(quarantine === undefined ? {} : { quarantine }),
        }
      })
  }

  #update(
    name: string,
    state: PluginState,
    attempted: string | undefined,
    lastReload: ReloadOutcome | undefined,
    waitingFor?: readonly string[],
    quarantine?: Quarantine,
  ): void {
    const before = this.#records.get(name)
    this.#records.set(name, {
      state,
      since: before?.state === state ? before.since : new Date(),
      ...(lastReload === undefined ? {} : { lastReload }),
      ...(attempted === undefined ? {} : { attempted }),
      ...(waitingFor === undefined ? {} : { waitingFor }),
      ...(quarantine === undefined ? {} : { quarantine }),
    })
  }
}

/** Code, text and place of what made a reload fail, to be kept and shown. */
export function describeFailure(
  error: unknown,
  redact: Redactor,
): {
  code: string
  message: string
  hint?: string
  file?: string
  line?: number
  frame?: string
} {
  const details: Readonly<Record<string, unknown>> = error instanceof OpsError ? error.details : {}
  const { file, line, frame } = details
  return {
    code: error instanceof OpsError ? error.code : (codeOf(error) ?? 'OPS_PLUGIN_LOAD'),
    message: redact(messageOf(error)),
    ...(error instanceof OpsError ? { hint: error.hint } : {}),
    ...(typeof file === 'string' ? { file } : {}),
    ...(typeof line === 'number' ? { line } : {}),
    ...(typeof frame === 'string' ? { frame } : {}),
  }
}
