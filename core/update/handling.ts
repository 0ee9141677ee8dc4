import type { UserFromGetMe } from 'telegraf/types'
import type { Database } from '../database/connection.ts'
import {
  isCommitUnknown,
  isConflict,
  isDatabaseAway,
  isVersionConflict,
} from '../database/failure.ts'
import { codeOf, messageOf, OpsError } from '../errors.ts'
import type { Texts } from '../i18n/texts.ts'
import type { Logger } from '../log/logger.ts'
import type { PluginStacks } from '../plugin/code/stack.ts'
import type { Live } from '../plugin/live.ts'
import { type PeopleDefaults, UpdateRun } from '../plugin/run.ts'
import type { ContentSender } from '../plugin/sender.ts'
import { Backoff, sleep } from '../telegram/backoff.ts'
import type { Gateway } from '../telegram/gateway.ts'
import { commitRun } from './commit.ts'
import type { Dispatcher } from './dispatcher.ts'
import { newErrorId } from './error-id.ts'
import type { Inbox, InboxItem } from './inbox.ts'
import { Semaphore } from './semaphore.ts'

export interface HandlingOptions {
  live: Live
  dispatcher: Dispatcher
  gateway: Gateway
  sender: ContentSender
  database: Database
  botInfo: UserFromGetMe
  texts: Texts
  defaults: PeopleDefaults
  /** Tells in which plugin an error arose. */
  stacks: PluginStacks
  log: Logger
  /** Told of each settled update. */
  settled: (run: UpdateRun) => void
}

/** A handler has so long; then its signal is aborted and its update put aside. */
const deadlineMs = 60_000
/** Conflicts with other writers are repeated so often. */
const maxConflicts = 3

/** Why a run was cut off. */
type Cut = 'deadline' | 'shutdown'

interface Running {
  readonly controller: AbortController
  readonly endsAt: number
}

/**
 * Takes one accepted update to its end: runs it on the live generation, commits it with its effects,
 * answers, and decides what a failure means. A run is repeated on its own only if it failed by the
 * infrastructure and made no call outside that can't simply be made again; all else is told to the
 * person with an error id and put aside.
 */
export class UpdateHandling {
  readonly #options: HandlingOptions
  readonly #commits: Semaphore
  readonly #running = new Set<Running>()
  readonly #sweeper: NodeJS.Timeout
  #stopping = false

  constructor(options: HandlingOptions) {
    this.#options = options
    // accepts and lanes have bounds of their own; commits may not take the last connections
    this.#commits = new Semaphore(Math.max(1, options.database.poolMax - 2))
    // one timer for all: one a handler would cost more than most handlers
    this.#sweeper = setInterval(() => this.#sweep(), 1_000)
    this.#sweeper.unref()
  }

  /** Ends all running handlers' signals; their updates stay open, or are put aside if they acted outside. */
  abort(): void {
    this.#stopping = true
    for (const { controller } of this.#running) controller.abort(cutOff('shutdown'))
  }

  stop(): void {
    clearInterval(this.#sweeper)
  }

  /** Never rejects. */
  async handle(item: InboxItem, inbox: Inbox): Promise<void> {
    const { log } = this.#options
    const backoff = new Backoff({ firstMs: 50, maxMs: 5_000 })
    let conflicts = 0
    for (;;) {
      let failure: unknown
      try {
        failure = await this.#attempt(item, inbox, conflicts < maxConflicts)
      } catch (error) {
        log.error('update.handling-failed', { updateId: item.facts.updateId, error })
        return
      }
      if (failure === undefined) return
      if (this.#stopping) return
      if (isConflict(failure)) conflicts++
      log.warn('update.repeated', { updateId: item.facts.updateId, error: failure })
      await sleep(backoff.next())
    }
  }

  /** Puts aside an update at which the process ended again and again. Never rejects. */
  async poison(item: InboxItem, inbox: Inbox): Promise<void> {
    await this.#bury(
      item,
      inbox,
      newErrorId(),
      'the process ended again and again while it was handled',
    )
  }

  /** @returns the failure after which the run is to be repeated; undefined when the update is settled */
  async #attempt(item: InboxItem, inbox: Inbox, mayRepeatConflict: boolean): Promise<unknown> {
    const { live, dispatcher } = this.#options
    const held = live.take()
    const running = { controller: new AbortController(), endsAt: performance.now() + deadlineMs }
    this.#running.add(running)
    const { signal } = running.controller
    const run = this.#newRun(item, held.generation, signal)
    let repeat: unknown
    try {
      await dispatcher.dispatch(run, async (admit) => {
        try {
          await raceWith(signal, admit())
          const effect = await commitRun(run, item, inbox, this.#commits)
          if (effect === 'lost') {
            run.outcome = 'repeated'
            return
          }
        } catch (error) {
          if (this.#isRepeatable(error, run, mayRepeatConflict)) {
            run.outcome = 'repeated'
            repeat = error
          } else if (this.#isLeftOpen(error, run)) {
            run.outcome = 'repeated'
          } else {
            await this.#fail(item, inbox, run, error)
          }
          return
        }
        await this.#answer(run)
      })
    } finally {
      this.#running.delete(running)
      held.release()
    }
    if (repeat === undefined) this.#options.settled(run)
    return repeat
  }

  #newRun(
    { update, facts }: InboxItem,
    generation: UpdateRun['generation'],
    signal: AbortSignal,
  ): UpdateRun {
    const { gateway, sender, botInfo, defaults, log } = this.#options
    const telegram = gateway.with({
      signal,
      updateId: facts.updateId,
      onUnsafeCall: () => {
        run.unsafeCalls++
      },
    })
    const run = new UpdateRun({
      update,
      facts,
      generation,
      telegram,
      botInfo,
      sender,
      defaults,
      signal,
      log: log.child({ updateId: facts.updateId, generation: generation.id }),
    })
    return run
  }

  #isRepeatable(error: unknown, run: UpdateRun, mayRepeatConflict: boolean): boolean {
    if (run.unsafeCalls > 0 || run.signal.aborted) return false
    // after an unknown commit the claim decides: a repeated run that finds the update done writes nothing
    if (isDatabaseAway(error) || isCommitUnknown(error)) return true
    return mayRepeatConflict && isConflict(error)
  }

