import type { Update, UserFromGetMe } from 'telegraf/types'
import type { EntityManager } from '../database/orm.ts'
import { OpsError } from '../errors.ts'
import { isTimeZone, languageTag } from '../i18n/language.ts'
import type { Logger } from '../log/logger.ts'
import type { UpdateFacts } from '../telegram/facts.ts'
import type { OpsTelegram } from '../telegram/telegram.ts'
import type { ActiveUser, Actor, PermissionDeclaration } from './access.ts'
import type { Content } from './content.ts'
import type { LiveContext } from './context.ts'
import type { Generation } from './generation.ts'
import type { PluginInstance } from './instance.ts'
import type { ContentSender } from './sender.ts'

/**
 * What came of an update, as the message log keeps it. `repeated`: this attempt didn't settle it; it
 * runs again, or somebody else had completed it.
 */
export type Outcome =
  | 'done'
  | 'ignored'
  | 'refused'
  | 'usage'
  | 'unknown-command'
  | 'stale'
  | 'failed'
  | 'repeated'

export interface RunParts {
  update: Update
  facts: UpdateFacts
  generation: Generation
  /** Calls of this update: carry its signal, and are counted for the re-run policy. */
  telegram: OpsTelegram
  botInfo: UserFromGetMe
  sender: ContentSender
  /** Language and time zone of people who have none. */
  defaults: PeopleDefaults
  log: Logger
  signal: AbortSignal
}

export interface PeopleDefaults {
  readonly language: string
  readonly timeZone: string
}

const nothing = () => false

/**
 * The state of one update while it is handled: the actor, the unit of work, what was refused.
 * Shared by the views that each plugin gets of the same context.
 */
export class UpdateRun {
  readonly update: Update
  readonly facts: UpdateFacts
  readonly generation: Generation
  readonly telegram: OpsTelegram
  readonly botInfo: UserFromGetMe
  readonly sender: ContentSender
  readonly defaults: PeopleDefaults
  readonly log: Logger
  readonly signal: AbortSignal
  /** `ctx.state` of all views. */
  readonly state: Record<string | symbol, unknown> = {}
  readonly views = new Map<PluginInstance, LiveContext>()
  actor: Actor = { kind: 'none' }
  /** Set by the authorize step; until then nobody may do anything. */
  may: (permission: PermissionDeclaration) => boolean = nothing
  outcome: Outcome = 'done'
  /** Why the update was refused, once somebody refused it. */
  refused: string | undefined
  /** Which plugin's command, action or event took it. */
  route: { plugin: string; name: string } | undefined
  /** Sent after the commit. */
  answer: Content | undefined
  /** Shown to the presser as an alert. */
  alert: string | undefined
  /** The id that the person was told, when the handler failed. */
  errorId: string | undefined
  /** A press is answered once: by the handler, else by the framework. */
  pressAnswered = false
  /** Calls to Telegram that must not simply be made again; a run that made one isn't repeated. */
  unsafeCalls = 0
  #em: EntityManager | undefined

  constructor(parts: RunParts) {
    this.update = parts.update
    this.facts = parts.facts
    this.generation = parts.generation
    this.telegram = parts.telegram
    this.botInfo = parts.botInfo
    this.sender = parts.sender
    this.defaults = parts.defaults
    this.log = parts.log
    this.signal = parts.signal
  }

  /** The update's unit of work, made when first asked for. */
  get em(): EntityManager {
    this.#em ??= this.generation.em()
    return this.#em
  }

  /** The unit of work if anybody used it. */
  get usedEm(): EntityManager | undefined {
    return this.#em
  }

  get user(): ActiveUser {
    if (this.actor.kind === 'user') return this.actor
    throw new OpsError('OPS_INTERNAL', 'A handler ran for an update without an active user')
  }

  /** The actor's language: own choice, else Telegram's guess, else the default. */
  get language(): string {
    const { actor, defaults } = this
    const known = actor.kind === 'user' || actor.kind === 'stranger'
    return languageTag(known ? actor.language : undefined) ?? defaults.language
  }

  get chatType(): string | undefined {
    return this.facts.chatType
  }

  get timeZone(): string {
    const own = this.actor.kind === 'user' ? this.actor.timeZone : undefined
    return own !== undefined && isTimeZone(own) ? own : this.defaults.timeZone
  }

  /** Ends the spinner on a pressed button, unless the handler did. */
  async answerPress(): Promise<void> {
    const query = this.update as { callback_query?: { id: string } }
    if (this.pressAnswered || query.callback_query === undefined) return
    this.pressAnswered = true
    try {
      const alert = this.alert
      const extra = alert === undefined ? undefined : { show_alert: true }
      await this.telegram.answerCbQuery(query.callback_query.id, alert, extra)
    } catch (error) {
      // too old, or Telegram is away: the press itself was handled
      this.log.debug('press.not-answered', { error })
    }
  }

  /** May the actor do this, here? */
  can(permission: string): boolean {
    if (this.actor.kind !== 'user') return false
    const declaration = this.generation.routes.permissions.get(permission)
    return declaration !== undefined && this.may(declaration)
  }
}
