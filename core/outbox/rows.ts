import { acceptedJson } from '../database/bulk-values.ts'
import type { Queries } from '../database/connection.ts'
import type { SendLane } from '../telegram/telegram.ts'
import type { IfUnsure, Outcome } from './outcome.ts'
import type { Outgoing } from './outgoing.ts'

/**
 * `answer`: what a handler returned. `message`: what a plugin wrote to somebody. `notice`: what owners are told
 * about the bot. `broadcast`: the same for many.
 */
export type OutboxKind = 'answer' | 'message' | 'notice' | 'broadcast'

/** A message to be written. */
export interface NewMessage {
  readonly kind: OutboxKind
  readonly chatId: number
  readonly outgoing: Outgoing
  readonly lane: SendLane
  readonly ifUnsure: IfUnsure
  /** After that it is of no use any more, ms. */
  readonly keepMs: number
  readonly plugin?: string | undefined
  readonly updateId?: number | undefined
  /** Of messages with the same one there is only the first. */
  readonly key?: string | undefined
}

/** A message that this process is to send. */
export interface OutboxRow {
  readonly id: number
  readonly kind: OutboxKind
  readonly chatId: number
  readonly outgoing: Outgoing
  readonly lane: SendLane
  readonly ifUnsure: IfUnsure
  /** Attempts that failed. */
  readonly tries: number
}

/** One that was taken out of the table. */
export interface TakenRow extends OutboxRow {
  /** Whoever began to send it ended, or lost the database, before it could tell what came of it. */
  readonly maybeSent: boolean
  readonly expired: boolean
}

export interface Settled {
  readonly id: number
  readonly outcome: Outcome
}

interface Row {
  id: number
  kind: OutboxKind
  chat_id: number
  content: Outgoing
  lane: SendLane
  if_unsure: IfUnsure
  tries: number
  maybe_sent: boolean
  expired: boolean
}

/** Nobody who lives has it: an owner that isn't among the instances has ended. Embedded there are none. */
const isFree = `(o.owner is null or (o.owner = $1 and o.id <> all($4::bigint[]))
  or (o.owner <> $1 and not exists (select 1 from instances i where i.id = o.owner)))`

/** The outbox's table. */
export class OutboxRows {
  readonly #sql: Queries
  readonly #owner: string

  /** @param owner id of this instance */
  constructor({ sql, owner }: { sql: Queries; owner: string }) {
    this.#sql = sql
    this.#owner = owner
  }

  /** Writes messages for whoever sends them first. @param sql of the transaction that they belong to */
  async write(sql: Queries, messages: readonly NewMessage[]): Promise<void> {
    await this.#insert(sql, messages, false)
  }

  /** Writes messages that this process sends itself, after the commit. */
  async writeOwn(sql: Queries, messages: readonly NewMessage[]): Promise<OutboxRow[]> {
    const ids = await this.#insert(sql, messages, true)
    return messages.map((message, i) => ({ ...message, id: ids[i] ?? -1, tries: 0 }))
  }

  async #insert(sql: Queries, messages: readonly NewMessage[], own: boolean): Promise<number[]> {
    const json = JSON.stringify(
      messages.map(({ outgoing, chatId, ifUnsure, keepMs, updateId, ...same }, n) => ({
        ...same,
        n,
        content: outgoing,
        chat_id: chatId,
        if_unsure: ifUnsure,
        keep_ms: keepMs,
        update_id: updateId,
      })),
    )
    const rows = await sql.query<{ id: number }>(
      `insert into outbox (kind, chat_id, plugin, update_id, lane, if_unsure, key, content, owner, begun_at, expires_at)
       select kind, chat_id, plugin, update_id, lane, if_unsure, key, content, $1::text,
              case when $2::boolean then now() end, now() + keep_ms * interval '1 ms'
         from jsonb_to_recordset($3::jsonb) as r(n int, kind text, chat_id bigint, plugin text, update_id bigint,
              lane text, if_unsure text, key text, content jsonb, keep_ms float8)
        order by n
       on conflict (key) do nothing returning id`,
      [own ? this.#owner : null, own, acceptedJson(json)],
    )
    // in the order of their writing: an identity grows
    return rows.map(({ id }) => id).sort((a, b) => a - b)
  }

