import { TelegramError } from 'telegraf'

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
