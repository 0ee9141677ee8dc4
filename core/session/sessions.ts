import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { Cleaning } from '../database/cleaning.ts'
import type { Database, Queries } from '../database/connection.ts'
import { prune } from '../database/prune.ts'
import type { Logger } from '../log/logger.ts'

/** Whose session, and where: there is one at most. */
export interface SessionKey {
  readonly chatId: number
  readonly userId: number
}

const choicesShape = z.array(z.object({ label: z.string(), value: z.unknown() }))

const contextShape = z.object({
  /** What was answered and given, by key, as it was before its schema read it. */
  answers: z.record(z.string(), z.unknown()),
  /** The steps before this one, in the order in which they were taken. */
  path: z.array(z.string()),
  /** The buttons of the question, in their order. */
  choices: choicesShape,
  /** Of a command that asks for what is missing: what was typed after it, and the update that brought it. */
  command: z.object({ text: z.string(), update: z.record(z.string(), z.unknown()) }).optional(),
})

/** What a dialog knows between two updates. */
export type SessionContext = z.output<typeof contextShape>

/** A dialog that waits for an answer. */
export interface Session extends SessionKey {
  readonly plugin: string
  /** Of the dialog; `/log`: what a command lacks. */
  readonly name: string
  /** The question that stands. */
  readonly step: string
  /** The dialog's version by which `context` was written. */
  readonly version: number
  /** Another one with each question. */
  readonly revision: string
  readonly context: SessionContext
  readonly expiresAt: Date
  /** Id in the outbox of the message that asks. */
  readonly question?: number | undefined
}

/** What an update makes of a session: written in the transaction that completes the update. */
export interface SessionChange {
  readonly key: SessionKey
  /** The revision that was read; undefined: there was none. */
  readonly from: string | undefined
  /** Undefined: it is over. */
  readonly to: Session | undefined
}

interface Row {
  plugin: string
  name: string
  step: string
  version: number
  revision: string
  context: unknown
  expires_at: string
  question: number | null
}

/** Who comes back within that time is told that their dialog is over, ms. */
const toldForMs = 24 * 3_600_000

/** Names a new question. Short: it travels in buttons. */
export function newRevision(): string {
  return randomBytes(9).toString('base64url')
}

/** Open dialogs in the database, and nowhere else: another instance or the next process goes on with them. */
export class Sessions {
  readonly #database: Database
  /** Of what ended long ago. */
  readonly cleaning: Cleaning

  constructor({ database, log }: { database: Database; log: Logger }) {
    this.#database = database
    this.cleaning = new Cleaning({
      what: 'dialogs',
      clean: (signal) =>
        prune(database, {
          table: 'user_sessions',
          column: 'expires_at',
          before: new Date(Date.now() - toldForMs),
          signal,
        }),
      log,
    })
  }

  stop(): void {
    this.cleaning.stop()
  }

  async find({ chatId, userId }: SessionKey): Promise<Session | undefined> {
    const [row] = await this.#database.query<Row>(
      `select plugin, name, step, version, revision, context, expires_at, question
       from user_sessions where chat_id = $1 and user_id = $2`,
      [chatId, userId],
    )
    if (row === undefined) return undefined
    const { context, expires_at, question, ...named } = row
    return {
      chatId,
      userId,
      ...named,
      context: contextShape.parse(context),
      expiresAt: new Date(expires_at),
      ...(question !== null && { question }),
    }
  }
}

/**
 * Compare-and-set. @param sql of the transaction that completes the update
 * @returns false when somebody else has changed it since it was read
 */
export async function writeSession(
  sql: Queries,
  { key, from, to }: SessionChange,
): Promise<boolean> {
  if (to === undefined) {
    const rows = await sql.query(
      'delete from user_sessions where chat_id = $1 and user_id = $2 and revision = $3 returning 1',
      [key.chatId, key.userId, from ?? null],
    )
    return rows.length > 0
  }
  const values = [
    key.chatId,
    key.userId,
    to.plugin,
    to.name,
    to.step,
    to.version,
    to.revision,
    JSON.stringify(to.context),
    to.expiresAt.toISOString(),
    to.question ?? null,
  ]
  const rows = await (from === undefined
    ? sql.query(
        `insert into user_sessions
           (chat_id, user_id, plugin, name, step, version, revision, context, expires_at, question)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing returning 1`,
        values,
      )
    : sql.query(
        `update user_sessions set plugin = $3, name = $4, step = $5, version = $6, revision = $7,
           context = $8, expires_at = $9, question = $10, updated_at = now()
         where chat_id = $1 and user_id = $2 and revision = $11 returning 1`,
        [...values, from],
      ))
  return rows.length > 0
}
