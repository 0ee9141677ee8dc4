import type { UserFromGetMe } from 'telegraf/types'
import type { Clock } from '../clock.ts'
import type { Database } from '../database/connection.ts'
import {
  isCommitUnknown,
  isDatabaseAway,
  isOvertaken,
  isVersionConflict,
} from '../database/failure.ts'
import { codeOf, messageOf } from '../errors.ts'
import type { HttpCalls } from '../http/client/client.ts'
import type { Texts } from '../i18n/texts.ts'
import type { JobQueue } from '../job/queue.ts'
import type { Logger } from '../log/logger.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { ChatSettingsCache } from '../plugin/chats/settings.ts'
import type { PluginStacks } from '../plugin/code/stack.ts'
import type { Live } from '../plugin/generation/live.ts'
import { PluginHeld } from '../plugin/reload/room.ts'
import { message } from '../plugin/run/content.ts'
import { type PeopleDefaults, UpdateRun } from '../plugin/run/run.ts'
import type { ContentSender } from '../plugin/run/sender.ts'
import type { States } from '../session/states.ts'
import { Backoff, sleep } from '../telegram/backoff.ts'
import type { Gateway } from '../telegram/gateway.ts'
import type { OpsTelegram } from '../telegram/telegram.ts'
import { Cancelling } from './cancelling.ts'
import { type CommitParts, commitEarly, commitRun } from './commit.ts'
import { type Deadline, Deadlines, untilAborted } from './deadline.ts'
import type { Dispatcher } from './dispatcher.ts'
import { newErrorId } from './error-id.ts'
import type { Inbox } from './inbox/inbox.ts'
import type { InboxItem } from './inbox/item.ts'
import { Semaphore } from './inbox/semaphore.ts'

export interface HandlingOptions {
  live: Live
  dispatcher: Dispatcher
  gateway: Gateway
  sender: ContentSender
  states: Pick<States, 'find'>
  outbox: Outbox
  database: Database
  queue: JobQueue
  calls: HttpCalls
  botInfo: UserFromGetMe
  texts: Texts
  defaults: PeopleDefaults
  /** What was decided for single chats. */
  chats: Pick<ChatSettingsCache, 'of' | 'look'>
  /** Tells in which plugin an error arose. */
  stacks: PluginStacks
  log: Logger
  clock: Clock
  /** What a handler has, ms; then its signal is aborted and its update put aside. */
  limitMs: number
  /** Told of each settled update. */
  settled: (run: UpdateRun) => void
}

/** What was known of a person's rights when an update was accepted is asked for again when it waited for so long, ms. */
const epochMs = 1_000
/** The next update of the chat doesn't wait for more than that until buttons are gone, ms. */
const closeMs = 2_000
/** Conflicts with other writers are repeated so often. */
const maxConflicts = 3

/**
 * Takes one accepted update to its end: runs it on the live generation, commits it with its effects,
 * answers, and decides what a failure means. A run is repeated on its own only if it failed by the
 * infrastructure and made no call outside that can't simply be made again; all else is told to the
 * person with an error id and put aside.
 */
export class UpdateHandling {
  readonly #options: HandlingOptions
  readonly #commits: Semaphore
  readonly #deadlines: Deadlines
  readonly #cancelling: Cancelling
  readonly #stopping = new AbortController()

  constructor(options: HandlingOptions) {
    this.#options = options
    // accepts and lanes have bounds of their own; commits may not take the last connections
    this.#commits = new Semaphore(Math.max(1, options.database.poolMax - 2))
    this.#deadlines = new Deadlines(options.limitMs, options.clock)
    this.#cancelling = new Cancelling(options.botInfo.username)
  }

  /** An update waits for its turn; if it cancels what runs before it, that is done now. */
  arrived(item: InboxItem): void {
    this.#cancelling.arrived(item)
  }

  /** Ends all running handlers' signals; their updates stay open, or are put aside if they acted outside. */
  abort(): void {
    this.#stopping.abort()
    this.#deadlines.shutDown()
  }

  stop(): void {
    this.#deadlines.stop()
  }

