import type { Clock } from '../clock.ts'
import { Batcher } from '../database/batcher.ts'
import { Cleaning } from '../database/cleaning.ts'
import type { Database, Queries } from '../database/connection.ts'
import type { Logger } from '../log/logger.ts'
import { Backoff, sleep } from '../telegram/backoff.ts'
import type { Gateway } from '../telegram/gateway.ts'
import type { OpsTelegram, SendLane } from '../telegram/telegram.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import { deliver } from './outgoing.ts'
import { type NewMessage, type OutboxRow, OutboxRows, type Settled, type TakenRow } from './rows.ts'

export interface OutboxOptions {
  readonly database: Database
  readonly gateway: Gateway
  /** Id of this instance. */
  readonly instance: string
  readonly clock: Clock
  readonly log: Logger
}

/** What other instances left, and what waits for another attempt, is looked for so often, ms. */
const sweepMs = 2_000
/** Messages on their way at once; those of the bulk lane mostly wait for their turn. */
const maxUnderWay: Readonly<Record<SendLane, number>> = { interactive: 32, bulk: 64 }
/** So long a message waits on its way when Telegram asks for it, ms. */
const patienceMs = 10_000
/** Without their text, for counts and against doing it twice. */
const keepDoneMs = 48 * 3_600_000
/** What was put aside is there for people to look at. */
const keepPutAsideMs = 30 * 24 * 3_600_000
const cleanEveryMs = 600_000
/** At a stop, for what has left already, ms. */
const lastAnswersMs = 800

/** To be sent by whoever comes next, as if nothing had been tried. */
const givenBack: Outcome = {
  state: 'waiting',
  error: 'stopped before it was sent',
  inMs: 0,
  tried: false,
  repeats: false,
}

/** The same for one that was cut off on its way: it may have arrived. */
const cutOff: Outcome = { ...givenBack, repeats: true }

/** A message that is about to leave; whether it may is found out. */
interface Beginning {
  readonly id: number
  isOurs: boolean
}

/** A message on its way. */
interface UnderWay {
  readonly lane: SendLane
  readonly abort: AbortController
  hasBegun: boolean
}

/**
 * Messages that must not be lost: rows that are written in the same transaction as what they tell of, and sent after
 * it by whoever wrote them. What a process leaves unsent, another one or its next start sends; a message is sent
 * twice only if the answer to the first time was lost.
 */
export class Outbox {
  readonly #rows: OutboxRows
  readonly #gateway: Gateway
  readonly #clock: Clock
  readonly #log: Logger
  /** Ids of all that is this process's: on its way, or what came of it not written yet. */
  readonly #held = new Set<number>()
  /** Of them, those that were written to be sent at once. */
  readonly #own = new Set<number>()
  /** What waits behind one of those could not be taken yet. */
  #wakeAfterOwn = false
  readonly #underWay = new Map<number, UnderWay>()
  readonly #beginning: Batcher<Beginning>
  readonly #settling: Batcher<Settled>
  /** Lanes whose rows are being taken. */
  readonly #taking = new Set<SendLane>()
  readonly #wanted = new Set<SendLane>()
  readonly #work = new Set<Promise<unknown>>()
  readonly #stopping = new AbortController()
  #cancelSweep: (() => void) | undefined
  #cleaning: Cleaning | undefined

  constructor({ database, gateway, instance, clock, log }: OutboxOptions) {
    this.#rows = new OutboxRows({ sql: database, owner: instance })
    this.#gateway = gateway
    this.#clock = clock
    this.#log = log
    this.#beginning = new Batcher((rows) => this.#begin(rows), 500)
    this.#settling = new Batcher((settled) => this.#write(settled), 500)
  }

