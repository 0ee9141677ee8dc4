import { TelegramError } from 'telegraf'
import { OpsError } from '../../errors.ts'
import { plainText } from '../html.ts'
import { maybeSent } from '../transport.ts'

/** How the gateway goes on after a failed call. */
export type Remedy =
  | { readonly do: 'fail' }
  /** What the call wanted is already so. */
  | { readonly do: 'succeed' }
  /** The server asks for patience. */
  | { readonly do: 'wait'; readonly ms: number }
  /** The same again, after a back-off. */
  | { readonly do: 'repeat' }
  | { readonly do: 'resend'; readonly payload: object; readonly why: 'markup' }
  | {
      readonly do: 'resend'
      readonly payload: object
      readonly why: 'migrated'
      readonly to: number
    }

/** A call that failed and what has been tried for it. */
export interface FailedCall {
  readonly method: string
  readonly payload: object
  /** Whether a second execution changes nothing more. */
  readonly repeatable: boolean
  readonly repeats: number
  /** Re-sends already made: each reason counts once. */
  readonly resent: readonly ('markup' | 'migrated')[]
}

/** With bounds of 0.2, 0.4, … s this is about 3 s of repeating on average. */
const maxRepeats = 5

const repeatable = /^(get|edit|delete|set|ban|unban|restrict|promote|pin|unpin)[A-Z]/
const repeatableToo: ReadonlySet<string> = new Set([
  'answerCallbackQuery',
  'answerInlineQuery',
  'leaveChat',
  'sendChatAction',
  // a draft is shown under its own id, the same twice
  'sendMessageDraft',
  'sendRichMessageDraft',
])

/**
 * Whether a second execution of a method changes nothing more. All else, methods not known here
 * included, is unsafe: the Bot API has no idempotency key, a repeated send is a second message.
 */
export function isRepeatable(method: string): boolean {
  return repeatable.test(method) || repeatableToo.has(method)
}

/** Decides what a failure means for a call; a plain function, the gateway acts on it. */
export function remedyFor(error: unknown, call: FailedCall): Remedy {
  if (error instanceof TelegramError) {
    if (error.code === 429) return { do: 'wait', ms: (error.parameters?.retry_after ?? 1) * 1000 }
    if (error.code >= 500) return repeatIf(call.repeatable, call)
    if (error.code === 400) return remedyForBadRequest(error, call)
    return { do: 'fail' }
  }
  if (error instanceof OpsError && 'sent' in error.details && !error.details.closed) {
    return repeatIf(!maybeSent(error) || call.repeatable, call)
  }
  return { do: 'fail' }
}

function remedyForBadRequest(error: TelegramError, call: FailedCall): Remedy {
  const { method, payload, resent } = call
  const description = error.description.toLowerCase()
  // "message is not modified" of edits, CHAT_NOT_MODIFIED and the like of set* and pin*.
  if (/not[ _]modified/.test(description)) return { do: 'succeed' }
  // T31: nobody waits for the answer any more.
  if (method === 'answerCallbackQuery' && description.includes('query is too old')) {
    return { do: 'succeed' }
  }
  // The first attempt, of which no answer came, had deleted it.
  if (call.repeats > 0 && description.includes('message to delete not found')) {
    return { do: 'succeed' }
  }
  const to = error.parameters?.migrate_to_chat_id
  if (to !== undefined && !resent.includes('migrated')) {
    return { do: 'resend', payload: { ...payload, chat_id: to }, why: 'migrated', to }
  }
  if (description.includes("can't parse entities") && !resent.includes('markup')) {
    return { do: 'resend', payload: withoutMarkup(payload), why: 'markup' }
  }
  return { do: 'fail' }
}

const reaches = /^(send|forward|copy)/

/** The words with which Telegram says that a chat can't be written to at all; undefined for all other failures. */
export function unreachableBy(error: unknown, method: string): string | undefined {
  if (!(error instanceof TelegramError) || !reaches.test(method)) return undefined
  const { code, description } = error
  if (code === 403) return description
  return code === 400 && /chat not found|user is deactivated|PEER_ID_INVALID/i.test(description)
    ? description
    : undefined
}

function repeatIf(condition: boolean, call: FailedCall): Remedy {
  return condition && call.repeats < maxRepeats ? { do: 'repeat' } : { do: 'fail' }
}

const texts: ReadonlySet<string> = new Set(['text', 'caption', 'question', 'explanation'])

/** The payload as plain text: tags of HTML taken out, Markdown left as it was written. */
function withoutMarkup(payload: object): object {
  const mode = 'parse_mode' in payload ? payload.parse_mode : undefined
  const copy: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(payload)) {
    if (key === 'parse_mode' || key.endsWith('_parse_mode')) continue
    if (texts.has(key) && typeof value === 'string') {
      copy[key] = mode === 'HTML' ? plainText(value) : value
    } else if (key === 'media' && Array.isArray(value)) {
      copy[key] = value.map((item: object) => withoutMarkup(item))
    } else if (key === 'media' && typeof value === 'object' && value !== null && 'type' in value) {
      copy[key] = withoutMarkup(value)
    } else {
      copy[key] = value
    }
  }
  return copy
}
