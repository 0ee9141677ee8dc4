import { acceptedJson } from '../database/bulk-values.ts'
import type { Database } from '../database/connection.ts'
import type { Outgoing } from './outgoing.ts'

/** How far a broadcast is; of messages, so a long text counts several times a person. */
export interface BroadcastProgress {
  readonly id: string
  readonly total: number
  readonly sent: number
  /** Still to be sent. */
  readonly waiting: number
  /** May have arrived; not sent again by themselves. */
  readonly unsure: number
  /** To people who can't be reached, mostly. */
  readonly failed: number
  /** Not sent because the broadcast was ended. */
  readonly dropped: number
  readonly isPaused: boolean
}

/** Who a broadcast is for: everybody who is let in and has ever written, as Telegram lets no bot write before. */
const audience = `from bot_users where status = 'active' and last_seen_at is not null`

/** One message to everybody: rows of the outbox that share a batch, so that it goes on after a restart. */
export class Broadcasts {
  readonly #database: Pick<Database, 'query'>
  readonly #wake: () => void

  constructor({ database, wake }: { database: Pick<Database, 'query'>; wake: () => void }) {
    this.#database = database
    this.#wake = wake
  }

  /** How many people a broadcast would reach. */
  async audience(): Promise<number> {
    const [row] = await this.#database.query<{ people: number }>(
      `select count(*)::int as people ${audience}`,
    )
    return row?.people ?? 0
  }

  /** @param id made by whoever asks: begun a second time under the same one it does nothing */
  async begin(id: string, plugin: string, messages: readonly Outgoing[]): Promise<void> {
    await this.#database.query(
      `insert into outbox (kind, chat_id, plugin, lane, if_unsure, key, batch, content, expires_at)
       select 'broadcast', telegram_id, $2, 'bulk', 'mark', $1 || ':' || telegram_id || ':' || part, $1, content,
              now() + interval '7 days'
         from (select telegram_id ${audience}) as people,
              jsonb_array_elements($3::jsonb) with ordinality as parts(content, part)
        order by part, telegram_id
       on conflict (key) do nothing`,
      [id, plugin, acceptedJson(JSON.stringify(messages))],
    )
    this.#wake()
  }

  /** @returns undefined when there is none of this id, or its rows are gone: after some days */
  async progress(id: string): Promise<BroadcastProgress | undefined> {
    const [row] = await this.#database.query<Omit<BroadcastProgress, 'id'>>(
      `select count(*)::int as total,
              count(*) filter (where state = 'sent')::int as sent,
              count(*) filter (where state = 'waiting')::int as waiting,
              count(*) filter (where state = 'unsure')::int as unsure,
              count(*) filter (where state = 'failed')::int as failed,
              count(*) filter (where state = 'dropped')::int as dropped,
              coalesce(bool_or(state = 'waiting' and next_at = 'infinity'), false) as "isPaused"
         from outbox where batch = $1`,
      [id],
    )
    return row === undefined || row.total === 0 ? undefined : { id, ...row }
  }

  /** What has left arrives, nothing else leaves. */
  async pause(id: string): Promise<void> {
    await this.#database.query(
      `update outbox set next_at = 'infinity' where batch = $1 and state = 'waiting'`,
      [id],
    )
  }

  async resume(id: string): Promise<void> {
    await this.#database.query(
      `update outbox set next_at = now() where batch = $1 and state = 'waiting' and next_at = 'infinity'`,
      [id],
    )
    this.#wake()
  }

  /** What was not sent never will be. */
  async end(id: string): Promise<void> {
    await this.#database.query(
      `update outbox set state = 'dropped', content = null, settled_at = now()
        where batch = $1 and state = 'waiting'`,
      [id],
    )
  }
}
