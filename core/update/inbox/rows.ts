import type { Queries } from '../../database/connection.ts'
import { inboxState } from '../../database/entities/inbox-row.ts'
import { strayChannel } from '../../database/instances/channels.ts'
import type { EntityManager } from '../../database/orm.ts'
import { SqlArray } from '../../database/sql-array.ts'
import { type ChatSettingRow, chatSettingRow } from '../../plugin/chats/settings.ts'

/** An update to be written. */
export interface NewRow {
  readonly updateId: number
  readonly part: number
  readonly lane: string
  readonly payload: string
  /** Telegram id of who acted. */
  readonly person: number | undefined
  readonly chat: number | undefined
}

/** What an INSERT tells of a row that was new. */
export interface Inserted {
  readonly updateId: number
  readonly seq: number
  /** The newest open row of its lane before it; not asked for by who is alone. */
  readonly older: number | undefined
  /** Which state of the person's rights holds: row and `auth_epoch`; of a stranger nothing. */
  readonly authEpoch: string | undefined
  /** Whether a dialog of the person's is open in their private chat. */
  readonly inDialog: boolean
  /** What was decided for the chat; undefined: nothing. */
  readonly chat: ChatSettingRow | undefined
}

/** An open row. */
export interface OpenRow {
  readonly updateId: number
  readonly seq: number
  readonly payload: string
  /** Runs that were begun and of which nobody heard again. */
  readonly tries: number
  /** Since its acceptance, by the database's clock, ms. */
  readonly ageMs: number
}

export interface InboxRowsOptions {
  sql: Queries
  botId: number
  /** Id of the instance, where several may share the inbox. */
  owner: string | undefined
}

/**
 * Still open, for rows that are looked for by their key. Written as it is so that the index of open rows is of no use to
 * it: all that was ever open stands in there until the next vacuum.
 */
const stillOpen = `state < ${inboxState.done}`

const insertText = `
  insert into inbox (bot_id, update_id, part, lane, payload, received_at)
  select $1, u.id, u.part, u.lane, u.payload, now()
  from unnest($2::bigint[], $3::smallint[], $4::text[], $5::text[]) as u(id, part, lane, payload)
  on conflict do nothing
  returning update_id, part, lane, seq`

/**
 * Whoever acted, and what was decided for the chat, beside their update. A person with the row's id, as one that is
 * made anew begins to count from 0; of a stranger nothing. A private chat has its person's id.
 */
const withPeople = `
  from new
  left join unnest($2::bigint[], $6::bigint[], $7::bigint[]) as p(id, person, chat) on p.id = new.update_id
  left join bot_users b on b.telegram_id = p.person
  left join user_sessions s on s.chat_id = p.person and s.user_id = p.person
  left join chat_settings c on c.chat_id = p.chat`
const personText = `b.id || ':' || b.auth_epoch as epoch, s.chat_id is not null as dialog, to_json(c) as chat`

/** Marks that go with the INSERT: one commit for both. */
const markText = `
  update inbox set state = ${inboxState.done}, payload = null, done_at = now()
  where bot_id = $1 and update_id = any($8::bigint[]) and ${stillOpen}`

const insertAloneText = `
  with new as (${insertText}), marked as (${markText})
  select new.update_id, new.seq, ${personText} ${withPeople}`

/**
 * The statement sees the table as it was before it, so `older` is what others put there: Telegram sends a chat's next
 * update only when the one before is durable. What is marked by it is no longer older.
 */
const insertSharedText = `
  with new as (${insertText}), marked as (${markText})
  select new.update_id, new.seq, ${personText},
    (select max(o.seq) from inbox o
      where o.state = ${inboxState.open} and o.bot_id = $1 and o.part = new.part and o.lane = new.lane
        and o.update_id <> all($8::bigint[])) as older,
    case when new.part = any($9::smallint[]) then pg_notify('${strayChannel}', new.part::text) end
  ${withPeople}`

/** The inbox's table. */
export class InboxRows {
  readonly #sql: Queries
  readonly #botId: number
  readonly #owner: string | undefined

  constructor({ sql, botId, owner }: InboxRowsOptions) {
    this.#sql = sql
    this.#botId = botId
    this.#owner = owner
  }

