import type { HealthState } from '../../http/health.ts'

/** A process that serves the bot. */
export interface OverviewInstance {
  /** As `/healthz` names it. */
  readonly id: string
  readonly host: string
  readonly version: string
  readonly startedAt: Date
  /** It polls, cleans, and tells owners. */
  readonly leads: boolean
  /** The one that answers this. */
  readonly own: boolean
}

/** What waits, of all instances. */
export interface Waiting {
  /** Updates that were taken over and are not done. */
  readonly updates: number
  /** Updates that were put aside. */
  readonly dead: number
  /** Dialogs whose question stands. */
  readonly dialogs: number
  /** Messages of the outbox: to be sent; perhaps sent; given up. */
  readonly messages: Readonly<Record<'waiting' | 'unsure' | 'failed', number>>
}

/** How the bot as a whole is. */
export interface OverviewApi {
  /** Of opsgram. */
  readonly version: string
  readonly startedAt: Date
  /** Id of this process. */
  readonly instance: string
  /** How this instance finds its parts, looked at now. */
  checks(): Promise<readonly HealthState[]>
  /** The oldest first. */
  instances(): Promise<readonly OverviewInstance[]>
  /** At most 5 s old. */
  waiting(): Promise<Waiting>
  /**
   * Runs work that somebody asked for and that holds the whole process, as a snapshot of its heap does: it isn't taken for code
   * without an end meanwhile.
   */
  standStill<T>(work: () => T): T
}
