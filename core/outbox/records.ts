import type { Database } from '../database/connection.ts'
import type { Redactor } from '../log/redact.ts'
import { Html, plainText } from '../telegram/html.ts'
import type { Outgoing } from './outgoing.ts'
import type { OutboxKind } from './rows.ts'

/** A message that waits to be sent, or that could not be. */
export interface OutboxMessage {
  readonly id: number
  readonly kind: OutboxKind
  /** `unsure`: it may have arrived. `dropped`: somebody gave it up. */
  readonly state: 'waiting' | 'sent' | 'unsure' | 'failed' | 'dropped'
  readonly chatId: number
  /** Whose it is, if it is a plugin's. */
  readonly plugin?: string
  /** Secrets are taken out; empty once it is sent. */
  readonly text: string
  /** Why it is not sent yet, or never. */
  readonly error?: string
  readonly tries: number
  /** How often it was sent although it may have arrived before. */
  readonly repeats: number
  readonly createdAt: Date
  /** When it is tried next; absent while it is paused, and when it is settled. */
  readonly nextAt?: Date
}

/** How many messages there are of those that somebody may want to look at. */
export interface OutboxCounts {
  readonly waiting: number
  readonly unsure: number
  readonly failed: number
}

/** What the core tells about messages that are not sent. */
export interface OutboxRecords {
  /** Those put aside and those that wait, the newest first; without what waits in a broadcast. */
  list(limit: number): Promise<{
    readonly messages: readonly OutboxMessage[]
    readonly counts: OutboxCounts
  }>
  find(id: number): Promise<OutboxMessage | undefined>
  /** Has one sent that was put aside. @returns false when there is none, or it waits already */
  sendAgain(id: number): Promise<boolean>
  /** It will not be sent, and its text is deleted. @returns false when there is none that could be dropped */
  drop(id: number): Promise<boolean>
}

export interface RecordsOptions {
  readonly database: Pick<Database, 'query'>
  readonly redact: Redactor
  /** Told that there is something to send. */
  readonly wake: () => void
}

interface Row {
  id: number
  kind: OutboxKind
  state: OutboxMessage['state']
  chat_id: number
  plugin: string | null
  content: Outgoing | null
  error: string | null
  tries: number
  repeats: number
  created_at: string
  next_at: string | null
}

const columns = `id, kind, state, chat_id, plugin, content, error, tries, repeats, created_at,
  case when state = 'waiting' and next_at < 'infinity' then next_at end as next_at`

/** Few among all that was sent, and each part by an index of its own. */
export const unsettled = `(
  select state from outbox where state = 'waiting'
  union all select state from outbox where state in ('unsure', 'failed') and state <> 'waiting') as unsettled`

export class Records implements OutboxRecords {
  readonly #options: RecordsOptions

  constructor(options: RecordsOptions) {
    this.#options = options
  }

  async list(limit: number): ReturnType<OutboxRecords['list']> {
    const { database } = this.#options
    const rows = await database.query<Row>(
      `select ${columns} from outbox
        where state in ('unsure', 'failed') or (state = 'waiting' and batch is null)
        order by id desc limit $1`,
      [limit],
    )
    const [counts] = await database.query<OutboxCounts>(
      `select count(*) filter (where state = 'waiting')::int as waiting,
              count(*) filter (where state = 'unsure')::int as unsure,
              count(*) filter (where state = 'failed')::int as failed
         from ${unsettled}`,
    )
    const none = { waiting: 0, unsure: 0, failed: 0 }
    return { messages: rows.map((row) => this.#messageOf(row)), counts: counts ?? none }
  }

  async find(id: number): Promise<OutboxMessage | undefined> {
    const [row] = await this.#options.database.query<Row>(
      `select ${columns} from outbox where id = $1`,
      [id],
    )
    return row === undefined ? undefined : this.#messageOf(row)
  }

  async sendAgain(id: number): Promise<boolean> {
    // somebody asked for it: it leaves at once, and also to a chat that could not be written to
    const rows = await this.#options.database.query(
      `update outbox set state = 'waiting', lane = 'interactive', tries = 0, error = null, settled_at = null,
              next_at = now(), expires_at = now() + interval '1 day'
        where id = $1 and state in ('unsure', 'failed') returning 1`,
      [id],
    )
    if (rows.length > 0) this.#options.wake()
    return rows.length > 0
  }

  async drop(id: number): Promise<boolean> {
    const rows = await this.#options.database.query(
      `update outbox set state = 'dropped', content = null, settled_at = now()
        where id = $1 and state in ('waiting', 'unsure', 'failed') returning 1`,
      [id],
    )
    return rows.length > 0
  }

  #messageOf({
    content,
    chat_id,
    created_at,
    next_at,
    plugin,
    error,
    ...same
  }: Row): OutboxMessage {
    const { redact } = this.#options
    return {
      ...same,
      chatId: chat_id,
      text: redact(textOf(content)),
      createdAt: new Date(created_at),
      ...(plugin === null ? {} : { plugin }),
      ...(error === null ? {} : { error: redact(error) }),
      ...(next_at === null ? {} : { nextAt: new Date(next_at) }),
    }
  }
}

function textOf(content: Outgoing | null): string {
  if (content === null) return ''
  const { text, extra } = content.part
  return extra.parse_mode === 'HTML' ? plainText(new Html(text)) : text
}
