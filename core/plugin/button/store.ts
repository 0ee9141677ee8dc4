import { randomBytes } from 'node:crypto'
import { Cleaning } from '../../database/cleaning.ts'
import type { Database, Queries } from '../../database/connection.ts'
import { prune } from '../../database/prune.ts'
import type { Logger } from '../../log/logger.ts'
import type { Button } from '../run/content.ts'
import { payloadOf } from './terms.ts'

/** A button works so long. */
const keepMs = 30 * 24 * 3_600_000

/** What a button carries that doesn't fit into Telegram's 64 bytes. */
export interface KeptButton {
  readonly plugin: string
  readonly action: string
  /** Data, maybe with terms. */
  readonly data: unknown
  /** Telegram id of the only one who may press; undefined: anybody. */
  readonly presser: number | undefined
}

interface Row {
  plugin: string
  action: string
  data: unknown
  presser: number | null
}

/** Keeps the data of buttons in the database until they are pressed, or out of date. */
export class ButtonStore {
  readonly #database: Database
  readonly #cleaning: Cleaning

  constructor({ database, log }: { database: Database; log: Logger }) {
    this.#database = database
    this.#cleaning = new Cleaning({
      what: 'buttons',
      clean: (signal) =>
        prune(database, {
          table: 'button_payloads',
          column: 'expires_at',
          before: new Date(),
          signal,
        }),
      log,
    })
  }

  stop(): void {
    this.#cleaning.stop()
  }

  /**
   * @param sql of the transaction that it belongs to, if it belongs to one
   * @returns the id that the button carries: random, so that nobody guesses another one's
   */
  async keep(button: Button, chatId: number, sql: Queries = this.#database): Promise<string> {
    const { plugin, action, presser, expiresAt } = button
    const endsAt = expiresAt === undefined ? Date.now() + keepMs : expiresAt * 1_000
    const id = randomBytes(16).toString('base64url')
    await sql.query(
      `insert into button_payloads (id, plugin, action, data, presser, chat, created_at, expires_at)
       values ($1, $2, $3, $4, $5, $6, now(), $7)`,
      [
        id,
        plugin,
        action,
        JSON.stringify(payloadOf(button) ?? {}),
        presser === 'anyone' ? null : presser,
        chatId,
        new Date(endsAt).toISOString(),
      ],
    )
    return id
  }

  /** @returns undefined when there is none, or its time is over */
  async find(id: string): Promise<KeptButton | undefined> {
    const [row] = await this.#database.query<Row>(
      `select plugin, action, data, presser from button_payloads where id = $1 and expires_at > now()`,
      [id],
    )
    return row === undefined ? undefined : { ...row, presser: row.presser ?? undefined }
  }
}
