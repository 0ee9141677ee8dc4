import { Context } from 'telegraf'
import type { InlineKeyboardMarkup, Update } from 'telegraf/types'
import type { EntityManager } from '../../database/orm.ts'
import { OpsError } from '../../errors.ts'
import type { HttpClient } from '../../http/client/call.ts'
import type { Translate } from '../../i18n/texts.ts'
import type { Logger } from '../../log/logger.ts'
import type { UpdateFacts } from '../../telegram/facts.ts'
import type { Html } from '../../telegram/html.ts'
import type { OpsTelegram } from '../../telegram/telegram.ts'
import type { Actor } from '../access.ts'
import { type PageAt, pageTurns } from '../button/pager.ts'
import { fingerprintOf } from '../button/terms.ts'
import { type Cache, cacheOf } from '../cache.ts'
import type { PluginInstance } from '../generation/instance.ts'
import { checkBeginning } from '../manifest/dialogs.ts'
import type { EnqueueOptions } from '../manifest/job.ts'
import type { ButtonOptions } from '../manifest/view.ts'
import { type Answer, type Button, type Buttons, type Content, contentOf } from './content.ts'
import { jobRequest } from './enqueue.ts'
import { type NotifyOptions, type NotifyTarget, noticeOf } from './notify.ts'
import type { Outcome, UpdateRun } from './run.ts'
import { RunSession } from './session.ts'
import { visibleRows } from './visible.ts'

const runOf = Symbol('run')
const instanceOf = Symbol('instance')
type ReplyParameters = Parameters<Context['reply']>
type Sent = Awaited<ReturnType<Context['reply']>>

/** What came of an update, for observers: complete once `next` has returned. */
export interface UpdateOutcome {
  readonly kind: Outcome
  /** Which plugin's command, action or event took it. */
  readonly plugin?: string
  readonly route?: string
  /** Why it was refused. */
  readonly refused?: string
  /** What the person was told when the handler failed. */
  readonly errorId?: string
}

/**
 * Telegraf's Context with what every handler gets on top. What depends on the plugin (`config`,
 * `use`, `button`, …) is added by its own types.
 */
export interface OpsContext<U extends Update = Update> extends Context<U> {
  /** Who, where, what kind: derived once, for every kind of update. */
  readonly facts: UpdateFacts
  /** This plugin's texts in the actor's language. */
  readonly t: Translate
  /** The actor's language, else the default: a tag for `Intl`. */
  readonly language: string
  /** The actor's time zone, else the default: an IANA name for `Intl`. */
  readonly timeZone: string
  /**
   * The unit of work of this update: what is created, changed or removed here is written in the
   * transaction that completes the update, or not at all when the handler throws.
   */
  readonly em: EntityManager
  /**
   * Keeps a message to anybody, to be sent after the commit: it is written in the same transaction, so it is sent
   * exactly when what the handler wrote is there, whatever happens to the process.
   *
   * @throws OPS_NOTIFY, OPS_COMMITTED
   */
  notify(target: NotifyTarget, content: Answer, options?: NotifyOptions): void
  /**
   * Writes now what the handler changed in `em` and gave to `notify`, and completes the update: it is never run
   * again. Once; later writes throw OPS_COMMITTED.
   */
  commit(): Promise<void>
  /**
   * The same with reads and writes under locks: `work` runs inside the transaction that completes the update, after
   * it was claimed. Keep it short: others wait. A call to Telegram or a query of another unit of work inside throws.
   *
   * @throws OPS_COMMITTED, OPS_TRANSACTION_CALL, OPS_TRANSACTION_NESTED, and what `work` throws: then nothing is written
   */
  transactional<T>(work: (em: EntityManager) => Promise<T>): Promise<T>
  /** The same in every run of this update by this plugin: for outside APIs that take a key against doing it twice. */
  readonly operationId: string
  /** What time it is; in tests `bot.clock` says. */
  now(): Date
  /** Lines carry the plugin, the update, its chat and its person. */
  readonly log: Logger
  /** Aborted at the handler's deadline and at shutdown. */
  readonly signal: AbortSignal
  readonly outcome: UpdateOutcome
  /** Calls to other services: with limits, repeated where that can't hurt, on record in `api_logs`. */
  readonly http: HttpClient
  /** Values that are dear to get, kept for a while. */
  readonly cache: Cache
  /** Telegraf's shortcuts, `call` for methods newer than those, files and long texts: all by the gateway. */
  readonly telegram: OpsTelegram
  /**
   * Refuses the update: nothing after this middleware runs, also if it calls `next`. `code` goes to log and
   * audit. In an observer it does nothing.
   */
  refuse(code: string): void
  /** Buttons for calls of Telegraf's own that take a `reply_markup`: under a photo, say. @throws OPS_NO_CHAT */
  keyboard(buttons: Buttons): Promise<InlineKeyboardMarkup>
  /** Answers at once, regardless of the commit. Takes text, `html` and `message(…)` alike. */
  reply(content: ReplyParameters[0] | Html | Content, extra?: ReplyParameters[1]): Promise<Sent>
}

