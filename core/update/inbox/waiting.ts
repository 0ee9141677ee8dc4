import type { InboxItem } from './item.ts'
import { Lanes, type Turns } from './lane.ts'

/** Lanes that work at once: most of them wait for Telegram. */
const maxActiveLanes = 512

/** Updates in their lanes; while they are held, some pass by lanes beside them. */
export class Waiting {
  readonly #lanes: Lanes<InboxItem>
  readonly #aside: Lanes<InboxItem>
  readonly #passes: (item: InboxItem) => boolean
  #isHeld = false

  /**
   * @param work must not reject
   * @param passes whether an update is handled while all others are held, out of its lane's order
   * @param turns what updates wait for before they are handled; default: nothing
   */
  constructor(
    work: (item: InboxItem) => Promise<void>,
    passes: (item: InboxItem) => boolean,
    turns?: Turns<InboxItem>,
  ) {
    this.#lanes = new Lanes(work, maxActiveLanes, turns)
    this.#aside = new Lanes(work, maxActiveLanes, turns)
    this.#passes = passes
  }

  /** Whether anything of a lane waits or runs. */
  has(lane: string): boolean {
    return this.#lanes.has(lane) || this.#aside.has(lane)
  }

  push(item: InboxItem): void {
    const lanes = this.#isHeld && this.#passes(item) ? this.#aside : this.#lanes
    lanes.push(item.facts.lane, item)
  }

  /** Begins nothing any more, but for what passes. */
  hold(): void {
    this.#isHeld = true
    this.#lanes.hold()
    // what lifts the hold may be waiting already
    for (const item of this.#lanes.clear(this.#passes)) this.#aside.push(item.facts.lane, item)
  }

  release(): void {
    this.#isHeld = false
    this.#lanes.release()
  }

  /** Drops those that have not begun and are meant, and returns them. */
  clear(isMeant: (item: InboxItem) => boolean): InboxItem[] {
    return [...this.#lanes.clear(isMeant), ...this.#aside.clear(isMeant)]
  }

  /** Lanes at work, and those that wait for a turn. */
  get lanes(): { readonly active: number; readonly waiting: number } {
    return {
      active: this.#lanes.active + this.#aside.active,
      waiting: this.#lanes.waiting + this.#aside.waiting,
    }
  }

  /** Whether nothing is left to do, but for what is held. */
  get isIdle(): boolean {
    return this.#lanes.isIdle && this.#aside.isIdle
  }

  /** Resolves when that is so. */
  async idle(): Promise<void> {
    await this.#lanes.idle()
    await this.#aside.idle()
  }
}
