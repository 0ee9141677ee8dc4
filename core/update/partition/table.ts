import type { Queries } from '../../database/connection.ts'
import { allPartitions } from './partition.ts'

/** A partition that an instance has just taken. */
export interface Taken {
  readonly part: number
  /** False when its owner ended with it: what was running may have been the cause. */
  readonly givenBack: boolean
}

/** `inbox_partitions`: who works on which part. Owners refer to `instances`, so that nobody dead owns one. */
export class PartitionTable {
  readonly #sql: Queries
  readonly #instance: string

  constructor(sql: Queries, instance: string) {
    this.#sql = sql
    this.#instance = instance
  }

  /** Makes the rows that are not there. */
  async prepare(): Promise<void> {
    await this.#sql.query(
      'insert into inbox_partitions (part) select unnest($1::smallint[]) on conflict do nothing',
      [allPartitions],
    )
  }

  /** Those of this instance, and how many are nobody's. */
  async look(): Promise<{ owned: number[]; free: number }> {
    const rows = await this.#sql.query<{ part: number; isFree: boolean }>(
      `select part, owner is null as "isFree" from inbox_partitions
       where owner = $1 or owner is null`,
      [this.#instance],
    )
    const owned = rows.filter(({ isFree }) => !isFree).map(({ part }) => part)
    return { owned, free: rows.length - owned.length }
  }

  /**
   * Takes free ones, at most `count`. Locked rows are skipped: another instance is taking them. Not by number: chats
   * that were made one after the other lie side by side, and all of them would be one instance's.
   */
  take(count: number): Promise<Taken[]> {
    return this.#sql.query(
      `with free as (
         select part, given_back from inbox_partitions where owner is null
         order by md5(part::text) limit $2 for update skip locked)
       update inbox_partitions p set owner = $1, given_back = false from free
       where p.part = free.part returning p.part, free.given_back as "givenBack"`,
      [this.#instance, count],
    )
  }

  async giveBack(parts: readonly number[]): Promise<void> {
    await this.#sql.query(
      `update inbox_partitions set owner = null, given_back = true
       where owner = $1 and part = any($2::smallint[])`,
      [this.#instance, parts],
    )
  }
}