  /** Never rejects. */
  async handle(item: InboxItem, inbox: Inbox): Promise<void> {
    const { log } = this.#options
    const { updateId } = item.facts
    const backoff = new Backoff({ firstMs: 50, maxMs: 5_000 })
    let conflicts = 0
    let noDialog = inbox.hasNoDialog(item)
    try {
      for (;;) {
        const failure = await this.#attempt(item, inbox, conflicts < maxConflicts, noDialog)
        noDialog = false
        if (failure === undefined) return
        if (failure instanceof PluginHeld) {
          await untilAborted(this.#stopping.signal, failure.until).catch(() => undefined)
          if (this.#stopping.signal.aborted) return
          continue
        }
        if (isOvertaken(failure)) conflicts++
        log.warn('update.repeated', { updateId, error: failure })
        // an update that waits here at a stop stays open for the next process
        await sleep(backoff.next(), this.#stopping.signal).catch(() => undefined)
        if (this.#stopping.signal.aborted) return
      }
    } catch (error) {
      // a fault of the core itself, on which the lane must not wait
      const errorId = newErrorId()
      log.error('update.failed', { updateId, errorId, error })
      await this.#bury(item, inbox, errorId, messageOf(error))
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
  async #attempt(
    item: InboxItem,
    inbox: Inbox,
    mayRepeatConflict: boolean,
    noDialog: boolean,
  ): Promise<unknown> {
    const { live, dispatcher, settled } = this.#options
    try {
      await this.#lookAtChat(item)
    } catch (error) {
      return error
    }
    const deadline = this.#deadlines.begin()
    const held = live.take({
      plugin() {
        return run.route?.plugin
      },
      cut() {
        deadline.cut()
      },
    })
    const { generation } = held
    const { signal } = deadline
    let early: Promise<void> | undefined
    const run = this.#newRun(item, { generation, signal, noDialog }, async (work) => {
      // what is being written is not cut off half-way
      deadline.pause()
      early = commitEarly(run, item, this.#commitParts(inbox), work)
      await early
      deadline.restart()
    })
    // the stamp: from here to its end the update belongs to this generation, whatever is committed meanwhile
    run.log.debug('update.taken')
    let repeat: unknown
    try {
      await dispatcher.dispatch(run, async (admit) => {
        try {
          await this.#complete(item, inbox, run, deadline, admit)
        } catch (error) {
          run.outcome = 'repeated'
          // cut off in the middle of its commit: what came of that decides
          await early?.catch(() => undefined)
          if (run.commit === 'lost') return
          if (isCancelled(run)) return this.#dropCancelled(item, inbox, run)
          const isHeld = error instanceof PluginHeld && run.commit === 'open'
          if (isHeld || this.#isRepeatable(error, run, mayRepeatConflict)) repeat = error
          else if (!isLeftOpen(run)) await this.#fail(item, inbox, run, error)
        }
        // for what observers do afterwards
        deadline.restart()
      })
    } finally {
      if (run.commit === 'committed') for (const work of run.afterCommit.splice(0)) work()
      deadline.end()
      held.release()
    }
    if (repeat === undefined) settled(run)
    return repeat
  }

  /** What was decided for its chat came with the update, unless another process accepted it or it had to wait. */
  async #lookAtChat({ facts: { chatId }, isFound, acceptedAt }: InboxItem): Promise<void> {
    if (chatId === undefined || chatId > 0) return
    if (isFound || performance.now() - acceptedAt >= epochMs) await this.#options.chats.look(chatId)
  }

  async #complete(
    item: InboxItem,
    inbox: Inbox,
    run: UpdateRun,
    deadline: Deadline,
    admit: () => Promise<void>,
  ): Promise<void> {
    await this.#cancelling.during(run, deadline, () => untilAborted(run.signal, admit()))
    // handled in time: what it wrote and said is not cut off half-way
    deadline.pause()
    if ((await commitRun(run, item, this.#commitParts(inbox))) === 'lost') {
      run.outcome = 'repeated'
      return
    }
    const { outbox } = this.#options
    await Promise.all([
      outbox.sendOwn(run.kept, run.telegram, run.signal),
      this.#answer(run, run.telegram),
      run.answerPress(),
      this.#closeQuestion(run),
    ])
  }

  /** A question that was answered by a message, or is over, loses its buttons, as one that was pressed. Never rejects. */
  async #closeQuestion({ session, question, facts, signal, log }: UpdateRun): Promise<void> {
    const { chatId, messageId, updateId } = facts
    if (session === undefined || question === undefined || chatId === undefined) return
    const { gateway, outbox } = this.#options
    try {
      const asked = await outbox.sentAs(question, chatId)
      if (asked === undefined || asked === messageId) return
      const soon = AbortSignal.any([signal, AbortSignal.timeout(closeMs)])
      const telegram = gateway.with({ signal: soon, updateId })
      await telegram.editMessageReplyMarkup(chatId, asked, undefined, undefined)
    } catch (error) {
      // pressed, they say that the question stands no more
      log.debug('dialog.buttons-left', { error })
    }
  }

  #commitParts(inbox: Inbox): CommitParts {
    const { outbox, sender, database, queue } = this.#options
    return { inbox, outbox, sender, database, queue, commits: this.#commits }
  }

  #newRun(
    { update, facts, acceptedAt, authEpoch }: InboxItem,
    { generation, signal, noDialog }: Pick<UpdateRun, 'generation' | 'signal' | 'noDialog'>,
    commitNow: UpdateRun['commitNow'],
  ): UpdateRun {
    const { gateway, sender, states, botInfo, defaults, chats, log, clock } = this.#options
    const { updateId, chatId, userId } = facts
    const telegram = gateway.with({
      signal,
      updateId,
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
      states,
      defaults,
      chat: chats.of(chatId),
      clock,
      signal,
      calls: this.#options.calls,
      commitNow,
      authEpoch: performance.now() - acceptedAt < epochMs ? authEpoch : undefined,
      noDialog,
      acceptedAt,
      cancelled: this.#cancelling.takenBy(updateId),
      log: log.child({ updateId, chatId, userId, generation: generation.id }),
    })
    return run
  }

  #isRepeatable(error: unknown, run: UpdateRun, mayRepeatConflict: boolean): boolean {
    if (run.unsafeCalls > 0 || run.commit !== 'open') return false
    if (run.signal.aborted) return codeOf(run.signal.reason) === 'OPS_RELOADED'
    // after an unknown commit the claim decides: a repeated run that finds the update done writes nothing
    if (isDatabaseAway(error) || isCommitUnknown(error)) return true
    return mayRepeatConflict && isOvertaken(error)
  }

  /** Nothing of it is written; what was said already stays said. */
  async #dropCancelled(item: InboxItem, inbox: Inbox, run: UpdateRun): Promise<void> {
    run.outcome = 'cancelled'
    run.log.info('update.cancelled', { plugin: run.route?.plugin, route: run.route?.name })
    if (run.commit === 'open') inbox.done(item)
    // a handler that doesn't look at its signal can't commit any more
    run.commit = 'lost'
    const { signal } = this.#stopping
    const { gateway, outbox } = this.#options
    const telegram = gateway.with({ signal, updateId: run.facts.updateId })
    await Promise.all([outbox.sendOwn(run.kept, telegram, signal), run.answerPress(telegram)])
  }

  async #fail(item: InboxItem, inbox: Inbox, run: UpdateRun, error: unknown): Promise<void> {
    const errorId = newErrorId()
    run.outcome = 'failed'
    run.errorId = errorId
    run.failureCode = codeOf(error) ?? 'Error'
    const place = this.#options.stacks.locationOf(error)
    run.log.error('update.failed', {
      errorId,
      plugin: run.route?.plugin ?? place?.plugin,
      route: run.route?.name,
      error,
    })
    const kind = codeOf(error) ?? (error instanceof Error ? error.name : 'Error')
    // what is committed is done, whatever failed after it
    if (run.commit === 'open')
      await this.#bury(item, inbox, errorId, `${kind}: ${messageOf(error)}`)
    await this.#apologize(run, isVersionConflict(error) ? 'failed.conflict' : 'failed.handler')
  }

