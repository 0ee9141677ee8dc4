import type { Rate } from '../../../config/limits.ts'
import type { Clock } from '../../clock.ts'
import type { BucketLimit, Store } from '../../store/store.ts'
import type { InboxItem } from '../inbox/item.ts'
import type { Turns } from '../inbox/lane.ts'

export interface TurnstileOptions {
  readonly store: Pick<Store, 'take'>
  readonly clock: Clock
  readonly rate: Rate | undefined
  /** People who don't wait. */
  readonly ownerIds: readonly number[]
}

/**
 * The limit of the whole bot: updates wait before it and none is refused. It stands before a run is begun, so who waits
 * holds no generation, no deadline, no connection, no partition and none of the places of lanes at work; and each chat has one
 * update in the row at most, since the others wait behind it in their lane: who sends a thousand doesn't push the others back.
 */
export class Turnstile implements Turns<InboxItem> {
  /** How many had to wait. */
  waited = 0
  readonly #store: TurnstileOptions['store']
  readonly #clock: Clock
  readonly #bucket: BucketLimit | undefined
  readonly #ownerIds: ReadonlySet<number>
  /** The last in the row. */
  #row: Promise<void> | undefined

  constructor({ store, clock, rate, ownerIds }: TurnstileOptions) {
    this.#store = store
    this.#clock = clock
    this.#ownerIds = new Set(ownerIds)
    if (rate === undefined) return
    const { count, perMs } = rate
    this.#bucket = { key: 'limit:bot', capacity: count, perSecond: count / (perMs / 1_000) }
  }

  isNeeded({ facts: { userId } }: InboxItem): boolean {
    return this.#bucket !== undefined && !(userId !== undefined && this.#ownerIds.has(userId))
  }

  /** Resolves when it is its turn; rejects when the signal is aborted. */
  async come(signal: AbortSignal): Promise<void> {
    const bucket = this.#bucket
    if (bucket === undefined) return
    const before = this.#row
    // nobody waits: those who come at once ask at once
    if (before === undefined && (await this.#store.take([bucket])) === 0) return
    this.waited++
    const own = this.#after(this.#row, bucket, signal)
    const row = own.catch(() => undefined)
    this.#row = row
    try {
      await own
    } finally {
      if (this.#row === row) this.#row = undefined
    }
  }

  async #after(
    before: Promise<void> | undefined,
    bucket: BucketLimit,
    signal: AbortSignal,
  ): Promise<void> {
    await before
    signal.throwIfAborted()
    for (;;) {
      const waitMs = await this.#store.take([bucket])
      if (waitMs === 0) return
      await this.#clock.wait(waitMs, signal)
    }
  }
}
