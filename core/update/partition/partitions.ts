import { freeChannel, strayChannel } from '../../database/instances/channels.ts'
import type { Beat, Presence } from '../../database/instances/presence.ts'
import type { ServerSession } from '../../database/session.ts'
import type { Logger } from '../../log/logger.ts'
import { Backoff, sleep } from '../../telegram/backoff.ts'
import { busyOnes, fairShare, type HeldPartition, idleOnes } from './share.ts'
import { PartitionTable, type Taken } from './table.ts'

/** `own`: its updates are handled here; `loading`: soon; `foreign`: elsewhere, or soon elsewhere. */
export type PartitionState = 'own' | 'loading' | 'foreign'

/** What the inbox has to know about partitions. */
export interface Ownership {
  /** Id of this instance. */
  readonly instance: string
  /** Takes what is free and has it read. */
  start(inbox: PartitionedInbox): Promise<void>
  stateOf(part: number): PartitionState
  /** Whether what runs in it may still be completed here. */
  isOurs(part: number): boolean
  /** Whether no other instance can have taken it meanwhile. */
  isSurelyOurs(part: number): boolean
  /** Resolves when that is known; with false when the signal is aborted. */
  becomesSurelyOurs(part: number, signal: AbortSignal): Promise<boolean>
  /** A run in it has ended. */
  ended(part: number): void
}

/** What partitions ask of the inbox. */
export interface PartitionedInbox {
  takeIn(parts: readonly number[], afterEnd: boolean): Promise<void>
  lookInto(parts: Iterable<number>): void
  leave(parts: ReadonlySet<number>): void
  sizeOf(part: number): number
  begunIn(part: number): readonly number[]
  written(): Promise<void>
  countBacklog(instances: number): Promise<void>
}

export interface PartitionsOptions {
  session: Pick<ServerSession, 'query' | 'listen'>
  presence: Presence
  log: Logger
}

/** Every fourth beat it is looked for rows of which nobody told: a NOTIFY can be lost with a connection. */
const beatsPerSweep = 4
/** So many beats an instance waits for partitions to become idle before it gives busy ones away. */
const patientBeats = 4
/**
 * Partitions that are nobody's for so many beats are taken beyond the share: whoever they are for lives, and doesn't
 * take them. Longer than a lease, so that it isn't merely about to be declared dead.
 */
const neglectedBeats = 10
/** For so many beats they are kept; then that one gets another chance. */
const beatsBeyondShare = 120

type Held = 'loading' | 'own' | 'leaving' | 'returning'

/**
 * This instance's share of the inbox. Whoever serves holds as many partitions as any other; what is over is given
 * back as soon as nothing runs in it, what is free is taken. The rows' owners are the truth, the beat of
 * {@link Presence} keeps it up to date here.
 */
export class Partitions implements Ownership {
  readonly instance: string
  readonly #options: PartitionsOptions
  readonly #table: PartitionTable
  readonly #held = new Map<number, Held>()
  readonly #stopping = new AbortController()
  #inbox: PartitionedInbox | undefined
  #serving = 1
  #beats = 0
  /** For how many beats there was more here than its share. */
  #overBeats = 0
  /** For how many beats some were nobody's. */
  #freeBeats = 0
  /** What is held beyond the share, as nobody else took it; and for how many beats still. */
  #beyond = { parts: 0, beats: 0 }
  /** One change of ownership at a time. */
  #chain: Promise<unknown> = Promise.resolve()
  #reading: Promise<unknown> = Promise.resolve()
  /** Of those that are given back: what was done in them is written. */
  readonly #ready = new Set<number>()
  readonly #known: (() => void)[] = []
  readonly #emptied: (() => void)[] = []

  constructor(options: PartitionsOptions) {
    this.#options = options
    this.instance = options.presence.id
    this.#table = new PartitionTable(options.session, this.instance)
  }

  /** How many are held. */
  get count(): number {
    return this.#held.size
  }

  /** Whether no other instance serves. */
  get isAlone(): boolean {
    return this.#serving <= 1
  }

  /**
   * Resolves when another instance serves, or with the signal. Who ends alone works off what is there; as soon as
   * somebody else comes and accepts, that would have no end.
   */
  async othersServe(signal: AbortSignal): Promise<void> {
    while (this.isAlone && !signal.aborted) await this.#nextWake(signal)
  }

