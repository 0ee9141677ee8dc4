import type { Database, Queries } from '../database/connection.ts'
import type { CardState } from './card.ts'

/** A card as it is kept. */
export interface CardRow {
  readonly id: number
  readonly kind: string
  readonly subject: string
  readonly content: unknown
  readonly state: CardState
  /** Grows with every change. */
  readonly version: number
}

/** A card in one person's chat. */
export interface MessageRow {
  readonly chat_id: number
  /** Null: not sent yet. */
  readonly message_id: number | null
}

/** What becomes of the card that is there, or of none; undefined: nothing changes. */
type Decide = (
  before: CardRow | undefined,
) => { readonly content: unknown; readonly state: CardState } | undefined

const columns = 'id, kind, subject, content, state, version'

/** A card that ended by itself so recently goes on as the same one: a slip and its correction are one message. */
const reopensFor = '10 minutes'
const keptFor = '90 days'
/** Longer than an attempt may take: whoever claimed a message and died leaves it to others then. */
const claimHolds = '20 seconds'

/** Cards and their messages in the database. */
export class CardRows {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async find(id: number): Promise<CardRow | undefined> {
    const [row] = await this.#database.query<CardRow>(
      `select ${columns} from cards where id = $1`,
      [id],
    )
    return row
  }

  open(): Promise<CardRow[]> {
    return this.#database.query<CardRow>(`select ${columns} from cards where state = 'open'`)
  }

  /**
   * Changes the card of a subject, or makes one.
   *
   * @param decide may be asked again
   */
  async change(kind: string, subject: string, decide: Decide): Promise<CardRow | undefined> {
    for (;;) {
      const changed = await this.#database.transaction((transaction) =>
        this.#changeIn(transaction, kind, subject, decide),
      )
      if (changed !== 'overtaken') return changed
    }
  }

  /** `overtaken`: another instance made the card at the same moment, which is to be decided on again. */
  async #changeIn(
    transaction: Queries,
    kind: string,
    subject: string,
    decide: Decide,
  ): Promise<CardRow | 'overtaken' | undefined> {
    const [before] = await transaction.query<CardRow>(
      `select ${columns} from cards where kind = $1 and subject = $2
          and (state = 'open' or (state = 'withdrawn' and changed_at > now() - interval '${reopensFor}'))
        order by id desc limit 1 for update`,
      [kind, subject],
    )
    const change = decide(before)
    if (change === undefined) return undefined
    const { state } = change
    const content = JSON.stringify(change.content)
    if (before === undefined) {
      const made = await transaction.query<CardRow>(
        `insert into cards (kind, subject, content, state) values ($1, $2, $3, $4)
         on conflict (kind, subject) where state = 'open' do nothing returning ${columns}`,
        [kind, subject, content, state],
      )
      return first(made) ?? 'overtaken'
    }
    return first(
      await transaction.query<CardRow>(
        `update cards set content = $2, state = $3, version = version + 1, changed_at = now()
          where id = $1 and (content <> $2::jsonb or state <> $3) returning ${columns}`,
        [before.id, content, state],
      ),
    )
  }

  /** Says the last word on an open card, in a transaction of whoever decided. @param words merged into its content */
  async decide(
    transaction: Queries,
    kind: string,
    subject: string,
    words: object,
  ): Promise<CardRow | undefined> {
    return first(
      await transaction.query<CardRow>(
        `update cards set content = content || $3::jsonb, state = 'decided', version = version + 1, changed_at = now()
          where kind = $1 and subject = $2 and state = 'open' returning ${columns}`,
        [kind, subject, JSON.stringify(words)],
      ),
    )
  }

  /** Cards with a message that doesn't show what they say by now, or that was never sent. */
  async behind(): Promise<number[]> {
    const rows = await this.#database.query<{ id: number }>(
      `select id from cards where state = 'open'
       union
       select card from card_messages join cards on id = card
        where message_id is not null and shown < version and gone is null`,
    )
    return rows.map(({ id }) => id)
  }

  /** Notes who is to see a card. */
  async address(card: number, chats: readonly number[]): Promise<void> {
    await this.#database.query(
      `insert into card_messages (card, chat_id)
       select $1, value::bigint from jsonb_array_elements_text($2::jsonb)
       on conflict (card, chat_id) do update set gone = null where card_messages.message_id is null`,
      [card, JSON.stringify(chats)],
    )
  }

  /** Takes the messages that are behind a version, so that no other instance sends them too. */
  claim(card: number, version: number): Promise<MessageRow[]> {
    return this.#database.query<MessageRow>(
      `update card_messages set claimed_at = now()
        where card = $1 and shown < $2 and gone is null
          and (claimed_at is null or claimed_at < now() - interval '${claimHolds}')
        returning chat_id, message_id`,
      [card, version],
    )
  }

  /** Whether a message is still behind a version, claimed by somebody else it may be. */
  async isBehind(card: number, version: number): Promise<boolean> {
    const rows = await this.#database.query(
      'select 1 from card_messages where card = $1 and shown < $2 and gone is null limit 1',
      [card, version],
    )
    return rows.length > 0
  }

  /** The message shows this version. */
  async shown(card: number, chat: number, messageId: number, version: number): Promise<void> {
    await this.#database.query(
      `update card_messages set message_id = $3, shown = $4, claimed_at = null
        where card = $1 and chat_id = $2`,
      [card, chat, messageId, version],
    )
  }

  /** It could not be shown: to be tried again, or never with a reason. */
  async failed(card: number, chat: number, gone: string | undefined): Promise<void> {
    await this.#database.query(
      'update card_messages set gone = $3, claimed_at = null where card = $1 and chat_id = $2',
      [card, chat, gone ?? null],
    )
  }

  async prune(): Promise<void> {
    await this.#database.query(
      `delete from cards where state <> 'open' and changed_at < now() - interval '${keptFor}'`,
    )
  }
}

function first<T>([row]: readonly T[]): T | undefined {
  return row
}
