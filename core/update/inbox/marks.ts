import { type Link, LinkedList } from '../../linked-list.ts'

/** That an update is done, on its way to the table. */
export interface Mark {
  readonly id: number
  written: () => void
}

export interface MarksOptions {
  /** Writes marks by themselves; must not reject. */
  readonly write: (ids: number[]) => Promise<unknown>
  /** Whether an INSERT is on its way, or about to be. */
  readonly isInserting: () => boolean
}

/** Marks in one statement. */
const most = 500

/**
 * Marks of updates that are done. Under load they go with the next INSERT, so that there is one statement and one
 * commit for both; when nothing is being accepted they are written by themselves at once.
 */
export class Marks {
  readonly #options: MarksOptions
  #waiting: Link<Mark>[] = []
  /** Never with an INSERT. */
  #apart: Link<Mark>[] = []
  readonly #pending = new LinkedList<Mark>()
  #isWriting = false
  #isDue = false

  constructor(options: MarksOptions) {
    this.#options = options
  }

  /**
   * Resolves when the mark is written, or given up at a stop.
   * @param rides whether it may go with an INSERT: not if another instance may hold the row, as accepts would wait for it
   */
  add(id: number, rides: boolean): Promise<void> {
    return new Promise((written) => {
      const mark = this.#pending.add({ id, written })
      if (rides) this.#waiting.push(mark)
      else this.#apart.push(mark)
      this.flushSoon()
    })
  }

  /** Takes what goes with an INSERT; to be told of its end. */
  board(): readonly Link<Mark>[] {
    return this.#waiting.splice(0, most)
  }

  /** The INSERT has ended. @param ok false: whether it was committed isn't known */
  landed(marks: readonly Link<Mark>[], ok: boolean): void {
    if (ok) this.#end(marks)
    else this.#apart.push(...marks)
  }

  /** Writes what doesn't go with an INSERT; what comes in this turn of the event loop goes together. Also to be called after each INSERT. */
  flushSoon(): void {
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(() => {
      this.#isDue = false
      void this.#flush()
    })
  }

  /** Resolves when the marks of until now are written; under load there may always be more. */
  written(): Promise<void> {
    let left = this.#pending.size
    if (left === 0) return Promise.resolve()
    return new Promise((resolve) => {
      for (const mark of this.#pending) {
        const { written } = mark
        mark.written = () => {
          written()
          if (--left === 0) resolve()
        }
      }
    })
  }

  async #flush(): Promise<void> {
    if (this.#isWriting) return
    this.#isWriting = true
    for (let marks = this.#next(); marks.length > 0; marks = this.#next()) {
      await this.#options.write(marks.map(({ value }) => value.id))
      this.#end(marks)
    }
    this.#isWriting = false
  }

  #end(marks: readonly Link<Mark>[]): void {
    for (const mark of marks) {
      this.#pending.remove(mark)
      mark.value.written()
    }
  }

  #next(): readonly Link<Mark>[] {
    const apart = this.#apart.splice(0, most)
    if (apart.length > 0) return apart
    return this.#options.isInserting() ? [] : this.#waiting.splice(0, most)
  }
}
