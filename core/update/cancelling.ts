import type { UpdateRun } from '../plugin/run/run.ts'
import type { Deadline } from './deadline.ts'
import type { InboxItem } from './inbox/item.ts'
import { commandWord } from './router.ts'

/** The core's own command; a plugin's `cancel` answers in its place, and what runs is cancelled all the same. */
export const cancelWord = 'cancel'

interface Running {
  /** Undefined when it has ended: the tables that a Map outgrew would keep it alive. */
  now: { readonly run: UpdateRun; readonly deadline: Deadline } | undefined
}

/**
 * `/cancel`: ends what runs in the chat for the same person. It would wait in its lane for just that, so it acts as soon as
 * the update is there, and answers in its turn.
 */
export class Cancelling {
  readonly #botUsername: string
  readonly #running = new Map<string, Running>()
  /** What was cancelled, by the id of the update that did it. */
  readonly #cancelled = new Map<number, string>()

  constructor(botUsername: string) {
    this.#botUsername = botUsername
  }

  /** Runs a handler that may be cancelled. */
  async during(run: UpdateRun, deadline: Deadline, work: () => Promise<void>): Promise<void> {
    const { lane } = run.facts
    const running: Running = { now: { run, deadline } }
    this.#running.set(lane, running)
    try {
      await work()
    } finally {
      running.now = undefined
      this.#running.delete(lane)
    }
  }

  /** An update has arrived, and waits for its turn. */
  arrived({ update, facts }: InboxItem): void {
    const running = this.#running.get(facts.lane)?.now
    if (running === undefined || facts.senderChatId !== undefined) return
    const { run, deadline } = running
    const isOwn = run.admitted && run.isUser && run.facts.userId === facts.userId
    // what is only just being written is done
    if (!isOwn || run.commit === 'running' || run.signal.aborted) return
    if (commandWord(update, facts, this.#botUsername) !== cancelWord) return
    this.#cancelled.set(facts.updateId, run.route?.name ?? '')
    deadline.cancel()
  }

  /** What an update has cancelled, told once. */
  takenBy(updateId: number): string | undefined {
    const name = this.#cancelled.get(updateId)
    this.#cancelled.delete(updateId)
    return name
  }
}
