import type { OpsContext } from './context.ts'
import type { PluginHealth } from './health.ts'

/** Where a plugin stands. `failed`: no version of it serves; `waiting`: what it needs is
 * not there; `quarantined`: its handlers failed again and again and are not run. */
export type PluginState = 'active' | 'waiting' | 'quarantined' | 'failed' | 'disabled'

/** How the last attempt to load or reload a plugin ended. */
export interface ReloadOutcome {
  readonly ok: boolean
  /** When it ended. */
  readonly at: Date
  /** Duration of the whole transaction, ms. */
  readonly ms: number
  /** Why it was aborted: the error's code and text. */
  readonly code?: string
  readonly message?: string
  /** What to do about it. */
  readonly hint?: string
  readonly file?: string
  readonly line?: number
  /** The lines around it, with a caret under the column. */
  readonly frame?: string
}

/** One plugin folder, as `/plugins` shows it. */
export interface PluginStatus {
  readonly name: string
  readonly state: PluginState
  /** Since when it is in this state. */
  readonly since: Date
  readonly version?: string
  readonly description?: string
  /** Generation since which the serving version is live. */
  readonly generation?: number
  /** Plugins and services that a waiting one waits for. */
  readonly waitingFor?: readonly string[]
  /** Why a quarantined one is not run. */
  readonly quarantine?: { readonly code: string; readonly errorId: string }
  /** What its health checks last found. */
  readonly health?: readonly PluginHealth[]
  /** Running handlers on older versions. */
  readonly draining: number
  /** The last attempt to load or reload it. */
  readonly lastReload?: ReloadOutcome
}

/** A command as a person may use it, in their language. */
export interface AvailableCommand {
  /** `worklog sync`, without the slash. */
  readonly path: string
  readonly plugin: string
  readonly description: string
  /** `/log <duration> <text…>` */
  readonly usage: string
  readonly arguments: readonly AvailableArgument[]
  /** Other names, without the slash. */
  readonly aliases: readonly string[]
  readonly subcommands: readonly AvailableCommand[]
}

/** One argument of a command, as `/help` tells it. */
export interface AvailableArgument {
  readonly name: string
  readonly required: boolean
  /** What to type: `1h30`, `today|week`. */
  readonly hint?: string
  /** In the actor's language, if the locale (`commands.<name>.args.<argument>`) or the schema says. */
  readonly description?: string
}

/** A permission that a person holds, in their language. */
export interface HeldPermission {
  readonly name: string
  readonly plugin: string
  readonly description: string
}

/** What the core tells plugins about plugins. */
export interface Plugins {
  /** Every plugin folder; descriptions are in this language, else in the default. */
  list(language?: string): readonly PluginStatus[]
  /** Loads a folder anew as it is on disk; resolves with what came of it. */
  reload(name: string): Promise<ReloadOutcome>
  /** Puts the version before the live one back, until the folder is changed. */
  rollBack(name: string): Promise<ReloadOutcome>
  /** Takes it out of service, over restarts too, until it is enabled. `by` is a Telegram id. */
  disable(name: string, by: number, reason?: string): Promise<void>
  enable(name: string, by: number): Promise<ReloadOutcome>
  /** What the actor of this update may use here, in the actor's language. */
  commandsFor(ctx: OpsContext): readonly AvailableCommand[]
  /** What the actor of this update holds here, in the actor's language. */
  permissionsFor(ctx: OpsContext): readonly HeldPermission[]
  /** Number of the live generation. */
  readonly generation: number
}