/**
 * An update as one plugin sees it: `config`, `plugin`, `use` and texts are the plugin's own, so that
 * middleware of several plugins can wrap each other. All else is the run's, shared by all views.
 */
export class LiveContext<U extends Update = Update> extends Context<U> implements OpsContext<U> {
  declare readonly state: Record<string | symbol, unknown>
  declare readonly telegram: OpsTelegram
  readonly [runOf]: UpdateRun
  readonly [instanceOf]: PluginInstance

  constructor(run: UpdateRun, instance: PluginInstance, update: object = run.update) {
    // the router gives a handler only updates of the kind that its route asks for
    super(update as U, run.telegram, run.botInfo)
    // Telegraf's place for what middleware tells the handlers after it, whosever they are
    this.state = run.state
    this[runOf] = run
    this[instanceOf] = instance
  }

  get actor(): Actor {
    return this[runOf].actor
  }

  get config(): unknown {
    return this[instanceOf].config
  }

  get plugin(): unknown {
    return this[instanceOf].result
  }

  get use(): unknown {
    return this[runOf].generation.useOf(this[instanceOf].name)
  }

  get t(): Translate {
    return this[instanceOf].texts.in(this[runOf].language)
  }

  get language(): string {
    return this[runOf].language
  }

  get timeZone(): string {
    return this[runOf].timeZone
  }

  now(): Date {
    return new Date(this[runOf].clock.now())
  }

  get em(): EntityManager {
    return this[runOf].em
  }

  notify(target: NotifyTarget, content: Answer, options?: NotifyOptions): void {
    this[runOf].notify(noticeOf(this[instanceOf].name, target, content, options))
  }

  commit(): Promise<void> {
    return this[runOf].commitNow()
  }

  async transactional<T>(work: (em: EntityManager) => Promise<T>): Promise<T> {
    const run = this[runOf]
    const { promise, resolve } = Promise.withResolvers<T>()
    await run.commitNow(async () => resolve(await work(run.em)))
    return promise
  }

  get operationId(): string {
    const { facts, botInfo } = this[runOf]
    return `${botInfo.id}-${facts.updateId}-${this[instanceOf].name}`
  }

  get log(): Logger {
    return this[runOf].log.child({ plugin: this[instanceOf].name })
  }

  get cache(): Cache {
    const run = this[runOf]
    return cacheOf(this[instanceOf].cache, (work) => run.afterCommit.push(work))
  }

  get http(): HttpClient {
    const run = this[runOf]
    return run.calls.for({
      plugin: this[instanceOf].name,
      signal: run.signal,
      onUnsafeCall: () => {
        run.unsafeCalls++
      },
    })
  }

  get signal(): AbortSignal {
    return this[runOf].signal
  }

  /** May the actor do this, here? Permissions that no live plugin declares: no. */
  can(permission: string): boolean {
    return this[runOf].can(permission)
  }

  button(action: string, data: unknown = {}, options: ButtonOptions = {}): Button {
    const instance = this[instanceOf]
    const definition = instance.actions.get(action)
    if (definition === undefined) {
      throw new OpsError('OPS_BUTTON', `Plugin ${instance.name} has no action "${action}"`)
    }
    const parsed = definition.data?.safeParse(data)
    if (parsed?.success === false) {
      throw new OpsError(
        'OPS_BUTTON',
        `The data of a "${action}" button of plugin ${instance.name} doesn't fit its schema`,
        { cause: parsed.error },
      )
    }
    const { withinS, fingerprint } = options
    if (definition.fingerprint !== undefined && fingerprint === undefined) {
      throw new OpsError(
        'OPS_BUTTON',
        `A "${action}" button of plugin ${instance.name} was made without a fingerprint`,
        {
          hint: 'The action compares one: pass { fingerprint } with what it tells now.',
        },
      )
    }
    const nowS = Math.floor(this[runOf].clock.now() / 1_000)
    return {
      kind: 'button',
      plugin: instance.name,
      action,
      label: options.label ?? this.t(`actions.${action}.label`),
      // the input, not the parsed output: it is parsed again when the button is pressed
      data: data as Record<string, unknown>,
      presser: options.anyone === true ? 'anyone' : this.#presser(action),
      ...(withinS === undefined ? {} : { expiresAt: nowS + Math.ceil(withinS) }),
      ...(fingerprint === undefined ? {} : { fingerprint: fingerprintOf(fingerprint) }),
    }
  }