  async start(inbox: PartitionedInbox): Promise<void> {
    const { session, presence, log } = this.#options
    this.#inbox = inbox
    await this.#table.prepare()
    await session.listen(strayChannel, (part) => inbox.lookInto([Number(part)]))
    await session.listen(freeChannel, () => {
      this.#inTurn(() => this.#takeFree()).catch((error: unknown) =>
        log.debug('inbox.partitions.not-taken', { error }),
      )
    })
    presence.onBeat((beat) => this.#inTurn(() => this.#onBeat(beat)))
    await presence.become('serving')
    // what nobody holds is read before anything is accepted
    await this.#reading
  }

  stateOf(part: number): PartitionState {
    const held = this.#held.get(part)
    return held === 'own' || held === 'loading' ? held : 'foreign'
  }

  isOurs(part: number): boolean {
    return this.#held.has(part)
  }

  isSurelyOurs(part: number): boolean {
    return this.#options.presence.isSure && this.#isRunnable(part)
  }

  async becomesSurelyOurs(part: number, signal: AbortSignal): Promise<boolean> {
    while (this.#isRunnable(part) && !this.#stopping.signal.aborted && !signal.aborted) {
      if (this.#options.presence.isSure) return true
      await this.#nextWake(signal)
    }
    return false
  }

  ended(part: number): void {
    if (this.#held.get(part) === 'leaving' && this.#runs(part) === 0) this.#return([part])
    else if (this.#surplus() > 0 && this.#held.get(part) === 'own' && this.#isIdle(part)) {
      this.#return([part])
    }
  }

  /**
   * For a stop: takes nothing any more, gives each partition back when nothing runs in it; what waits is for the
   * others. Resolves when all are given back, or with the signal.
   */
  async handBack(signal: AbortSignal): Promise<void> {
    this.#stopping.abort()
    this.#wake()
    // the others' share grows at once
    await this.#options.presence.become('stopping').catch((error: unknown) => {
      this.#options.log.warn('instance.beat-failed', { error })
    })
    const parts = [...this.#held].filter(([, held]) => held === 'own' || held === 'loading')
    this.#leave(parts.map(([part]) => part))
    if (this.#held.size === 0 || signal.aborted) return
    await new Promise<void>((resolve) => {
      this.#emptied.push(resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  // ── beats ─────────────────────────────────────────────────────────────────────────────────────

  async #onBeat({ kept, serving }: Beat): Promise<void> {
    if (serving !== this.#serving) this.#beyond = { parts: 0, beats: 0 }
    this.#serving = serving
    const look = await this.#table.look()
    const owned = new Set(kept ? look.owned : [])
    this.#lose([...this.#held.keys()].filter((part) => !owned.has(part)))
    this.#wake()
    // taken by a statement whose answer was lost
    const unknown = [...owned].filter((part) => !this.#held.has(part))
    this.#adopt(unknown.map((part) => ({ part, givenBack: false })))
    this.#noteNeglected(look.free)
    await this.#takeFree()
    this.#giveSurplus()
    await this.#giveBack()
    if (++this.#beats % beatsPerSweep === 0) this.#sweep()
  }

  #lose(parts: readonly number[]): void {
    if (parts.length === 0) return
    for (const part of parts) this.#held.delete(part)
    this.#inbox?.leave(new Set(parts))
    this.#options.log.warn('inbox.partitions.lost', { partitions: parts.length })
    this.#settle()
  }

  /** A stuck instance must not leave chats unserved. */
  #noteNeglected(free: number): void {
    if (--this.#beyond.beats <= 0) this.#beyond = { parts: 0, beats: 0 }
    this.#freeBeats = free > 0 ? this.#freeBeats + 1 : 0
    if (this.#freeBeats <= neglectedBeats) return
    const parts = Math.max(0, this.#held.size + free - fairShare(this.#serving))
    this.#beyond = { parts, beats: beatsBeyondShare }
    this.#freeBeats = 0
    this.#options.log.warn('inbox.partitions.neglected', { partitions: free })
  }

  /** How many this instance has at most. */
  get #share(): number {
    return fairShare(this.#serving) + this.#beyond.parts
  }

  async #takeFree(): Promise<void> {
    const missing = this.#share - this.#held.size
    if (missing <= 0 || this.#stopping.signal.aborted) return
    this.#adopt(await this.#table.take(missing))
  }

  #adopt(taken: readonly Taken[]): void {
    if (taken.length === 0) return
    for (const { part } of taken) this.#held.set(part, 'loading')
    const partsOf = (givenBack: boolean) =>
      taken.filter((one) => one.givenBack === givenBack).map(({ part }) => part)
    this.#options.log.info('inbox.partitions.taken', {
      partitions: taken.length,
      abandoned: partsOf(false).length,
      held: this.#held.size,
    })
    this.#reading = Promise.all([
      this.#reading,
      this.#read(partsOf(false), true),
      this.#read(partsOf(true), false),
    ])
  }

  /** Old rows first: what is accepted meanwhile waits until they are here. */
  async #read(parts: readonly number[], afterEnd: boolean): Promise<void> {
    const backoff = new Backoff({ firstMs: 50, maxMs: 1_000 })
    const stillLoading = () => parts.filter((part) => this.#held.get(part) === 'loading')
    while (stillLoading().length > 0) {
      try {
        await this.#inbox?.takeIn(stillLoading(), afterEnd)
        for (const part of stillLoading()) this.#held.set(part, 'own')
        this.#inbox?.lookInto([])
        return
      } catch (error) {
        this.#options.log.warn('inbox.partitions.not-read', { error })
        await sleep(backoff.next())
      }
    }
  }

  #giveSurplus(): void {
    const surplus = this.#surplus()
    if (surplus <= 0) {
      this.#overBeats = 0
      return
    }
    const now = performance.now()
    const own: HeldPartition[] = [...this.#held.keys()]
      .filter((part) => this.#held.get(part) === 'own')
      .map((part) => {
        const begun = this.#inbox?.begunIn(part) ?? []
        const runningMs = begun.length === 0 ? 0 : now - Math.min(...begun)
        return { part, size: this.#inbox?.sizeOf(part) ?? 0, runningMs }
      })
    const idle = idleOnes(own, surplus)
    this.#return(idle)
    if (++this.#overBeats > patientBeats) this.#leave(busyOnes(own, surplus - idle.length))
  }

  /** How many are held beyond the share, without those that are on their way. */
  #surplus(): number {
    let staying = 0
    for (const held of this.#held.values()) if (held === 'own' || held === 'loading') staying++
    return staying - (this.#stopping.signal.aborted ? 0 : this.#share)
  }

  #sweep(): void {
    const inbox = this.#inbox
    if (inbox === undefined) return
    inbox.lookInto([...this.#held.keys()].filter((part) => this.#held.get(part) === 'own'))
    inbox
      .countBacklog(this.#serving)
      .catch((error: unknown) => this.#options.log.debug('inbox.not-counted', { error }))
  }

  // ── giving back ───────────────────────────────────────────────────────────────────────────────

  /** What waits in them is dropped here, what runs goes on; then they are given back. */
  #leave(parts: readonly number[]): void {
    if (parts.length === 0) return
    for (const part of parts) this.#held.set(part, 'leaving')
    this.#inbox?.leave(new Set(parts))
    this.#return(parts.filter((part) => this.#runs(part) === 0))
  }

  /** Nothing of them is in memory any more: they are free as soon as what was done is written. */
  #return(parts: readonly number[]): void {
    if (parts.length === 0) return
    for (const part of parts) this.#held.set(part, 'returning')
    void this.#inbox?.written().then(async () => {
      for (const part of parts) if (this.#held.get(part) === 'returning') this.#ready.add(part)
      // what fails is done by the next beat
      await this.#inTurn(() => this.#giveBack()).catch((error: unknown) =>
        this.#options.log.warn('inbox.partitions.not-given-back', { error }),
      )
    })
  }

  async #giveBack(): Promise<void> {
    const parts = [...this.#ready].filter((part) => this.#held.get(part) === 'returning')
    if (parts.length > 0) {
      await this.#table.giveBack(parts)
      this.#options.log.info('inbox.partitions.given-back', { partitions: parts.length })
      for (const part of parts) this.#held.delete(part)
      await this.#options.session.query('select pg_notify($1, $2)', [freeChannel, ''])
    }
    // others may have become ready meanwhile: their turn comes
    for (const part of this.#ready) {
      if (this.#held.get(part) !== 'returning') this.#ready.delete(part)
    }
    this.#settle()
  }

  // ── small things ──────────────────────────────────────────────────────────────────────────────

  #isRunnable(part: number): boolean {
    const held = this.#held.get(part)
    return held === 'own' || held === 'loading'
  }

  #runs(part: number): number {
    return this.#inbox?.begunIn(part).length ?? 0
  }

  #isIdle(part: number): boolean {
    return this.#inbox?.sizeOf(part) === 0
  }

  #nextWake(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#known.push(wake)
      signal.addEventListener('abort', wake)
    })
  }

  /** Whoever waits to know what is ours asks again. */
  #wake(): void {
    for (const resolve of this.#known.splice(0)) resolve()
  }

  #settle(): void {
    if (this.#held.size === 0) for (const resolve of this.#emptied.splice(0)) resolve()
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#chain.then(work)
    this.#chain = result.catch(() => undefined)
    return result
  }
}