  /** Only who asked for something is told; an event that nobody asked for fails in the log alone. */
  async #apologize(run: UpdateRun, key: string): Promise<void> {
    const { gateway, texts, outbox } = this.#options
    // calls of the run end with its signal, which may be what the handler failed of
    const { signal } = this.#stopping
    const telegram = gateway.with({ signal, updateId: run.facts.updateId })
    run.answers.length = 0
    if (run.asked) {
      const text = texts.in(run.language)(key, { errorId: run.errorId })
      // a press that was answered already can't show anything any more
      if (run.pressId === undefined || run.pressAnswered) run.say(message(text))
      else run.alert = text
    }
    await Promise.all([
      // written by an early commit
      outbox.sendOwn(run.kept, telegram, signal),
      this.#answer(run, telegram),
      run.answerPress(telegram),
    ])
  }

  async #bury(item: InboxItem, inbox: Inbox, errorId: string, reason: string): Promise<void> {
    if (!(await inbox.bury(item, this.#options.log.redact(reason), errorId))) return
    const { updateId } = item.facts
    this.#options.log.error('update.dead-lettered', { updateId, errorId, reason })
  }

  /** What was committed stays committed: an answer that can't be sent is a line in the log. */
  async #answer({ facts, answers, log }: UpdateRun, telegram: OpsTelegram): Promise<void> {
    for (const content of answers) {
      try {
        await this.#options.sender.send({ facts, telegram }, content)
      } catch (error) {
        log.error('answer.failed', { error })
      }
    }
  }
}

function isCancelled({ signal }: UpdateRun): boolean {
  return signal.aborted && codeOf(signal.reason) === 'OPS_CANCELLED'
}

/** Cut off by a shutdown before it acted outside: the next process runs it. */
function isLeftOpen({ signal, unsafeCalls, commit }: UpdateRun): boolean {
  return (
    commit === 'open' &&
    unsafeCalls === 0 &&
    signal.aborted &&
    codeOf(signal.reason) === 'OPS_SHUTDOWN'
  )
}
