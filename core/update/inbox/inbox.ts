import type { Update } from 'telegraf/types'
import { Batcher } from '../../database/batcher.ts'
import type { Cleaning } from '../../database/cleaning.ts'
import type { Database } from '../../database/connection.ts'
import type { EntityManager } from '../../database/orm.ts'
import { OpsError } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import type { ChatSettingRow } from '../../plugin/chats/settings.ts'
import { Backoff, sleep } from '../../telegram/backoff.ts'
import { allPartitions } from '../partition/partition.ts'
import type { Ownership, PartitionState } from '../partition/partitions.ts'
import { cleanInbox } from './cleaning.ts'
import { Held } from './held.ts'
import { type Draft, draftOf, type InboxItem, newItem } from './item.ts'
import type { Turns } from './lane.ts'
import { Marks } from './marks.ts'
import { Refusal } from './refusal.ts'
import { InboxRows, type Inserted } from './rows.ts'
import { Search } from './search.ts'
import { Semaphore } from './semaphore.ts'
import { Waiting } from './waiting.ts'

export interface InboxOptions {
  database: Database
  botId: number
  /** Which partitions are this process's; undefined: all, as it is alone. */
  partitions: Ownership | undefined
  /** Handles one update to its end; must not reject. */
  handle: (item: InboxItem) => Promise<void>
  /** An update at which process after process was killed; must not reject. */
  poison: (item: InboxItem) => Promise<void>
  /** Told of each update as soon as it waits for its turn. */
  arrived?: (item: InboxItem) => void
  /** What updates wait for before anything of them begins, as long as it takes; default: nothing. */
  turns?: Turns<InboxItem>
  /** Whether an update is handled although all others are held, out of its lane's order; default: none is. */
  passesHold?: (item: InboxItem) => boolean
  /** Told with each new update what was decided for its chat; undefined: nothing. */
  heardOfChat?: (chatId: number, setting: ChatSettingRow | undefined) => void
  log: Logger
}

/** Open updates of an instance; above it accepting waits, so polling stops fetching. */
const maxOpen = 10_000
/** Updates in one INSERT. */
const maxBatch = 200
/** So many that wait are worth an INSERT of their own while another one waits for the disk. */
const besideFrom = 16
/** After so many tries of one update by process after process there is no further one. */
const maxTries = 3
/** Lanes whose newest row is remembered; forgetting one costs a look into the table. */
const maxNewest = 50_000

/**
 * The durable place between "accepted" and "handled": an update is written before Telegram is told, once whatever
 * Telegram repeats; lanes keep each chat's order. Of several processes each works on partitions of its own, and
 * whatever one accepts for another's is looked for by that one. What a killed process left open is handled by
 * the next owner.
 */
export class Inbox {
  readonly #options: InboxOptions
  readonly #partitions: Ownership | undefined
  readonly #rows: InboxRows
  readonly #waiting: Waiting
  readonly #search: Search
  readonly #accepting: Batcher<Draft>
  readonly #marks: Marks
  readonly #held = new Held()
  /** The newest row of each lane that was taken into memory. */
  readonly #newest = new Map<string, number>()
  /**
   * What was there when two processes ended runs alone: the next end is then its own, not counted for
   * those that only happened to run beside the one that kills.
   */
  readonly #suspects = new Semaphore(1)
  readonly #stopping = new AbortController()
  /** Open rows of all instances, where there are others. */
  #backlog = 0
  #releasedAt = 0
  readonly #refusal = new Refusal()
  #room: (() => void)[] = []
  #cleaning: Cleaning | undefined

