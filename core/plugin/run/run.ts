import type { Update, UserFromGetMe } from 'telegraf/types'
import type { Clock } from '../../clock.ts'
import type { EntityManager } from '../../database/orm.ts'
import { OpsError } from '../../errors.ts'
import type { HttpCalls } from '../../http/client/client.ts'
import { isTimeZone, languageTag } from '../../i18n/language.ts'
import type { JobRequest } from '../../job/request.ts'
import type { Logger } from '../../log/logger.ts'
import type { OutboxRow } from '../../outbox/rows.ts'
import type { SessionChange } from '../../session/sessions.ts'
import type { KeptState, StateChange, StateKey, States } from '../../session/states.ts'
import type { UpdateFacts } from '../../telegram/facts.ts'
import type { OpsTelegram } from '../../telegram/telegram.ts'
import {
  type ActiveUser,
  type Actor,
  type Approach,
  isOwner,
  type PermissionDeclaration,
} from '../access.ts'
import { routesWithout } from '../chats/routes.ts'
import type { ChatSetting } from '../chats/settings.ts'
import type { Generation } from '../generation/generation.ts'
import type { PluginInstance } from '../generation/instance.ts'
import type { Routes } from '../generation/routes.ts'
import type { Content } from './content.ts'
import type { LiveContext } from './context.ts'
import type { Notice } from './notify.ts'
import type { ContentSender } from './sender.ts'
import type { RunSession } from './session.ts'
import { visibleRows } from './visible.ts'

/**
 * What came of an update, as the message log keeps it. `repeated`: this attempt didn't settle it; it
 * runs again, or somebody else had completed it. `stale`: a button that is out of date, or a press that waited for too
 * long; nothing was done.
 */
