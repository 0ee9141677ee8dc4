import { z } from 'zod'
import { Cleaning } from '../database/cleaning.ts'
import type { Database, Queries } from '../database/connection.ts'
import { prune } from '../database/prune.ts'
import type { Logger } from '../log/logger.ts'
import type { SessionKey } from './sessions.ts'

/** Whose state, where, and of which plugin. */
export interface StateKey extends SessionKey {
  readonly plugin: string
}

/** What a plugin remembers of a person in a chat. */
export interface KeptState {
  /** Of the plugin's session, by which it was written. */
  readonly version: number
  /** Another one with each change. */
  readonly revision: string
  /** As it was given, before its schema read it. */
  readonly state: Readonly<Record<string, unknown>>
  readonly expiresAt: Date
}

/** What an update makes of a state: written in the transaction that completes the update. */
export interface StateChange {
  readonly key: StateKey
  /** The revision that was read; undefined: there was none. */
  readonly from: string | undefined
  /** Undefined: it is forgotten. */
  readonly to: KeptState | undefined
}

interface Row {
  version: number
  revision: string
  state: unknown
  expires_at: string
}

const stateShape = z.record(z.string(), z.unknown())

/** States in the database, and nowhere else: to read one is to look up a primary key, when a handler asks for it. */
export class States {
  readonly #database: Database
  /** Of those whose time is over. */
  readonly #cleaning: Cleaning

  constructor({ database, log }: { database: Database; log: Logger }) {
    this.#database = database
    this.#cleaning = new Cleaning({
      what: 'sessions',
      clean: (signal) =>
        prune(database, {
          table: 'session_states',
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

  /** Also one whose time is over: whoever writes names the revision that is there. */
  async find({ chatId, userId, plugin }: StateKey): Promise<KeptState | undefined> {
    const [row] = await this.#database.query<Row>(
      `select version, revision, state, expires_at from session_states
       where chat_id = $1 and user_id = $2 and plugin = $3`,
      [chatId, userId, plugin],
    )
    if (row === undefined) return undefined
    const { version, revision, state, expires_at } = row
    return { version, revision, state: stateShape.parse(state), expiresAt: new Date(expires_at) }
  }
}

/**
 * Compare-and-set. @param sql of the transaction that completes the update
 * @returns false when somebody else has changed it since it was read
 */
export async function writeState(sql: Queries, { key, from, to }: StateChange): Promise<boolean> {
  const { chatId, userId, plugin } = key
  if (to === undefined) {
    if (from === undefined) return true
    const gone = await sql.query(
      `delete from session_states
       where chat_id = $1 and user_id = $2 and plugin = $3 and revision = $4 returning 1`,
      [chatId, userId, plugin, from],
    )
    return gone.length > 0
  }
  const { version, revision, state, expiresAt } = to
  const values = [
    chatId,
    userId,
    plugin,
    version,
    revision,
    JSON.stringify(state),
    expiresAt.toISOString(),
  ]
  const written = await (from === undefined
    ? sql.query(
        `insert into session_states (chat_id, user_id, plugin, version, revision, state, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning 1`,
        values,
      )
    : sql.query(
        `update session_states set version = $4, revision = $5, state = $6, expires_at = $7, updated_at = now()
         where chat_id = $1 and user_id = $2 and plugin = $3 and revision = $8 returning 1`,
        [...values, from],
      ))
  return written.length > 0
}