  /**
   * Writes them in this order; known ones are left as they are.
   * @param beside `elsewhere`: partitions of whose new rows another instance is to be told; `done`: updates to be marked
   * as done, none of which another instance may be at
   */
  async insert(
    rows: readonly NewRow[],
    { elsewhere, done }: { elsewhere: readonly number[]; done: readonly number[] },
  ): Promise<Inserted[]> {
    const values = [
      this.#botId,
      new SqlArray(
        'bigint',
        rows.map(({ updateId }) => updateId),
      ),
      new SqlArray(
        'smallint',
        rows.map(({ part }) => part),
      ),
      new SqlArray(
        'text',
        rows.map(({ lane }) => lane),
      ),
      new SqlArray(
        'text',
        rows.map(({ payload }) => payload),
      ),
      new SqlArray(
        'bigint',
        rows.map(({ person }) => person ?? null),
      ),
      new SqlArray(
        'bigint',
        rows.map(({ chat }) => chat ?? null),
      ),
      new SqlArray('bigint', done),
    ]
    const inserted =
      this.#owner === undefined
        ? this.#sql.query<InsertedRow>(insertAloneText, values)
        : this.#sql.query<InsertedRow>(insertSharedText, [
            ...values,
            new SqlArray('smallint', elsewhere),
          ])
    return (await inserted).map(({ update_id, seq, older, epoch, dialog, chat }) => ({
      updateId: update_id,
      seq,
      older: older ?? undefined,
      authEpoch: epoch ?? undefined,
      inDialog: dialog,
      chat: chat === null ? undefined : chatSettingRow.parse(chat),
    }))
  }

  /** The open rows of these partitions, without what is in them. */
  openIn(parts: readonly number[]): Promise<{ id: number; part: number }[]> {
    return this.#sql.query(
      `select update_id as id, part from inbox
       where bot_id = $1 and state = ${inboxState.open} and part = any($2::smallint[])`,
      [this.#botId, parts],
    )
  }

  /** Those of the rows that are open, in the order of their acceptance. */
  async open(ids: readonly number[]): Promise<OpenRow[]> {
    const rows = await this.#sql.query<{
      update_id: number
      seq: number
      payload: string
      tries: number
      age: number
    }>(
      `select update_id, seq, payload, tries,
         (extract(epoch from now() - received_at) * 1000)::float8 as age from inbox
       where bot_id = $1 and update_id = any($2::bigint[]) and ${stillOpen} order by seq`,
      [this.#botId, ids],
    )
    return rows.map(({ update_id, seq, payload, tries, age }) => ({
      updateId: update_id,
      seq,
      payload,
      tries,
      ageMs: age,
    }))
  }

  /** How many rows are open, counted up to the limit. */
  async backlog(limit: number): Promise<number> {
    const [row] = await this.#sql.query<{ rows: number }>(
      `select count(*)::int as rows from (
         select 1 from inbox where bot_id = $1 and state = ${inboxState.open} limit $2) as counted`,
      [this.#botId, limit],
    )
    return row?.rows ?? 0
  }

  /** Tells the owners of these partitions that there is something new. */
  async tellOwners(parts: readonly number[]): Promise<void> {
    await this.#sql.query(
      `select pg_notify('${strayChannel}', part::text) from unnest($1::smallint[]) as part`,
      [parts],
    )
  }

  /**
   * The claim: the first statement of the transaction that completes an update.
   * @returns false when somebody else completed it, or owns its partition by now
   */
  async claim(em: EntityManager, updateId: number): Promise<boolean> {
    const owned =
      this.#owner === undefined
        ? ''
        : ' and exists (select 1 from inbox_partitions p where p.part = inbox.part and p.owner = ?)'
    const rows = await em.execute<unknown[]>(
      `update inbox set state = ${inboxState.done}, payload = null, done_at = now()
       where bot_id = ? and update_id = ? and ${stillOpen}${owned} returning 1 as claimed`,
      [this.#botId, updateId, ...(this.#owner === undefined ? [] : [this.#owner])],
    )
    return rows.length > 0
  }

  /** Marks updates as done whose runs wrote nothing. */
  async finish(ids: readonly number[]): Promise<void> {
    await this.#sql.query(
      `update inbox set state = ${inboxState.done}, payload = null, done_at = now()
       where bot_id = $1 and update_id = any($2::bigint[]) and ${stillOpen}`,
      [this.#botId, new SqlArray('bigint', ids)],
    )
  }

  /** Locks the row: a session that is still at its COMMIT is waited for. */
  async isDone(updateId: number): Promise<boolean> {
    const [row] = await this.#sql.query<{ state: number }>(
      'select state from inbox where bot_id = $1 and update_id = $2 for update',
      [this.#botId, updateId],
    )
    return row?.state === inboxState.done
  }

  /** Puts an update aside, with its payload; not one that is another instance's by now, which may do better. */
  async bury(updateId: number, reason: string, errorId: string): Promise<void> {
    const owned =
      this.#owner === undefined
        ? ''
        : ' and exists (select 1 from inbox_partitions p where p.part = inbox.part and p.owner = $5)'
    await this.#sql.query(
      `update inbox set state = ${inboxState.dead}, error = $3, error_id = $4, done_at = now()
       where bot_id = $1 and update_id = $2 and ${stillOpen}${owned}`,
      [
        this.#botId,
        updateId,
        reason.replaceAll('\0', '').slice(0, 2_000),
        errorId,
        ...(this.#owner === undefined ? [] : [this.#owner]),
      ],
    )
  }

  /** Counts one more run of an update that was found open. @returns how many there were, with this one */
  async countTry(updateId: number): Promise<number> {
    const [row] = await this.#sql.query<{ tries: number }>(
      'update inbox set tries = tries + 1 where bot_id = $1 and update_id = $2 returning tries',
      [this.#botId, updateId],
    )
    return row?.tries ?? 0
  }

  /** Removes what was done, or put aside, before these times. */
  async clean(before: { done: Date; dead: Date }): Promise<void> {
    for (const state of ['done', 'dead'] as const) {
      for (let removed = 1; removed > 0; ) {
        const rows = await this.#sql.query(
          `delete from inbox where ctid = any(array(
             select ctid from inbox where state = ${inboxState[state]} and done_at < $1 limit 2000)) returning 1`,
          [before[state].toISOString()],
        )
        removed = rows.length
      }
    }
  }
}

interface InsertedRow {
  update_id: number
  seq: number
  older?: number | null
  epoch: string | null
  dialog: boolean
  chat: unknown
}