export type Outcome =
  | 'done'
  | 'ignored'
  | 'refused'
  | 'usage'
  /** A dangerous command: it waits for a yes. */
  | 'asked'
  | 'unknown-command'
  | 'stale'
  | 'failed'
  | 'cancelled'
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
  /** What was decided for the chat that it comes from. */
  chat: ChatSetting | undefined
  log: Logger
  clock: Clock
  signal: AbortSignal
  /** Clients for other services. */
  calls: HttpCalls
  /** Completes the update now, once. @param work done inside the transaction @throws OPS_COMMITTED */
  commitNow: (work?: () => Promise<void>) => Promise<void>
  authEpoch: Approach['epoch'] | undefined
  /** That its person surely has no dialog open in its chat. */
  noDialog: boolean
  /** What plugins remember; absent where no person is in a chat: jobs, requests. */
  states?: Pick<States, 'find'>
  /** When the update was accepted, as `performance.now()`. */
  acceptedAt: number
  /** What this update has cancelled: a route's name. */
  cancelled: string | undefined
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
  readonly chat: ChatSetting | undefined
  readonly log: Logger
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly calls: HttpCalls
  readonly commitNow: RunParts['commitNow']
  readonly authEpoch: Approach['epoch'] | undefined
  readonly noDialog: boolean
  readonly acceptedAt: number
  readonly cancelled: string | undefined
  /** `ctx.state` of all views. */
  readonly state: Record<string | symbol, unknown> = {}
  readonly views = new Map<PluginInstance, LiveContext>()
  /** `ctx.session` of each plugin that asked for it. */
  readonly sessions = new Map<PluginInstance, RunSession>()
  actor: Actor = { kind: 'none' }
  /** Whether it goes on to a handler: its actor is an active user, or it reaches what is open to everyone. */
  admitted = false
  /** Set by the authorize step; until then nobody may do anything. */
  may: (permission: PermissionDeclaration) => boolean = nothing
  outcome: Outcome = 'done'
  /** Why the update was refused, once somebody refused it. */
  refused: string | undefined
  /** Which plugin's command, action or event took it. */
  route: { plugin: string; name: string } | undefined
  /** The plugin whose middleware has the update now, or had it when it failed; undefined in a handler. */
  middlewareOf: string | undefined
  /** Whether a person waits for an answer: a command or a press, not an event that a plugin listens to. */
  asked = false
  /** Sent after the commit, in this order. */
  readonly answers: Content[] = []
  /** Those of them that were written into the outbox, and are sent from there. */
  readonly kept: OutboxRow[] = []
  /** Messages to others, written with the commit. */
  readonly notices: Notice[] = []
  /** Jobs, put into the queue with the commit. */
  readonly jobs: JobRequest[] = []
  /** The dialog that the handler began; its first question comes after what the handler returns. */
  begun:
    | { instance: PluginInstance; name: string; given: Readonly<Record<string, unknown>> }
    | undefined
  /** What becomes of the actor's dialog here, written with the commit. */
  session: SessionChange | undefined
  /** Id in the outbox of the question that stood when this update came. */
  question: number | undefined
  /** What becomes of what plugins remember of the actor here, by person and plugin; written with the commit. */
  readonly states = new Map<string, StateChange>()
  /** What is to happen once the changes of this run are there. */
  readonly afterCommit: (() => void)[] = []
  /** `lost`: somebody else had completed the update. */
  commit: 'open' | 'running' | 'committed' | 'lost' = 'open'
  /** Shown to the presser as an alert. */
  alert: string | undefined
  /** Shown to the presser as a line that vanishes by itself, if there is no alert. */
  toast: string | undefined
  /** The id that the person was told, when the handler failed. */
  errorId: string | undefined
  /** Code of what it failed on. */
  failureCode: string | undefined
  /** A press is answered once: by the handler, else by the framework. */
  pressAnswered = false
  /** Calls to Telegram that must not simply be made again; a run that made one isn't repeated. */
  unsafeCalls = 0
  readonly #findState: Pick<States, 'find'> | undefined
  #em: EntityManager | undefined
  #language: { actor: Actor; tag: string } | undefined
  #timeZone: { actor: Actor; name: string } | undefined

  constructor(parts: RunParts) {
    this.update = parts.update
    this.facts = parts.facts
    this.generation = parts.generation
    this.telegram = parts.telegram
    this.botInfo = parts.botInfo
    this.sender = parts.sender
    this.defaults = parts.defaults
    this.chat = parts.chat
    this.log = parts.log
    this.clock = parts.clock
    this.signal = parts.signal
    this.calls = parts.calls
    this.commitNow = parts.commitNow
    this.authEpoch = parts.authEpoch
    this.noDialog = parts.noDialog
    this.acceptedAt = parts.acceptedAt
    this.cancelled = parts.cancelled
    this.#findState = parts.states
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

  /** Has a job put into the queue with the commit. @returns its id @throws OPS_COMMITTED */
  enqueue(request: JobRequest): string {
    if (this.commit !== 'open' && this.commit !== 'running') {
      throw new OpsError('OPS_COMMITTED', 'ctx.enqueue was called after the commit')
    }
    this.jobs.push(request)
    return request.id
  }

  get isUser(): boolean {
    return this.actor.kind === 'user'
  }

  get user(): ActiveUser {
    if (this.actor.kind === 'user') return this.actor
    throw new OpsError('OPS_INTERNAL', 'A handler ran for an update without an active user')
  }

  /** The chat's language, which all there can read; else the actor's: own choice, Telegram's guess, the default. */
  get language(): string {
    const { actor, chat } = this
    if (chat?.language !== undefined) return chat.language
    // asked for at every text of an answer, and `Intl` takes its time
    if (this.#language?.actor !== actor) {
      const known = actor.kind === 'user' || actor.kind === 'stranger'
      const tag = languageTag(known ? actor.language : undefined) ?? this.defaults.language
      this.#language = { actor, tag }
    }
    return this.#language.tag
  }

  get timeZone(): string {
    const { actor, chat } = this
    if (chat?.timeZone !== undefined) return chat.timeZone
    if (this.#timeZone?.actor !== actor) {
      const own = actor.kind === 'user' ? actor.timeZone : undefined
      const name = own !== undefined && isTimeZone(own) ? own : this.defaults.timeZone
      this.#timeZone = { actor, name }
    }
    return this.#timeZone.name
  }

  /** What this person's updates are matched against: owners have at once what still waits for their approval. */
  get routes(): Routes {
    const { routes, unapproved } = this.generation
    const all = this.actor.kind === 'user' && isOwner(this.actor) ? routes : unapproved.guarded
    return this.chat === undefined ? all : routesWithout(all, this.chat.off)
  }

  /** Whether somebody switched the plugin off in this chat. */
  isOffHere(plugin: string): boolean {
    return this.chat?.off.has(plugin) === true
  }

  get chatType(): string | undefined {
    return this.facts.chatType
  }

  /** Keeps something to be sent after the commit. */
  say(content: Content | undefined): void {
    if (content === undefined) return
    this.answers.push({ ...content, buttons: visibleRows(content.buttons, this) })
  }

  /** Keeps a message to somebody until the commit. @throws OPS_COMMITTED */
  notify(notice: Notice): void {
    if (this.commit === 'open' || this.commit === 'running') this.notices.push(notice)
    else throw new OpsError('OPS_COMMITTED', 'ctx.notify was called after the commit')
  }

  /** Keeps the next step of a dialog, or its end, until the commit. @throws OPS_COMMITTED */
  keepSession(change: SessionChange): void {
    if (this.commit !== 'open') {
      throw new OpsError('OPS_COMMITTED', 'A dialog would have gone on after the commit')
    }
    this.session = change
  }

  /** What a plugin remembers, as it was before this update. @throws OPS_SESSION */
  async findState(key: StateKey): Promise<KeptState | undefined> {
    if (this.#findState !== undefined) return this.#findState.find(key)
    throw new OpsError('OPS_SESSION', 'There is a session in handlers of updates alone')
  }

  /** Keeps a change of it until the commit. @throws OPS_COMMITTED */
  keepState(change: StateChange): void {
    if (this.commit === 'open' || this.commit === 'running') {
      this.states.set(`${change.key.userId} ${change.key.plugin}`, change)
    } else throw new OpsError('OPS_COMMITTED', 'ctx.session was changed after the commit')
  }

  /** Nothing is done for the update. The first reason stays, for log and audit. */
  refuse(reason: string): void {
    this.refused ??= reason
    this.outcome = 'refused'
  }

  /** Ends the spinner on a pressed button, unless that was done; with the alert, if there is one. */
  async answerPress(telegram: OpsTelegram = this.telegram): Promise<void> {
    const id = this.pressId
    // silence is all that whoever was not let in gets
    if (this.pressAnswered || id === undefined || !this.admitted) return
    this.pressAnswered = true
    try {
      // Telegram shows up to 200 characters (Bot API, answerCallbackQuery) and refuses more
      const text = (this.alert ?? this.toast)?.slice(0, 200)
      const extra = this.alert === undefined ? undefined : { show_alert: true }
      await telegram.answerCbQuery(id, text, extra)
    } catch (error) {
      // too old, or Telegram is away: the press itself was handled
      this.log.debug('press.not-answered', { error })
    }
  }

  /** The press that this update is, if it is one. */
  get pressId(): string | undefined {
    return 'callback_query' in this.update ? this.update.callback_query.id : undefined
  }

  /** May the actor do this, here? */
  can(permission: string): boolean {
    if (this.actor.kind !== 'user') return false
    const declaration = this.routes.permissions.get(permission)
    return declaration !== undefined && this.may(declaration)
  }
}
