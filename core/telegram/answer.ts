import { TelegramError } from 'telegraf'
import { OpsError } from '../errors.ts'

/** An HTTP answer, read to its end. */
export interface RawAnswer {
  readonly status: number
  readonly body: string
  /** Value of the `Retry-After` header, if it had one. */
  readonly retryAfter?: string | undefined
}

/** What an error may tell of the payload: whom and what it was about, never texts or files (T27). */
const telling: ReadonlySet<string> = new Set([
  'chat_id',
  'message_id',
  'message_thread_id',
  'user_id',
  'callback_query_id',
  'inline_message_id',
  'parse_mode',
])

/**
 * The `result` of a Bot API answer.
 * @throws TelegramError when the server refused the call, also for any 5xx without a proper body
 * @throws OPS_TELEGRAM_ANSWER when something else than a Bot API server answered
 */
export function resultOf(answer: RawAnswer, method: string, payload: object): unknown {
  const data = parsed(answer.body)
  if (data?.ok === true && 'result' in data) return data.result
  if (data?.ok === false) {
    throw new TelegramError(
      {
        error_code: typeof data.error_code === 'number' ? data.error_code : answer.status,
        description:
          typeof data.description === 'string' ? data.description : `HTTP ${answer.status}`,
        ...parametersOf(data, answer),
      },
      { method, payload: tellingOf(payload) },
    )
  }
  const excerpt = `"${answer.body.slice(0, 80).replace(/\s+/g, ' ').trim()}"`
  if (answer.status >= 500 || answer.status === 429) {
    // A proxy's 502 page or a bare 500: the same trouble for callers as Telegram's own.
    throw new TelegramError(
      {
        error_code: answer.status,
        description: `HTTP ${answer.status}, not a Bot API answer: ${excerpt}`,
        ...parametersOf(undefined, answer),
      },
      { method, payload: tellingOf(payload) },
    )
  }
  throw new OpsError(
    'OPS_TELEGRAM_ANSWER',
    `${method} was answered by something that is no Bot API server: HTTP ${answer.status} ${excerpt}`,
    { details: { method, status: answer.status } },
  )
}

/** Takes the token out of an error that a server or a library may have put it into (T27). */
export function withoutToken(error: unknown, token: string): unknown {
  if (error instanceof TelegramError && error.description.includes(token)) {
    return new TelegramError(
      { ...error.response, description: error.description.replaceAll(token, '[token]') },
      error.on,
    )
  }
  if (error instanceof OpsError && error.message.includes(token)) {
    return new OpsError(error.code, error.message.replaceAll(token, '[token]'), {
      details: error.details,
      hint: error.hint,
    })
  }
  return error
}

interface AnswerFields {
  readonly ok?: unknown
  readonly result?: unknown
  readonly error_code?: unknown
  readonly description?: unknown
  readonly parameters?: unknown
}

function parsed(body: string): AnswerFields | undefined {
  try {
    const data: unknown = JSON.parse(body)
    return typeof data === 'object' && data !== null ? data : undefined
  } catch {
    return undefined
  }
}

function parametersOf(
  data: AnswerFields | undefined,
  answer: RawAnswer,
): { parameters?: { retry_after?: number; migrate_to_chat_id?: number } } {
  const given = data?.parameters
  // Outside input: the two known fields are read, if they are numbers.
  const fields = typeof given === 'object' && given !== null ? (given as AnswerParameters) : {}
  const retryAfter = numeric(fields.retry_after) ?? numeric(answer.retryAfter)
  const migrateTo = numeric(fields.migrate_to_chat_id)
  if (retryAfter === undefined && migrateTo === undefined) return {}
  return {
    parameters: {
      ...(retryAfter === undefined ? {} : { retry_after: retryAfter }),
      ...(migrateTo === undefined ? {} : { migrate_to_chat_id: migrateTo }),
    },
  }
}

interface AnswerParameters {
  readonly retry_after?: unknown
  readonly migrate_to_chat_id?: unknown
}

function numeric(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number.parseInt(value, 10) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

function tellingOf(payload: object): object {
  return Object.fromEntries(Object.entries(payload).filter(([key]) => telling.has(key)))
}
