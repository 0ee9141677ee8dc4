import type { PersonRow } from './person-row.ts'

/** How long a row is believed without a look, ms: what is no right, such as `last_seen_at`, has no epoch. */
const keepMs = 60_000
const maxPeople = 10_000

/**
 * Rows of people who were let in, each under the epoch that it had: the inbox says with every update which epoch
 * holds, so that a right that was taken away is gone on all instances, and nothing has to be asked until then.
 */
export class KnownPeople {
  readonly #rows = new Map<number, { readonly row: PersonRow; readonly until: number }>()

  /** @param epoch of the row when the update was accepted */
  find(telegramId: number, epoch: string | undefined): PersonRow | undefined {
    const known = this.#rows.get(telegramId)
    if (known === undefined || epoch !== known.row.epoch) return undefined
    return performance.now() < known.until ? known.row : undefined
  }

  keep(telegramId: number, row: PersonRow): void {
    if (this.#rows.size >= maxPeople) this.#rows.clear()
    this.#rows.set(telegramId, { row, until: performance.now() + keepMs })
  }

  forget(telegramId: number): void {
    this.#rows.delete(telegramId)
  }
}