  /** Cut off by shutdown before it acted outside: the next process runs it. */
  #isLeftOpen(error: unknown, run: UpdateRun): boolean {
    return (
      run.unsafeCalls === 0 &&
      run.signal.aborted &&
      cutOf(run.signal.reason ?? error) === 'shutdown'
    )
  }

  async #fail(item: InboxItem, inbox: Inbox, run: UpdateRun, error: unknown): Promise<void> {
    const errorId = newErrorId()
    run.outcome = 'failed'
    run.errorId = errorId
    const place = this.#options.stacks.locationOf(error)
    run.log.error('update.failed', {
      errorId,
      userId: run.facts.userId,
      plugin: run.route?.plugin ?? place?.plugin,
      route: run.route?.name,
      error,
    })
    await this.#bury(item, inbox, errorId, `${codeOf(error) ?? 'Error'}: ${messageOf(error)}`)
    // only who asked for something is told; an event that nobody asked for fails in the log alone
    if (run.route === undefined || run.actor.kind !== 'user') return
    const say = this.#options.texts.in(run.language)
    const key = isVersionConflict(error) ? 'failed.conflict' : 'failed.handler'
    run.alert = say(key, { errorId })
    if (run.facts.kind === 'callback_query') await run.answerPress()
    else {
      run.answer = { kind: 'content', text: run.alert, buttons: [], mode: 'send' }
      await this.#send(run)
    }
  }

  async #bury(item: InboxItem, inbox: Inbox, errorId: string, reason: string): Promise<void> {
    await inbox.bury(item, reason, errorId)
    this.#options.log.error('update.dead-lettered', {
      updateId: item.facts.updateId,
      errorId,
      reason,
    })
  }

  async #answer(run: UpdateRun): Promise<void> {
    await Promise.all([this.#send(run), run.answerPress()])
  }

  /** What was committed stays committed: an answer that can't be sent is a line in the log. */
  async #send(run: UpdateRun): Promise<void> {
    if (run.answer === undefined) return
    try {
      await this.#options.sender.send(run, run.answer)
    } catch (error) {
      run.log.error('answer.failed', { chatId: run.facts.chatId, error })
    }
  }

  #sweep(): void {
    const now = performance.now()
    for (const { controller, endsAt } of this.#running) {
      if (endsAt <= now) controller.abort(cutOff('deadline'))
    }
  }
}

function cutOff(cut: Cut): OpsError {
  return cut === 'deadline'
    ? new OpsError('OPS_DEADLINE', `The handler didn't end within ${deadlineMs / 1000} s`, {
        details: { cut },
      })
    : new OpsError('OPS_SHUTDOWN', 'The bot is stopping', { details: { cut } })
}

function cutOf(reason: unknown): unknown {
  return reason instanceof OpsError ? reason.details.cut : undefined
}

/** Settles with the work, or rejects as soon as the signal is aborted; the work is then on its own. */
async function raceWith(signal: AbortSignal, work: Promise<void>): Promise<void> {
  let onAbort: (() => void) | undefined
  const cut = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    await Promise.race([work, cut])
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
  }
}
