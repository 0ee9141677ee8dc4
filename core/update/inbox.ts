import type { Update } from 'telegraf/types'
import { acceptedJson } from '../database/bulk-values.ts'
import type { Database, Queries } from '../database/connection.ts'
import { inboxState } from '../database/entities/inbox-row.ts'
import type { EntityManager } from '../database/orm.ts'
import type { Logger } from '../log/logger.ts'
import { Backoff, sleep } from '../telegram/backoff.ts'
import { factsOf, type UpdateFacts } from '../telegram/facts.ts'
import { Batcher } from './batcher.ts'
import { Lanes } from './lane.ts'
import { Semaphore } from './semaphore.ts'

/** An accepted update: durable, in its lane's order. */
export interface InboxItem {
  readonly update: Update
  readonly facts: UpdateFacts
  /** How many processes ended before it did, perhaps because of it; 0 for what is new. */
  readonly endings: number
}

export interface InboxOptions {
  database: Database
  botId: number
  /** Handles one update to its end; must not reject. */
  handle: (item: InboxItem) => Promise<void>
  /** An update at which process after process was killed; must not reject. */
  poison: (item: InboxItem) => Promise<void>
  log: Logger
}

/** Open updates in memory; above it accepting waits, so polling stops fetching. */
const maxOpen = 10_000
/** Lanes that work at once. */
const maxActiveLanes = 256
/** Updates in one INSERT. */
const maxBatch = 200
/** After so many tries of one update by process after process there is no further one. */
const maxTries = 3
/** Telegram sends an update again for at most 24 h; twice that for deduplication. */
const keepDoneMs = 48 * 3_600_000
const cleanEveryMs = 600_000

interface Row {
  payload: string
  tries: number
}

/**
 * The durable place between "accepted" and "handled", for one process: an update is written before
 * Telegram is told, once whatever Telegram repeats; lanes keep each chat's order; what a killed
 * process left open is handled by the next.
 */
export class Inbox {
  readonly #options: InboxOptions
  readonly #sql: Queries
  readonly #lanes: Lanes<InboxItem>
  readonly #accepting: Batcher<Update>
  readonly #finishing: Batcher<number>
  /** Ids of updates in memory, until they are marked as done. */
  readonly #open = new Set<number>()
  /** Handled, and not yet marked: Telegram may send them again meanwhile. */
  readonly #marking = new Set<number>()
  /**
   * What was there when two processes ended runs alone: the next end is then its own, not counted for
   * those that only happened to run beside the one that kills.
   */
  readonly #suspects = new Semaphore(1)
  readonly #stopping = new AbortController()
  #room: (() => void)[] = []
  #cleaner: NodeJS.Timeout | undefined

  constructor(options: InboxOptions) {
    this.#options = options
    this.#sql = options.database.inbox
    this.#lanes = new Lanes((item) => this.#work(item), maxActiveLanes)
    this.#accepting = new Batcher((updates) => this.#insert(updates), maxBatch)
    this.#finishing = new Batcher((ids) => this.#finish(ids), 500)
  }

  /** Updates that were accepted and are not done. */
  get open(): number {
    return this.#open.size
  }

  /** Takes over what an earlier process left open. To be called once, before the first accept. */
  async start(): Promise<void> {
    const rows = await this.#sql.query<Row>(
      `select payload, tries from inbox
       where bot_id = $1 and state = ${inboxState.open} order by seq`,
      [this.#options.botId],
    )
    if (rows.length > 0) this.#options.log.info('inbox.taken-over', { updates: rows.length })
    for (const { payload, tries } of rows) this.#offer(payload, tries + 1)
    this.#cleaner = setInterval(() => void this.#clean(), cleanEveryMs)
    this.#cleaner.unref()
  }