  /**
   * Takes what is due, of each chat the first, so that no other instance sends it too.
   * @param held ids of what this process has already
   */
  async take(lane: SendLane, limit: number, held: readonly number[]): Promise<TakenRow[]> {
    const rows = await this.#sql.query<Row>(
      `with due as (
         select o.id, o.owner is not null and o.begun_at is not null as maybe_sent from outbox o
          where o.state = 'waiting' and o.lane = $2 and o.next_at <= now() and ${isFree}
            and not exists (select 1 from outbox e where e.chat_id = o.chat_id and e.lane = o.lane
                              and e.state = 'waiting' and e.next_at < 'infinity' and e.id < o.id)
          order by o.next_at, o.id limit $3 for update of o skip locked)
       update outbox set owner = $1, begun_at = null,
              repeats = repeats + case when maybe_sent and if_unsure = 'repeat' then 1 else 0 end
         from due where outbox.id = due.id
       returning outbox.id, kind, chat_id, content, lane, if_unsure, tries, maybe_sent, expires_at < now() as expired`,
      [this.#owner, lane, limit, held],
    )
    return rows.map(({ chat_id, content, if_unsure, maybe_sent, ...same }) => ({
      ...same,
      chatId: chat_id,
      outgoing: content,
      ifUnsure: if_unsure,
      maybeSent: maybe_sent,
    }))
  }

  /**
   * Notes that messages are about to leave.
   * @returns ids of those that may: the others are another instance's by now, or somebody dropped or paused them
   */
  async begin(ids: readonly number[]): Promise<ReadonlySet<number>> {
    const rows = await this.#sql.query<{ id: number }>(
      `update outbox set begun_at = now()
        where id = any($1::bigint[]) and owner = $2 and state = 'waiting' and next_at < 'infinity' returning id`,
      [ids, this.#owner],
    )
    return new Set(rows.map(({ id }) => id))
  }

  /** Writes down what came of messages; what another instance took over meanwhile is left to that one. */
  async settle(settled: readonly Settled[]): Promise<void> {
    const json = JSON.stringify(
      settled.map(({ id, outcome }) => ({
        id,
        state: outcome.state,
        ...(outcome.state === 'sent'
          ? { message_id: outcome.messageId }
          : { error: outcome.error.slice(0, 2_000) }),
        ...(outcome.state === 'waiting'
          ? { in_ms: outcome.inMs, tried: +outcome.tried, repeats: +outcome.repeats }
          : {}),
      })),
    )
    await this.#sql.query(
      `update outbox o
          set state = s.state, message_id = s.message_id, error = s.error, owner = null, begun_at = null,
              content = case when s.state = 'sent' then null else o.content end,
              tries = o.tries + s.tried, repeats = o.repeats + s.repeats,
              next_at = case when o.next_at = 'infinity' then o.next_at else s.next_at end,
              settled_at = case when s.state = 'waiting' then null else now() end
         from (select id, message_id, error, coalesce(tried, 0) as tried, coalesce(repeats, 0) as repeats,
                      now() + coalesce(in_ms, 0) * interval '1 ms' as next_at, state
                 from jsonb_to_recordset($1::jsonb) as r(id bigint, state text, message_id bigint, error text,
                      in_ms float8, tried int, repeats int)) as s
        where o.id = s.id and o.owner = $2 and o.state = 'waiting'`,
      [acceptedJson(json), this.#owner],
    )
  }

  async sentAs(id: number, chatId: number): Promise<number | undefined> {
    const [row] = await this.#sql.query<{ message_id: number | null }>(
      `select message_id from outbox where id = $1 and chat_id = $2 and state = 'sent'`,
      [id, chatId],
    )
    return row?.message_id ?? undefined
  }

  /** Removes what was sent or dropped, or put aside, before these times. */
  async clean(before: { readonly done: Date; readonly putAside: Date }): Promise<void> {
    for (const [states, time] of [
      [['sent', 'dropped'], before.done],
      [['unsure', 'failed'], before.putAside],
    ] as const) {
      for (let removed = 1; removed > 0; ) {
        const rows = await this.#sql.query(
          `delete from outbox where ctid = any(array(
             select ctid from outbox where state = any($1::text[]) and settled_at < $2 limit 2000)) returning 1`,
          [states, time.toISOString()],
        )
        removed = rows.length
      }
    }
  }
}