  constructor(options: InboxOptions) {
    const { database, botId, partitions } = options
    this.#options = options
    this.#partitions = partitions
    this.#rows = new InboxRows({ sql: database.inbox, botId, owner: partitions?.instance })
    this.#waiting = new Waiting(
      (item) => this.#work(item),
      (item) => options.passesHold?.(item) === true,
      options.turns,
    )
    this.#search = new Search({
      rows: this.#rows,
      held: this.#held,
      stateOf: (part) => this.#stateOf(part),
      push: (item, seq) => this.#push(item, seq),
      log: options.log,
      signal: this.#stopping.signal,
    })
    const beside = { from: besideFrom, keyOf: ({ facts }: Draft) => facts.lane }
    this.#accepting = new Batcher(
      (drafts) => this.#accept(drafts),
      maxBatch,
      // the embedded database does one thing at a time
      database.kind === 'postgres' ? beside : undefined,
    )
    this.#marks = new Marks({
      write: (ids) => this.#persist(() => this.#rows.finish(ids)),
      isInserting: () => this.#accepting.isBusy,
    })
  }

  /** Updates that this process took in and that are not done. */
  get open(): number {
    return this.#held.size
  }

  /** Lanes at work here, and those that wait for a turn. */
  get lanes(): { readonly active: number; readonly waiting: number } {
    return this.#waiting.lanes
  }

  /** Why the database took no updates; undefined when it took the last, or when that was long ago. */
  get refusal(): unknown {
    return this.#refusal.lately
  }

  /** Takes over what an earlier process left open. To be called once, before the first accept. */
  async start(): Promise<void> {
    if (this.#partitions === undefined) await this.takeIn(allPartitions, true)
    else await this.#partitions.start(this)
    this.#cleaning = cleanInbox(this.#rows, this.#options.log)
  }

  /** Whether an accept would wait for room. */
  get isFull(): boolean {
    return this.#held.size >= maxOpen || this.#backlog >= 1
  }

  /** Resolves when all of them are durable (known ones are); rejects when they can't be stored, or after the stop. */
  async accept(updates: readonly Update[]): Promise<void> {
    const { signal } = this.#stopping
    while (this.isFull && !signal.aborted) {
      await new Promise<void>((resolve) => this.#room.push(resolve))
    }
    if (signal.aborted) throw new OpsError('OPS_SHUTDOWN', 'The inbox takes nothing any more')
    const drafts = updates.map(draftOf)
    await Promise.all(drafts.map((draft) => this.#accepting.add(draft)))
  }

  /** Completes an update whose run wrote nothing; soon, together with others. */
  done({ facts: { updateId }, isFound, part }: InboxItem): void {
    // a process that dies before the mark runs the update again; it wrote nothing, so nothing is doubled
    this.#held.mark(updateId)
    // who had an update before may be at its commit, with its row locked
    const rides = !isFound && this.#partitions?.isOurs(part) !== false
    void this.#marks.add(updateId, rides).then(() => this.#held.marked(updateId))
  }

  /**
   * The claim, to be run first in the transaction that completes an update.
   * @returns false when it is no longer open, or no longer this process's: somebody else completes it
   */
  claim(em: EntityManager, { facts }: InboxItem): Promise<boolean> {
    return this.#rows.claim(em, facts.updateId)
  }

  /**
   * Whether an update is done: for a COMMIT whose answer was lost. Waits until the database can tell;
   * false too when the stop comes first.
   */
  async isDone({ facts }: InboxItem): Promise<boolean> {
    let done = false
    await this.#persist(async () => {
      done = await this.#rows.isDone(facts.updateId)
    })
    return done
  }

  /**
   * Puts an update aside, with its payload, for people to look at.
   * @returns false when it stays open: the stop came first, or it is another's by now
   */
  async bury({ facts, part }: InboxItem, reason: string, errorId: string): Promise<boolean> {
    if (this.#partitions?.isOurs(part) === false) return false
    return this.#persist(() => this.#rows.bury(facts.updateId, reason, errorId))
  }

  /** Whether its person surely has no dialog open in its chat: what passed it while all was held may have begun one. */
  hasNoDialog({ noDialog, acceptedAt }: InboxItem): boolean {
    return noDialog && acceptedAt > this.#releasedAt
  }

  /** Begins nothing any more, but for what passes; accepts go on. */
  hold(): void {
    this.#waiting.hold()
  }

  release(): void {
    this.#releasedAt = performance.now()
    this.#waiting.release()
  }

  /** Whether nothing is left to do, but for what is held. */
  get isIdle(): boolean {
    return this.#waiting.isIdle
  }

  /** Resolves when that is so. */
  idle(): Promise<void> {
    return this.#waiting.idle()
  }

  /** Resolves when nothing is left to do, or when the signal is aborted. */
  async drain(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    await Promise.race([
      this.idle(),
      new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => resolve(), { once: true }),
      ),
    ])
  }

  /** Drops from memory what has not begun; it stays open in the database for the next process. */
  async stop(): Promise<void> {
    this.#cleaning?.stop()
    // before the lanes are waited for: one of them may be waiting for a database that is away
    this.#stopping.abort()
    this.#dropWaiting(() => true)
    for (const resolve of this.#room.splice(0)) resolve()
    await this.idle()
    // marks that wait behind the last batch
    await this.#marks.written()
    await this.#search.idle()
  }

  // ── what the partitions ask of it ─────────────────────────────────────────────────────────────

  /**
   * Takes all open rows of these partitions into memory, in their order.
   * @param afterEnd whether their owner ended without giving them back: what was running then may be the cause
   */
  async takeIn(parts: readonly number[], afterEnd: boolean): Promise<void> {
    const taken = await this.#search.take(parts, afterEnd ? 1 : 0)
    if (taken > 0) this.#options.log.info('inbox.taken-over', { updates: taken })
  }

  /** Has a look for rows of these partitions that are not in memory: another instance accepted them. */
  lookInto(parts: Iterable<number>): void {
    this.#search.into(parts)
  }

  /** Forgets what has not begun of these partitions. */
  leave(parts: ReadonlySet<number>): void {
    this.#dropWaiting(({ part }) => parts.has(part))
  }

  /** Updates of a partition that wait or run here. */
  sizeOf(part: number): number {
    return this.#held.sizeOf(part)
  }

  /** When (`performance.now()`) the runs of a partition began. */
  begunIn(part: number): readonly number[] {
    return this.#held.begunIn(part)
  }

  /** Resolves when what was accepted and what was done until now is written. */
  async written(): Promise<void> {
    await Promise.all([this.#accepting.settled(), this.#marks.written()])
  }

  /** Counts what is open anywhere: what this process accepts may be for others. */
  async countBacklog(instances: number): Promise<void> {
    const limit = maxOpen * Math.max(1, instances)
    this.#backlog = (await this.#rows.backlog(limit)) / limit
    this.#makeRoom()
  }

  // ── accept ────────────────────────────────────────────────────────────────────────────────────

  #makeRoom(): void {
    if (!this.isFull) for (const resolve of this.#room.splice(0)) resolve()
  }

  async #accept(drafts: readonly Draft[]): Promise<void> {
    try {
      await this.#refusal.watch(() => this.#insert(drafts))
    } finally {
      // those that came too late for it, if no other one follows
      this.#marks.flushSoon()
    }
  }

  async #insert(drafts: readonly Draft[]): Promise<void> {
    const elsewhere = this.#elsewhere(drafts)
    // asked before the INSERT: what is over by then, it sees
    const busy = new Set<string>()
    for (const { facts } of drafts) if (this.#waiting.has(facts.lane)) busy.add(facts.lane)
    const inserted = await this.#write(drafts, elsewhere)
    const fresh = new Map(inserted.map((row) => [row.updateId, row]))
    const known: Draft[] = []
    const strays = new Set<number>()
    const toTell = new Set<number>()
    for (const draft of drafts) {
      const { part, row } = draft
      const written = fresh.get(row.updateId)
      fresh.delete(row.updateId)
      // asked after the INSERT: nothing falls between two owners
      const ownership = this.#stateOf(part)
      // before anything is handled
      if (written !== undefined && row.chat !== undefined)
        this.#options.heardOfChat?.(row.chat, written.chat)
      if (written === undefined) known.push(draft)
      else if (ownership === 'own' && this.#isNext(draft, written)) {
        const { authEpoch } = written
        const noDialog = !busy.has(draft.facts.lane) && this.#isAlone(draft, written)
        this.#push(newItem(draft, { authEpoch, noDialog }), written.seq)
      } else if (ownership === 'foreign') toTell.add(part)
      // its lane has older rows that are not here, or its partition is only just being read
      else strays.add(part)
    }
    if (known.length > 0) await this.#reload(known, strays, toTell)
    const untold = [...toTell].filter((part) => !elsewhere.has(part))
    if (untold.length > 0) await this.#rows.tellOwners(untold)
    if (strays.size > 0) this.lookInto(strays)
  }

  async #write(
    drafts: readonly Draft[],
    elsewhere: ReadonlySet<number>,
  ): Promise<readonly Inserted[]> {
    const rows = drafts.map(({ row }) => row)
    const marks = this.#marks.board()
    let ok = false
    try {
      const done = marks.map(({ value }) => value.id)
      const inserted = await this.#rows.insert(rows, { elsewhere: [...elsewhere], done })
      ok = true
      return inserted
    } finally {
      this.#marks.landed(marks, ok)
    }
  }

  #stateOf(part: number): PartitionState {
    return this.#partitions?.stateOf(part) ?? 'own'
  }

  #elsewhere(drafts: readonly Draft[]): ReadonlySet<number> {
    const parts = new Set<number>()
    for (const { part } of drafts) if (this.#stateOf(part) === 'foreign') parts.add(part)
    return parts
  }

  /** Whether all rows of its lane before it are in memory, or done. */
  #isNext({ facts }: Draft, { older }: Inserted): boolean {
    return older === undefined || older <= (this.#newest.get(facts.lane) ?? -1)
  }

  /** Whether no dialog was there, and nothing of its lane is open beside it: only an update of that lane begins one. */
  #isAlone({ facts }: Draft, { older, inDialog }: Inserted): boolean {
    const isPrivate = facts.chatType === 'private' && facts.chatId === facts.userId
    return isPrivate && !inDialog && older === undefined && !this.#waiting.has(facts.lane)
  }

  /**
   * Known ids are done, or in memory; or an earlier INSERT was committed and its answer lost: then they are open and
   * nobody works on them. Nor perhaps on older ones of their lanes, of which that answer would have told: all of the
   * partition are looked for.
   */
  async #reload(drafts: readonly Draft[], strays: Set<number>, toTell: Set<number>): Promise<void> {
    const lost = new Set<number>()
    for (const { facts, part } of drafts) {
      const ownership = this.#stateOf(part)
      if (ownership === 'foreign') toTell.add(part)
      else if (ownership === 'loading') strays.add(part)
      else if (!this.#held.knows(facts.updateId, part)) lost.add(part)
    }
    if (lost.size > 0) await this.#search.take([...lost], 0)
  }

  // ── lanes ─────────────────────────────────────────────────────────────────────────────────────

  #push(item: InboxItem, seq: number): boolean {
    // one that was only just being written at the stop is durable, and the next process's
    if (this.#stopping.signal.aborted) return false
    const { updateId, lane } = item.facts
    if (this.#partitions !== undefined) this.#note(lane, seq)
    if (!this.#held.add(updateId, item.part)) return false
    this.#options.arrived?.(item)
    this.#waiting.push(item)
    return true
  }

  #note(lane: string, seq: number): void {
    if (seq <= (this.#newest.get(lane) ?? -1)) return
    if (this.#newest.size >= maxNewest) this.#newest.clear()
    this.#newest.set(lane, seq)
  }

  #dropWaiting(which: (item: InboxItem) => boolean): void {
    for (const item of this.#waiting.clear(which)) this.#drop(item)
    this.#makeRoom()
  }

  #drop({ facts, part }: InboxItem): void {
    this.#held.drop(facts.updateId, part)
    this.#newest.delete(facts.lane)
  }

  // ── work ──────────────────────────────────────────────────────────────────────────────────────

  async #work(item: InboxItem): Promise<void> {
    const { part, facts, endings } = item
    const partitions = this.#partitions
    // a promise only while it isn't sure: the usual way waits for nothing
    if (partitions?.isSurelyOurs(part) === false) {
      if (!(await partitions.becomesSurelyOurs(part, this.#stopping.signal))) {
        this.#drop(item)
        return
      }
    }
    this.#held.begin(facts.updateId, part)
    try {
      if (endings > 1) await this.#suspects.use(() => this.#retake(item))
      else if (endings > 0) await this.#retake(item)
      else await this.#options.handle(item)
    } finally {
      this.#held.end(facts.updateId, part)
      this.#makeRoom()
      partitions?.ended(part)
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
      tries = await this.#rows.countTry(facts.updateId)
    })
    return tries > maxTries
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
}
