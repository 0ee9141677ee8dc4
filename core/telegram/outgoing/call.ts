import { TelegramError } from 'telegraf'
import type { Edit } from './edits.ts'

/** One call on its way. */
export interface Call {
  readonly method: string
  readonly given: object
  /** As it is sent next: without markup that was refused, to a group's new id. */
  payload: object
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number | undefined
  readonly retry: boolean
  readonly repeatable: boolean
  /** No wait goes beyond it, by the clock's `now`. */
  endsAt: number
  edit: Edit | undefined
  /** A newer edit was sent in its place. */
  superseded: boolean
}

/** Counted since the start. */
export interface GatewayCounts {
  calls: number
  failed: number
  /** Attempts after a 5xx or a broken connection. */
  repeated: number
  /** Answers 429. */
  limited: number
  /** Messages re-sent as plain text because Telegram could not read their markup. */
  markupRefused: number
  /** Edits that were not sent because a newer one of the same message took their place. */
  superseded: number
}

/** The chat that a call is about, as it was given. */
export function chatOf(payload: object): number | string | undefined {
  const id = 'chat_id' in payload ? payload.chat_id : undefined
  return typeof id === 'number' || typeof id === 'string' ? id : undefined
}

/** Its id as a number; undefined for `@names` and without a chat. */
export function chatIdOf(payload: object): number | undefined {
  const chat = chatOf(payload)
  if (typeof chat !== 'string') return chat
  return /^-?\d{1,16}$/.test(chat) ? Number(chat) : undefined
}

/** What Telegram would answer, said without asking it. */
export function tooManyRequests(method: string, waitMs: number): TelegramError {
  const seconds = Math.ceil(waitMs / 1000)
  return new TelegramError(
    {
      error_code: 429,
      description: `Too Many Requests: retry after ${seconds}`,
      parameters: { retry_after: seconds },
    },
    { method },
  )
}

/** Aborted with either. */
export function joined(
  a: AbortSignal | undefined,
  b: AbortSignal | undefined,
): AbortSignal | undefined {
  if (a === undefined) return b
  return b === undefined ? a : AbortSignal.any([a, b])
}