  /** Sends what waits, and from now on what is written. */
  start(): void {
    this.#sweep()
    this.#cleaning = new Cleaning({
      what: 'outbox',
      clean: () => this.#clean(),
      log: this.#log,
      everyMs: cleanEveryMs,
    })
  }

  /** What is on its way may arrive, what has not left is given back. Never rejects. */
  async stop(): Promise<void> {
    this.#cancelSweep?.()
    this.#cleaning?.stop()
    this.#stopping.abort()
    for (const { hasBegun, abort } of this.#underWay.values()) if (!hasBegun) abort.abort()
    await Promise.race([this.idle(), sleep(lastAnswersMs)])
    for (const { abort } of this.#underWay.values()) abort.abort()
    await this.idle()
  }

  /** Writes messages; to be followed by `wake` after the commit. */
  write(sql: Queries, messages: readonly NewMessage[]): Promise<void> {
    return this.#rows.write(sql, messages)
  }

  /** Writes messages that the caller sends by `sendOwn` after the commit, or forgets by `forget` without one. */
  async writeOwn(sql: Queries, messages: readonly NewMessage[]): Promise<OutboxRow[]> {
    const rows = await this.#rows.writeOwn(sql, messages)
    // before the commit: what is seen in the table is never taken for somebody else's
    for (const { id } of rows) {
      this.#held.add(id)
      this.#own.add(id)
    }
    return rows
  }

  /** Telegram's id of a message that was sent; undefined when it wasn't, or was sent elsewhere, or that isn't known yet. */
  sentAs(id: number, chatId: number): Promise<number | undefined> {
    return this.#rows.sentAs(id, chatId)
  }

  forget(rows: readonly OutboxRow[]): void {
    for (const { id } of rows) {
      this.#held.delete(id)
      this.#own.delete(id)
    }
  }

  /**
   * Sends messages of `writeOwn` at once, in their order. Never rejects: what can't be sent now is sent later.
   *
   * @param signal of the calls
   */
  async sendOwn(
    rows: readonly OutboxRow[],
    telegram: OpsTelegram,
    signal: AbortSignal,
  ): Promise<void> {
    let before: Outcome | undefined
    for (const row of rows) {
      // what belongs behind one that waits, waits behind it
      before = before?.state === 'waiting' ? givenBack : await this.#attempt(row, telegram, signal)
      this.#follow(this.#settleOwn(row, before))
    }
  }

  /** There is something to send. */
  wake(): void {
    this.#wakeAfterOwn = this.#own.size > 0
    this.#take('interactive')
    this.#take('bulk')
  }

  /** Resolves when nothing is on its way; what waits for another attempt isn't. */
  async idle(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work)
  }

  #sweep(): void {
    this.wake()
    this.#cancelSweep = this.#clock.after(sweepMs, () => this.#sweep())
  }

  #clean(): Promise<void> {
    const now = Date.now()
    return this.#rows.clean({
      done: new Date(now - keepDoneMs),
      putAside: new Date(now - keepPutAsideMs),
    })
  }

  // ── take ──────────────────────────────────────────────────────────────────────────────────────

  #take(lane: SendLane): void {
    this.#wanted.add(lane)
    if (this.#taking.has(lane)) return
    this.#taking.add(lane)
    this.#follow(this.#takeAll(lane))
  }

  async #takeAll(lane: SendLane): Promise<void> {
    try {
      while (this.#wanted.delete(lane) && !this.#stopping.signal.aborted) {
        const room = maxUnderWay[lane] - this.#countUnderWay(lane)
        if (room <= 0) return
        const rows = await this.#rows.take(lane, room, [...this.#held])
        for (const row of rows) this.#follow(this.#carry(row))
      }
    } catch (error) {
      // the next sweep comes by itself
      if (!this.#stopping.signal.aborted) this.#log.warn('outbox.not-read', { error })
    } finally {
      this.#taking.delete(lane)
    }
  }

  #countUnderWay(lane: SendLane): number {
    return [...this.#underWay.values()].filter((one) => one.lane === lane).length
  }

  // ── send ──────────────────────────────────────────────────────────────────────────────────────

  /** Takes one message to its end, then looks for the next. Never rejects. */
  async #carry(row: TakenRow): Promise<void> {
    const { id, lane, kind, chatId } = row
    const underWay: UnderWay = { lane, abort: new AbortController(), hasBegun: false }
    this.#held.add(id)
    this.#underWay.set(id, underWay)
    const outcome = await this.#outcomeOf(row, underWay)
    this.#underWay.delete(id)
    if (outcome === undefined) this.#held.delete(id)
    else {
      if (row.maybeSent) this.#log.info('outbox.repeated', { id, kind, chatId })
      await this.#settle(row, outcome)
    }
    this.#take(lane)
  }

  /** @returns undefined when it is no longer this process's, or is left for whoever comes next */
  async #outcomeOf(row: TakenRow, underWay: UnderWay): Promise<Outcome | undefined> {
    if (row.maybeSent && row.ifUnsure === 'mark') {
      return { state: 'unsure', error: 'the process ended while it was sent' }
    }
    if (row.expired) return { state: 'failed', error: 'its time was over before it could be sent' }
    const { signal } = underWay.abort
    const beginning: Beginning = { id: row.id, isOurs: true }
    const telegram = this.#gateway.with({
      lane: row.lane,
      signal,
      // what has to wait longer waits in the table, and leaves its place to others
      deadlineAt: this.#clock.now() + patienceMs,
      // an edit may be made twice: whether it was begun matters for new messages alone
      onUnsafeCall: async () => {
        await this.#beginning.add(beginning)
        if (!beginning.isOurs) throw new Error('Another instance has it, or somebody stopped it')
        underWay.hasBegun = true
      },
    })
    const outcome = await this.#attempt(row, telegram, signal)
    if (!beginning.isOurs) return undefined
    if (outcome !== cutOff) return outcome
    // of what has left the next process decides by the row whether it is sent again
    return underWay.hasBegun ? undefined : givenBack
  }

  async #begin(rows: readonly Beginning[]): Promise<void> {
    const ids = rows.map(({ id }) => id)
    // what can't be noted doesn't leave: the next sweep takes it again
    const begun = await this.#rows.begin(ids).catch((error: unknown) => {
      this.#log.warn('outbox.not-begun', { error })
      return new Set<number>()
    })
    for (const row of rows) row.isOurs = begun.has(row.id)
  }

  /** Never rejects. */
  async #attempt(row: OutboxRow, telegram: OpsTelegram, signal: AbortSignal): Promise<Outcome> {
    const { id, kind, chatId, outgoing } = row
    try {
      const { message_id } = await deliver(telegram, chatId, outgoing)
      return { state: 'sent', messageId: message_id }
    } catch (error) {
      if (signal.aborted) return cutOff
      const outcome = outcomeOf(error, row)
      const facts = { id, kind, chatId, error }
      if (outcome.state === 'waiting') this.#log.warn('outbox.delayed', facts)
      else this.#log.error('outbox.not-sent', { ...facts, state: outcome.state })
      return outcome
    }
  }

  // ── settle ────────────────────────────────────────────────────────────────────────────────────

  async #settle({ id }: OutboxRow, outcome: Outcome): Promise<void> {
    await this.#settling.add({ id, outcome })
    this.#held.delete(id)
  }

  async #settleOwn(row: OutboxRow, outcome: Outcome): Promise<void> {
    await this.#settle(row, outcome)
    this.#own.delete(row.id)
    if (this.#wakeAfterOwn) this.wake()
  }

  /** Tries until it is written; at a stop once more, then the next process finds them begun. */
  async #write(settled: readonly Settled[]): Promise<void> {
    const { signal } = this.#stopping
    const backoff = new Backoff({ firstMs: 100, maxMs: 5_000 })
    for (;;) {
      try {
        return await this.#rows.settle(settled)
      } catch (error) {
        this.#log.warn('outbox.not-written', { error })
        if (signal.aborted) return
        await sleep(backoff.next(), signal).catch(() => undefined)
      }
    }
  }

  #follow(work: Promise<unknown>): void {
    this.#work.add(work)
    void work.finally(() => this.#work.delete(work))
  }
}