  /** Resolves when all of them are durable (known ones are); rejects when they can't be stored. */
  async accept(updates: readonly Update[]): Promise<void> {
    while (this.#open.size >= maxOpen) {
      await new Promise<void>((resolve) => this.#room.push(resolve))
    }
    await Promise.all(updates.map((update) => this.#accepting.add(update)))
  }

  /** Completes an update whose run wrote nothing; soon, together with others. */
  done({ facts }: InboxItem): void {
    // a process that dies before the mark runs the update again; it wrote nothing, so nothing is doubled
    this.#marking.add(facts.updateId)
    void this.#finishing.add(facts.updateId).then(() => this.#marking.delete(facts.updateId))
  }

  /**
   * The claim, to be run first in the transaction that completes an update.
   * @returns false when it is no longer open: somebody else completed it
   */
  async claim(em: EntityManager, { facts }: InboxItem): Promise<boolean> {
    const rows = await em.execute<unknown[]>(
      `update inbox set state = ${inboxState.done}, payload = null, done_at = now()
       where bot_id = ? and update_id = ? and state = ${inboxState.open} returning 1 as claimed`,
      [this.#options.botId, facts.updateId],
    )
    return rows.length > 0
  }

  /**
   * Whether an update is done: for a COMMIT whose answer was lost. Waits until the database can tell;
   * false too when the stop comes first.
   */
  async isDone({ facts }: InboxItem): Promise<boolean> {
    let state: number | undefined
    await this.#persist(async () => {
      // locks the row: a session that is still at the COMMIT is waited for
      const rows = await this.#sql.query<{ state: number }>(
        'select state from inbox where bot_id = $1 and update_id = $2 for update',
        [this.#options.botId, facts.updateId],
      )
      state = rows[0]?.state
    })
    return state === inboxState.done
  }

  /** Puts an update aside, with its payload, for people to look at. @returns false when the stop came first: it stays open */
  async bury({ facts }: InboxItem, reason: string, errorId: string): Promise<boolean> {
    return this.#persist(() =>
      this.#sql.query(
        `update inbox set state = ${inboxState.dead}, error = $3, error_id = $4, done_at = now()
         where bot_id = $1 and update_id = $2 and state = ${inboxState.open}`,
        [this.#options.botId, facts.updateId, reason.replaceAll('\0', '').slice(0, 2_000), errorId],
      ),
    )
  }

  /** Resolves when nothing is left to do. */
  idle(): Promise<void> {
    return this.#lanes.idle()
  }

  /** Resolves when nothing is left to do, or when the signal is aborted. */
  async drain(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    await Promise.race([
      this.#lanes.idle(),
      new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => resolve(), { once: true }),
      ),
    ])
  }

  /** Drops from memory what has not begun; it stays open in the database for the next process. */
  async stop(): Promise<void> {
    clearInterval(this.#cleaner)
    this.#lanes.clear()
    // before the lanes are waited for: one of them may be waiting for a database that is away
    this.#stopping.abort()
    await this.#lanes.idle()
    // marks that wait behind the last batch
    await this.#finishing.idle()
  }

  async #insert(given: Update[]): Promise<void> {
    const accepted = given.map(acceptable)
    const facts = accepted.map(({ update }) => factsOf(update))
    const rows = await this.#sql.query<{ update_id: number | string }>(
      `insert into inbox (bot_id, update_id, part, lane, payload, received_at)
       select $1, u.id, u.part, u.lane, u.payload, now()
       from unnest($2::bigint[], $3::smallint[], $4::text[], $5::text[]) as u(id, part, lane, payload)
       on conflict do nothing returning update_id`,
      [
        this.#options.botId,
        facts.map(({ updateId }) => updateId),
        facts.map(({ lane }) => partOf(lane)),
        facts.map(({ lane }) => lane),
        accepted.map(({ payload }) => payload),
      ],
    )
    const fresh = new Set(rows.map((row) => Number(row.update_id)))
    const known: number[] = []
    for (const [index, { update }] of accepted.entries()) {
      const own = facts[index]
      if (own === undefined) continue
      if (fresh.delete(own.updateId)) this.#push({ update, facts: own, endings: 0 })
      else known.push(own.updateId)
    }
    if (known.length > 0) await this.#reload(known)
  }

  /**
   * Known ids are done, or in memory; or an earlier INSERT was committed and its answer lost: then
   * they are open and nobody works on them.
   */
  async #reload(ids: readonly number[]): Promise<void> {
    const lost = ids.filter((id) => !this.#open.has(id) && !this.#marking.has(id))
    if (lost.length === 0) return
    const rows = await this.#sql.query<Pick<Row, 'payload'>>(
      `select payload from inbox
       where bot_id = $1 and update_id = any($2::bigint[]) and state = ${inboxState.open} order by seq`,
      [this.#options.botId, lost],
    )
    for (const { payload } of rows) this.#offer(payload, 0)
  }

  #offer(payload: string, endings: number): void {
    // our own INSERT wrote it from a parsed update
    const update = JSON.parse(payload) as Update
    this.#push({ update, facts: factsOf(update), endings })
  }

  #push(item: InboxItem): void {
    if (this.#open.has(item.facts.updateId)) return
    this.#open.add(item.facts.updateId)
    this.#lanes.push(item.facts.lane, item)
  }

  async #work(item: InboxItem): Promise<void> {
    try {
      if (item.endings > 1) await this.#suspects.use(() => this.#retake(item))
      else if (item.endings > 0) await this.#retake(item)
      else await this.#options.handle(item)
    } finally {
      this.#open.delete(item.facts.updateId)
      if (this.#open.size < maxOpen) for (const resolve of this.#room.splice(0)) resolve()
    }
  }

  async #retake(item: InboxItem): Promise<void> {
    if (await this.#isPoison(item)) await this.#options.poison(item)
    else await this.#options.handle(item)
  }

  /** The try is counted before the run: an update that kills the process can't loop. */
  async #isPoison({ facts }: InboxItem): Promise<boolean> {
    let tries = 0
    await this.#persist(async () => {
      const rows = await this.#sql.query<{ tries: number }>(
        'update inbox set tries = tries + 1 where bot_id = $1 and update_id = $2 returning tries',
        [this.#options.botId, facts.updateId],
      )
      tries = rows[0]?.tries ?? 0
    })
    return tries > maxTries
  }

  async #finish(ids: number[]): Promise<void> {
    await this.#persist(() =>
      this.#sql.query(
        `update inbox set state = ${inboxState.done}, payload = null, done_at = now()
         where bot_id = $1 and update_id = any($2::bigint[]) and state = ${inboxState.open}`,
        [this.#options.botId, ids],
      ),
    )
  }

  /** Tries until it is done; at stop once more, then the row stays open for the next process. */
  async #persist(write: () => Promise<unknown>): Promise<boolean> {
    const backoff = new Backoff({ firstMs: 100, maxMs: 5_000 })
    for (;;) {
      try {
        await write()
        return true
      } catch (error) {
        this.#options.log.warn('inbox.write-failed', { error })
        if (this.#stopping.signal.aborted) return false
        // an abort ends the wait for one last try
        await sleep(backoff.next(), this.#stopping.signal).catch(() => undefined)
      }
    }
  }

  async #clean(): Promise<void> {
    try {
      const before = new Date(Date.now() - keepDoneMs).toISOString()
      for (let removed = 1; removed > 0; ) {
        const rows = await this.#sql.query(
          `delete from inbox where ctid = any(array(
             select ctid from inbox where state = ${inboxState.done} and done_at < $1 limit 2000)) returning 1`,
          [before],
        )
        removed = rows.length
      }
    } catch (error) {
      this.#options.log.warn('inbox.cleaning-failed', { error })
    }
  }
}

/** An update as it can be written and kept: what a database refuses in a text is of no use to a plugin either. */
function acceptable(given: Update): { update: Update; payload: string } {
  const text = JSON.stringify(given)
  const payload = acceptedJson(text)
  return { update: payload === text ? given : (JSON.parse(payload) as Update), payload }
}

/** One of 64 partitions, by which instances will share the lanes. */
function partOf(lane: string): number {
  let hash = 0
  for (let i = 0; i < lane.length; i++) hash = (Math.imul(hash, 31) + lane.charCodeAt(i)) | 0
  return (hash >>> 0) % 64
}
