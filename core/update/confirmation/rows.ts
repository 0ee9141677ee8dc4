import { randomBytes } from 'node:crypto'
import { ulid } from 'ulid'
import type { Database, Queries } from '../../database/connection.ts'

/** A command that waits for a yes. */
export interface Confirmation {
  readonly id: string
  readonly plugin: string
  /** `worklog purge` */
  readonly path: string
  /** The text after it, as it was typed, and a hash of what it was read as. */
  readonly arguments: string
  readonly hash: string
  /** The update that brought it. */
  readonly update: object
  readonly by: 'self' | 'another'
  readonly requester: number
  readonly requester_name: string
  readonly chat_id: number
  readonly state: 'open' | 'confirmed' | 'declined' | 'expired' | 'void'
  readonly decided_update: number | null
  readonly expires_at: string
}

/** One that nobody answered. */
export interface Lapsed
  extends Pick<Confirmation, 'by' | 'requester' | 'path' | 'arguments' | 'chat_id'> {
  /** Of who asked. */
  readonly language: string | null
}

/** Who ended a question, by which update. */
export interface Decider {
  readonly telegramId: number
  readonly name: string
  readonly updateId: number
  readonly at: Date
}

type Ending = Exclude<Confirmation['state'], 'open'>

const keptFor = '30 days'
const lapsedAtOnce = 100

/** Questions in the database: each is answered once, whoever presses where. */
export class ConfirmationRows {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** @returns the nonce that its buttons carry */
  async ask(
    question: Omit<Confirmation, 'id' | 'state' | 'decided_update' | 'expires_at'>,
    expiresAt: Date,
  ): Promise<string> {
    const id = randomBytes(12).toString('base64url')
    const { plugin, path, hash, update, by, requester, requester_name, chat_id } = question
    await this.#database.query(
      `insert into confirmations (id, plugin, path, arguments, hash, update, by, requester, requester_name, chat_id, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        id,
        plugin,
        path,
        question.arguments,
        hash,
        JSON.stringify(update),
        by,
        requester,
        requester_name,
        chat_id,
        expiresAt.toISOString(),
      ],
    )
    await this.#database.query(
      `delete from confirmations where created_at < now() - interval '${keptFor}'`,
    )
    return id
  }

  async find(id: string): Promise<Confirmation | undefined> {
    const [row] = await this.#database.query<Confirmation>(
      `select id, plugin, path, arguments, hash, update, by, requester, requester_name, chat_id, state, decided_update, expires_at
       from confirmations where id = $1`,
      [id],
    )
    return row
  }

  /**
   * Ends an open question, with its row in the audit log. One update alone does; run again, it does once more.
   *
   * @param reason a code, for the audit
   * @returns false when another update was faster
   */
  async end(
    { id, plugin, path, requester }: Confirmation,
    state: Ending,
    { telegramId, name, updateId, at }: Decider,
    reason: string,
  ): Promise<boolean> {
    const rows = await this.#database.query(
      `with ended as (
         update confirmations set state = $2, decided_by = $3, decided_update = $4, decided_at = $5
         where id = $1 and state = 'open' returning chat_id, arguments),
       written as (
         insert into audit_log (id, actor_id, actor_name, plugin, action, target, chat_id, outcome, reason, after, created_at)
         select $6, $3, $7, $8, $9, $10, chat_id, $11, $12, jsonb_build_object('arguments', arguments), now() from ended)
       select 1 from ended
       union all select 1 from confirmations where id = $1 and state = $2 and decided_update = $4`,
      [
        id,
        state,
        telegramId,
        updateId,
        at.toISOString(),
        ulid(),
        name,
        plugin,
        `${plugin}.${path}`,
        `user:${requester}`,
        state === 'confirmed' ? 'done' : 'refused',
        reason,
      ],
    )
    return rows.length > 0
  }

  /** Who asked for another one's yes that did not come in time. */
  async waitingInVain(now: Date): Promise<readonly number[]> {
    const rows = await this.#database.query<{ requester: number }>(
      `select distinct requester from confirmations
       where state = 'open' and expires_at <= $1 and by = 'another' limit ${lapsedAtOnce}`,
      [now.toISOString()],
    )
    return rows.map(({ requester }) => requester)
  }

  /**
   * Ends those that nobody answered, each with its row in the audit log.
   *
   * @param sql of the transaction in which that is told
   */
  async expire(sql: Queries, now: Date): Promise<readonly Lapsed[]> {
    return sql.query<Lapsed>(
      `with ended as (
         update confirmations set state = 'expired', decided_at = $1
         where id = any(array(
           select id from confirmations where state = 'open' and expires_at <= $1
           order by expires_at limit ${lapsedAtOnce} for update skip locked))
         returning id, plugin, path, arguments, by, requester, requester_name, chat_id),
       written as (
         insert into audit_log (id, actor_id, actor_name, plugin, action, target, chat_id, outcome, reason, after, created_at)
         select 'C' || id, requester, requester_name, plugin, plugin || '.' || path, 'user:' || requester, chat_id, 'refused',
           'confirm-unanswered', jsonb_build_object('arguments', arguments), now() from ended)
       select e.by, e.requester, e.path, e.arguments, e.chat_id, coalesce(b.chosen_language, b.language) as language
       from ended e left join bot_users b on b.telegram_id = e.requester`,
      [now.toISOString()],
    )
  }

  /** When this person last had this command carried out. */
  async lastConfirmed(requester: number, plugin: string, path: string): Promise<Date | undefined> {
    const [row] = await this.#database.query<{ at: string | null }>(
      `select max(decided_at) as at from confirmations
       where requester = $1 and plugin = $2 and path = $3 and state = 'confirmed'`,
      [requester, plugin, path],
    )
    return row?.at == null ? undefined : new Date(row.at)
  }
}
