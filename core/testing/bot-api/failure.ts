/** An answer of the Bot API that is not `ok`; thrown by methods, written by the server. */
export class ApiFailure extends Error {
  readonly status: number
  readonly parameters: { retry_after?: number; migrate_to_chat_id?: number } | undefined

  constructor(
    status: number,
    description: string,
    parameters?: { retry_after?: number; migrate_to_chat_id?: number },
  ) {
    super(description)
    this.name = 'ApiFailure'
    this.status = status
    this.parameters = parameters
  }
}

/** 400, with the prefix that Telegram puts before the reason. */
export function badRequest(reason: string): ApiFailure {
  return new ApiFailure(400, `Bad Request: ${reason}`)
}

/** 403: the chat is there, the bot may not write to it. */
export function forbidden(reason: string): ApiFailure {
  return new ApiFailure(403, `Forbidden: ${reason}`)
}

/** 429 with the wait in seconds, also in the text, as Telegram words it. */
export function tooManyRequests(retryAfter: number): ApiFailure {
  return new ApiFailure(429, `Too Many Requests: retry after ${retryAfter}`, {
    retry_after: retryAfter,
  })
}