  pager(
    action: string,
    at: PageAt,
    data: object = {},
    options: Omit<ButtonOptions, 'label'> = {},
  ): readonly Button[] {
    return pageTurns(at).map(({ label, page }) =>
      this.button(action, { ...data, page }, { ...options, label }),
    )
  }

  async keyboard({ rows }: Buttons): Promise<InlineKeyboardMarkup> {
    const run = this[runOf]
    const { sender, facts } = run
    if (facts.chatId === undefined) {
      throw new OpsError('OPS_NO_CHAT', `An update of kind ${facts.kind} has no chat for buttons`)
    }
    return sender.keyboard(visibleRows(rows, run), facts.chatId)
  }

  get session(): RunSession | undefined {
    const run = this[runOf]
    const instance = this[instanceOf]
    const { session } = instance
    if (session === undefined) return undefined
    let own = run.sessions.get(instance)
    if (own === undefined) {
      own = new RunSession(run, instance.name, session)
      run.sessions.set(instance, own)
    }
    return own
  }

  begin(dialog: string, given: Readonly<Record<string, unknown>> = {}): void {
    const run = this[runOf]
    const instance = this[instanceOf]
    checkBeginning(instance, dialog, given)
    if (run.actor.kind !== 'user' || run.facts.chatId === undefined) {
      throw new OpsError('OPS_DIALOG', `The dialog "${dialog}" was begun with nobody, or nowhere`)
    }
    if (run.commit !== 'open') {
      throw new OpsError('OPS_COMMITTED', 'ctx.begin was called after the commit')
    }
    run.begun = { instance, name: dialog, given }
  }

  enqueue(job: string, data: unknown = {}, options: EnqueueOptions = {}): string {
    const run = this[runOf]
    const { actor, facts, clock } = run
    const by =
      actor.kind === 'user'
        ? { userId: actor.telegramId, chatId: facts.chatId, threadId: facts.threadId }
        : undefined
    const asking = { plugin: this[instanceOf], job, data, options, now: clock.now(), by }
    return run.enqueue(jobRequest(asking))
  }

  #presser(action: string): number {
    const { actor } = this
    if (actor.kind === 'user' || actor.kind === 'stranger') return actor.telegramId
    throw new OpsError(
      'OPS_BUTTON',
      `A "${action}" button of plugin ${this[instanceOf].name} was made for nobody: no person is behind the update`,
      { hint: 'Pass { anyone: true }, so that everybody who may use the action may press it.' },
    )
  }

  get facts(): UpdateFacts {
    return this[runOf].facts
  }

  get outcome(): UpdateOutcome {
    const { outcome, route, refused, errorId } = this[runOf]
    return {
      kind: outcome,
      ...(route === undefined ? {} : { plugin: route.plugin, route: route.name }),
      ...(refused === undefined ? {} : { refused }),
      ...(errorId === undefined ? {} : { errorId }),
    }
  }

  refuse(code: string): void {
    this[runOf].refused ??= code
  }

  override reply(
    content: ReplyParameters[0] | Html | Content,
    extra?: ReplyParameters[1],
  ): Promise<Sent> {
    const own = contentOf(content)
    if (own === undefined) return super.reply(content as ReplyParameters[0], extra)
    return this[runOf].sender.send(this[runOf], { ...own, mode: 'send' }, extra)
  }

  override answerGameQuery(...args: Parameters<Context['answerGameQuery']>): Promise<true> {
    this[runOf].pressAnswered = true
    return super.answerGameQuery(...args)
  }

  override answerCbQuery(...args: Parameters<Context['answerCbQuery']>): Promise<true> {
    this[runOf].pressAnswered = true
    return super.answerCbQuery(...args)
  }
}

/** The view of one plugin: made once an update, so that what its middleware put on it reaches its handler. */
export function contextFor(run: UpdateRun, instance: PluginInstance): LiveContext {
  let view = run.views.get(instance)
  if (view === undefined) {
    view = new LiveContext(run, instance)
    run.views.set(instance, view)
  }
  return view
}

/** The view of an update that came before the one that is handled now: of a command that a press confirmed. */
export function contextOver(run: UpdateRun, instance: PluginInstance, update: object): LiveContext {
  const view = new LiveContext(run, instance, update)
  run.views.set(instance, view)
  return view
}

/** The state behind a context. */
export function runBehind(ctx: object): UpdateRun {
  if (ctx instanceof LiveContext) return ctx[runOf]
  throw new OpsError('OPS_INTERNAL', 'A context was expected that the dispatcher made')
}
