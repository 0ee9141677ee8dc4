import type { FakeBotApi } from '../../../../core/testing/bot-api/api.ts'

interface Answer {
  ok: boolean
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever a method answers
  result?: any
  error_code?: number
  description?: string
  parameters?: { retry_after?: number; migrate_to_chat_id?: number }
}

/** Calls a method by JSON over plain fetch; the answer as it came, with the HTTP status. */
export async function call(
  api: FakeBotApi,
  method: string,
  params: object = {},
  signal?: AbortSignal,
): Promise<Answer & { status: number; headers: Headers }> {
  const response = await fetch(`${api.url}/bot${api.token}/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(params),
    ...(signal && { signal }),
  })
  const answer = (await response.json()) as Answer
  return { ...answer, status: response.status, headers: response.headers }
}
