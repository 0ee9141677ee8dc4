import { TelegramError } from 'telegraf'
import { codeOf, messageOf, OpsError } from '../errors.ts'
import { maybeSent } from '../telegram/transport.ts'

/**
 * What to do when nobody knows whether a message arrived: send it again, so that it comes at least once, or put it
 * aside for people to decide, so that it comes at most once.
 */
export type IfUnsure = 'repeat' | 'mark'

/** What came of one attempt to send a message. */
export type Outcome =
  | { readonly state: 'sent'; readonly messageId: number }
  /** It will never arrive. */
  | { readonly state: 'failed'; readonly error: string }
  /** It may have arrived, and is not sent again by itself. */
  | { readonly state: 'unsure'; readonly error: string }
  | {
      readonly state: 'waiting'
      readonly error: string
      /** Until the next attempt. */
      readonly inMs: number
      /** Whether it counts as an attempt. */
      readonly tried: boolean
      /** Whether it may have arrived, so that the next attempt may be its second copy. */
      readonly repeats: boolean
    }

const firstWaitMs = 2_000
const lastWaitMs = 10 * 60_000

/**
 * Decides what a failed attempt means; a plain function, the outbox acts on it.
 *
 * @param tries attempts before this one
 */
export function outcomeOf(
  error: unknown,
  { tries, ifUnsure }: { readonly tries: number; readonly ifUnsure: IfUnsure },
): Outcome {
  const words = wordsOf(error)
  if (error instanceof TelegramError && error.code === 429) {
    // longer than the gateway waits; that is no fault of the message
    const inMs = (error.parameters?.retry_after ?? 1) * 1_000
    return { state: 'waiting', error: words, inMs, tried: false, repeats: false }
  }
  const repeats = maybeSent(error)
  if (repeats && ifUnsure === 'mark') return { state: 'unsure', error: words }
  if (!repeats && !passes(error)) return { state: 'failed', error: words }
  const inMs = Math.min(lastWaitMs, firstWaitMs * 2 ** tries) * (0.5 + Math.random() / 2)
  return { state: 'waiting', error: words, inMs, tried: true, repeats }
}

/** Whether another attempt may do better: Telegram could not be reached, or the token is being replaced. */
function passes(error: unknown): boolean {
  if (error instanceof TelegramError) return error.code === 401
  return (
    error instanceof OpsError && error.code !== 'OPS_TELEGRAM_TARGET' && 'sent' in error.details
  )
}

function wordsOf(error: unknown): string {
  if (error instanceof TelegramError) return error.description
  const code = codeOf(error)
  return code === undefined ? messageOf(error) : `${code}: ${messageOf(error)}`
}
