import type { Database } from '../../database/connection.ts'
import { inboxState } from '../../database/entities/inbox-row.ts'
import { strayChannel } from '../../database/instances/channels.ts'
import type { Redactor } from '../../log/redact.ts'
import { factsOf, parseUpdate } from '../../telegram/facts.ts'

/** An update that was put aside because it could not be handled. */
export interface DeadLetter {
  /** The id that the person was told. */
  readonly errorId: string
  readonly updateId: number
  /** Why: the error's code or name, and its text; secrets are taken out. */
  readonly reason: string
  /** How often a process ended while it was handled. */
  readonly tries: number
  readonly receivedAt: Date
  readonly buriedAt: Date
  /** `message`, `callback_query`, … */
  readonly kind: string
  readonly chatId?: number
  readonly userId?: number
  /** Text of a message or data of a press, secrets taken out. */
  readonly text?: string
}

/** What the core tells plugins about updates that were put aside. */
export interface DeadLettersApi {
  /** The newest first. */
  list(limit: number): Promise<{ readonly letters: readonly DeadLetter[]; readonly total: number }>
  find(errorId: string): Promise<DeadLetter | undefined>
  /** Has it handled once more, now. @returns false when there is none */
  runAgain(errorId: string): Promise<boolean>
  /** It will never be handled; what is in it is deleted. @returns false when there is none */
  drop(errorId: string): Promise<boolean>
}

export interface DeadLettersOptions {
  database: Pick<Database, 'query' | 'kind'>
  botId: number
  redact: Redactor
  /** Told of the partition in which an update is open again, where nobody else hears of it. */
  reopened?: (part: number) => void
}

interface Row {
  update_id: number
  payload: string
  error: string | null
  error_id: string
  tries: number
  received_at: string
  done_at: string
}

const columns = 'update_id, payload, error, error_id, tries, received_at, done_at'
const dead = `bot_id = $1 and state = ${inboxState.dead} and payload is not null and error_id is not null`

/** The inbox's rows that were put aside. */
export class DeadLetters implements DeadLettersApi {
  readonly #options: DeadLettersOptions

  constructor(options: DeadLettersOptions) {
    this.#options = options
  }

  async list(limit: number): Promise<{ letters: readonly DeadLetter[]; total: number }> {
    const { database, botId } = this.#options
    const rows = await database.query<Row & { total: number }>(
      `select ${columns}, count(*) over ()::int as total from inbox where ${dead} order by done_at desc limit $2`,
      [botId, limit],
    )
    return { letters: rows.map((row) => this.#letterOf(row)), total: rows[0]?.total ?? 0 }
  }

  async find(errorId: string): Promise<DeadLetter | undefined> {
    const { database, botId } = this.#options
    const [row] = await database.query<Row>(
      `select ${columns} from inbox where ${dead} and error_id = $2 order by done_at desc limit 1`,
      [botId, idOf(errorId)],
    )
    return row === undefined ? undefined : this.#letterOf(row)
  }

  async runAgain(errorId: string): Promise<boolean> {
    const { database, botId, reopened } = this.#options
    const [row] = await database.query<{ part: number }>(
      `update inbox set state = ${inboxState.open}, tries = 0, error = null, error_id = null, done_at = null
       where ${dead} and error_id = $2 returning part`,
      [botId, idOf(errorId)],
    )
    if (row === undefined) return false
    if (database.kind === 'postgres') {
      await database.query('select pg_notify($1, $2)', [strayChannel, String(row.part)])
    }
    reopened?.(row.part)
    return true
  }

  async drop(errorId: string): Promise<boolean> {
    const { database, botId } = this.#options
    // the row stays as a done one: Telegram might send the update again
    const rows = await database.query(
      `update inbox set state = ${inboxState.done}, payload = null, done_at = now()
       where ${dead} and error_id = $2 returning 1`,
      [botId, idOf(errorId)],
    )
    return rows.length > 0
  }

  #letterOf(row: Row): DeadLetter {
    const { redact } = this.#options
    const update = parseUpdate(JSON.parse(row.payload)) ?? { update_id: row.update_id }
    const { kind, chatId, userId, text, data } = factsOf(update)
    const said = text ?? data
    return {
      errorId: row.error_id,
      updateId: row.update_id,
      reason: redact(row.error ?? ''),
      tries: row.tries,
      receivedAt: new Date(row.received_at),
      buriedAt: new Date(row.done_at),
      kind,
      ...(chatId === undefined ? {} : { chatId }),
      ...(userId === undefined ? {} : { userId }),
      ...(said === undefined ? {} : { text: redact(said) }),
    }
  }
}

/** As people type it: `e-7k3q`, `7K3Q`. */
function idOf(typed: string): string {
  const id = typed.trim().toUpperCase()
  return id.startsWith('E-') ? id : `E-${id}`
}
