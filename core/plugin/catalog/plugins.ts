import type { PermissionDeclaration } from '../access.ts'
import type { PluginHealth } from '../offered/health.ts'
import type { Person } from '../reload/cause.ts'
import type { OpsContext } from '../run/context.ts'
import type { PluginSkew } from './elsewhere.ts'

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

/** More about one plugin than its state, in one language. */
export interface PluginDetails {
  readonly permissions: readonly {
    readonly name: string
    readonly description: string
    /** Roles that hold it from the start; owners hold all. */
    readonly roles: readonly string[]
  }[]
  /** What it opens beyond what was accepted: open to owners alone until one of them approves it. */
  readonly openings: readonly { readonly text: string; readonly refused: boolean }[]
  /** Stands for exactly these openings: whoever decides about them hands it back. */
  readonly seal: string | undefined
  /** What became of it, newest first. */
  readonly history: readonly PluginEvent[]
  /** Hash of the build that a roll-back would bring; undefined: there is none to go back to. */
  readonly previous: string | undefined
  /** Who switched it off, if somebody did. */
  readonly choice: SwitchedOff | undefined
  /** It guards the bot and can't be switched off. */
  readonly isProtected: boolean
}

/** One entry of a plugin's history. */
export interface PluginEvent {
  readonly at: Date
  /** `load`, `reload`, `last-good`, `roll-back`, `abort`, `unload`, `quarantine`, `approve`, `refuse`. */
  readonly action: string
  /** Who did it; undefined: the bot itself. */
  readonly by: string | undefined
  /** What it came from: `start`, `save`, `settings`, or what a person asked for: `reload`, `disable`, …. */
  readonly cause: string | undefined
  /** Why it failed: a code. */
  readonly code: string | undefined
  /** Hashes of the version before and after. */
  readonly before: string | undefined
  readonly after: string | undefined
  /** Of the whole transaction. */
  readonly ms: number | undefined
}

/** That somebody switched a plugin off. */
export interface SwitchedOff {
  /** Telegram id; undefined: PLUGINS_DISABLED. */
  readonly by: number | undefined
  /** Their name, if they are known. */
  readonly name: string | undefined
  readonly reason: string | undefined
  readonly at: Date
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

/** What stands before a command, whoever asks. */
export interface GuardedCommand {
  /** `worklog sync`, without the slash. */
  readonly path: string
  readonly plugin: string
  /** Who may use it: its holders; undefined: every active user. */
  readonly permission?: PermissionDeclaration
  readonly audience?: 'everyone'
  readonly chats?: 'private' | 'group' | 'any'
  /** It asks before it acts: whoever gave it, or another one who may give it too. */
  readonly confirm?: 'self' | 'another'
  /** Why it isn't run, whoever asks: its plugin failed again and again, is switched off, could not be loaded, or waits. */
  readonly out?: Exclude<PluginState, 'active'>
  /** A reload opened it, and no owner approved that yet: for all but owners the rule before it holds as well. */
  readonly former?: {
    /** It was not there, or was guarded in a way that can't be kept up. */
    readonly isClosed: boolean
    readonly permission?: PermissionDeclaration
  }
  /** Roles that a reload gives the permission to, which no owner approved yet: they don't count. */
  readonly rolesUnapproved: readonly string[]
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
  /**
   * Loads a folder anew as it is on disk; resolves with what came of it here. Other instances do the same, each from
   * its own disk.
   */
  reload(name: string, by?: Person): Promise<ReloadOutcome>
  /** Puts the version before the live one back, until the folder is changed. */
  rollBack(name: string, by?: Person): Promise<ReloadOutcome>
  /** Takes it out of service, over restarts too, until it is enabled. */
  disable(name: string, by: Person, reason?: string): Promise<void>
  enable(name: string, by: Person): Promise<ReloadOutcome>
  /** @param language of the texts; default: the default one */
  details(name: string, language?: string): Promise<PluginDetails>
  /**
   * Carries out what an owner, the actor of this update, decided about what a plugin opens.
   *
   * @returns `changed` when by now it opens something else than what `seal` stands for: nothing was decided
   * @throws OPS_OWNER_ONLY
   */
  decide(
    ctx: OpsContext,
    name: string,
    decision: 'approve' | 'refuse',
    seal: string,
  ): Promise<'done' | 'changed'>
  /** What the actor of this update may use here, in the actor's language. */
  commandsFor(ctx: OpsContext): readonly AvailableCommand[]
  /** What stands before a command or subcommand; undefined: no plugin that is known has it. @param path `worklog sync` */
  guardOf(path: string): GuardedCommand | undefined
  /** All permissions that live plugins declare, by name, with the roles that count by now. */
  declared(language?: string): readonly PermissionDeclaration[]
  /** What the actor of this update holds here, in the actor's language. */
  permissionsFor(ctx: OpsContext): readonly HeldPermission[]
  /**
   * Telegram ids of people who hold a permission in their private chat, owners first: for news and cards to whom it
   * concerns. Not more than some dozens; of one that no live plugin declares, the owners.
   */
  holdersOf(permission: string): Promise<readonly number[]>
  /** Languages that the core or some live plugin has texts in, by their tags. */
  languages(): readonly string[]
  /** Instances of this bot that run other versions of plugins, or of the core, than this one. */
  elsewhere(): Promise<readonly PluginSkew[]>
  /** Number of the live generation. */
  readonly generation: number
}
