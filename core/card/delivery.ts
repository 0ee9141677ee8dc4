import type { Logger } from '../log/logger.ts'
import type { Face } from './card.ts'
import type { CardPost } from './post.ts'
import type { Recipient } from './recipients.ts'
import type { CardRow, CardRows } from './rows.ts'

/** Default of `paceMs`. */
const defaultPaceMs = 3_000
/** Between attempts to show what didn't arrive, ms; doubled each time. */
const firstRetryMs = 2_000
const lastRetryMs = 60_000

export interface DeliveryParts {
  readonly rows: CardRows
  readonly post: CardPost
  /** Who gets a card; undefined: it is not shown to anybody now. */
  readonly recipientsOf: (card: CardRow) => Promise<readonly Recipient[]> | undefined
  readonly log: Logger
  /** A card is shown anew at most so often, ms; the newest state wins, and the last one always arrives. */
  readonly paceMs?: number | undefined
  /** How a card looks to a person; undefined when this version doesn't know such cards. */
  readonly faceOf: (card: CardRow, reader: Recipient) => Face | undefined
}

/** Brings cards into the chats of those who get them: each card in turn, at its pace, until all of them show its last state. */
export class Delivery {
  readonly #parts: DeliveryParts
  /** Of cards that are to be shown: when, and how often that failed. */
  readonly #timers = new Map<number, NodeJS.Timeout>()
  readonly #shownAt = new Map<number, number>()
  readonly #failures = new Map<number, number>()
  readonly #running = new Map<number, Promise<void>>()
  readonly #skipped = new Set<string>()
  #stopped = false

  constructor(parts: DeliveryParts) {
    this.#parts = parts
  }

  /** There is something new about a card. */
  touch(card: number, delayMs = 0): void {
    if (this.#stopped || this.#timers.has(card)) return
    const waitMs = Math.max(delayMs, this.#tooSoonMs(card))
    this.#timers.set(
      card,
      setTimeout(() => {
        // whoever touches it from here on is served after this
        this.#timers.delete(card)
        void this.#begin(card)
      }, waitMs),
    )
  }

  /** For how long a card is not to be shown anew yet. */
  #tooSoonMs(card: number): number {
    const { paceMs = defaultPaceMs } = this.#parts
    const sinceMs = performance.now() - (this.#shownAt.get(card) ?? Number.NEGATIVE_INFINITY)
    return Math.max(0, paceMs - sinceMs)
  }

  /** Resolves when no attempt runs any more; none is begun. What is behind is shown by the next process. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
    await Promise.all(this.#running.values())
  }

  async #begin(card: number): Promise<void> {
    const before = this.#running.get(card)
    const work = (before ?? Promise.resolve()).then(() =>
      // it was touched while the one before had shown nothing yet
      this.#tooSoonMs(card) > 0 ? this.touch(card) : this.#attempt(card),
    )
    this.#running.set(card, work)
    await work
    if (this.#running.get(card) === work) this.#running.delete(card)
  }

  async #attempt(id: number): Promise<void> {
    let isDone = false
    try {
      isDone = await this.#show(id)
    } catch (error) {
      if (!this.#stopped) this.#parts.log.warn('card.not-shown', { card: id, error })
    }
    if (isDone) this.#failures.delete(id)
    else if (!this.#stopped) {
      const failures = this.#failures.get(id) ?? 0
      this.#failures.set(id, failures + 1)
      this.touch(id, Math.min(lastRetryMs, firstRetryMs * 2 ** failures))
    }
  }

  /** @returns whether everybody sees it now who can */
  async #show(id: number): Promise<boolean> {
    const { rows, recipientsOf } = this.#parts
    const card = await rows.find(id)
    const recipients = card && recipientsOf(card)
    if (card === undefined || recipients === undefined) return true
    const people = new Map((await recipients).map((one) => [one.telegramId, one]))
    // who has seen nothing of it need not hear that it is over
    if (card.state === 'open') await rows.address(id, this.#reachable(card, [...people.values()]))
    for (const { chat_id, message_id } of await rows.claim(id, card.version)) {
      const person = people.get(chat_id)
      const ended = message_id === null && card.state !== 'open'
      if (person === undefined || ended) {
        await rows.failed(id, chat_id, ended ? 'ended' : 'no-owner')
        continue
      }
      await this.#showTo(card, person, message_id)
    }
    return !(await rows.isBehind(id, card.version))
  }

  #reachable(card: CardRow, people: readonly Recipient[]): number[] {
    for (const { telegramId, wrote } of people) {
      if (!wrote) this.#skip(card, telegramId, 'never-wrote')
    }
    return people.filter(({ wrote }) => wrote).map(({ telegramId }) => telegramId)
  }

  async #showTo(card: CardRow, person: Recipient, messageId: number | null): Promise<void> {
    const { rows, post, log, faceOf } = this.#parts
    const { telegramId } = person
    const face = faceOf(card, person)
    if (face === undefined) {
      return rows.failed(card.id, telegramId, 'unknown')
    }
    this.#shownAt.set(card.id, performance.now())
    try {
      const shown =
        messageId === null
          ? await post.send(telegramId, card, face)
          : (await post.edit(telegramId, messageId, card, face)) && messageId
      if (shown === undefined || shown === false) {
        const reason = messageId === null ? 'not-reachable' : 'deleted'
        this.#skip(card, telegramId, reason)
        return await rows.failed(card.id, telegramId, reason)
      }
      await rows.shown(card.id, telegramId, shown, card.version)
      if (messageId === null) log.info('card.sent', { ...facts(card), userId: telegramId })
    } catch (error) {
      if (!this.#stopped) log.warn('card.not-shown', { ...facts(card), userId: telegramId, error })
      await rows.failed(card.id, telegramId, undefined)
    }
  }

  #skip(card: CardRow, userId: number, reason: string): void {
    const key = `${card.id} ${userId} ${reason}`
    if (this.#skipped.has(key)) return
    this.#skipped.add(key)
    this.#parts.log.info('card.skipped', { ...facts(card), userId, reason })
  }
}

function facts({ id, kind, subject }: CardRow): { card: number; kind: string; subject: string } {
  return { card: id, kind, subject }
}
