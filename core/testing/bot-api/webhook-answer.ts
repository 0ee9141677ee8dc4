import type { FakeBotApi } from './api.ts'
import { ApiFailure } from './failure.ts'
import { methods } from './methods/index.ts'
import { Params, parseBody } from './request.ts'
import type { DeliveryAnswer } from './updates/delivery.ts'

const neverHungUp = new AbortController().signal

/**
 * A webhook may answer with a call (Bot API, "Making requests when getting updates"): it is made, and nobody is told
 * what came of it. Not with one that asks for something, nor with one about updates (Client.cpp, get_webhook_…).
 * Files are not taken here: only JSON and urlencoded answers.
 */
export async function executeAnswer(
  api: FakeBotApi,
  { contentType, body }: DeliveryAnswer,
): Promise<void> {
  const call = callIn(contentType, body)
  if (call === undefined) return
  const { method: given, ...values } = call
  const asked = String(given).toLowerCase()
  const name = Object.keys(methods).find((known) => known.toLowerCase() === asked)
  if (name === undefined || /^(get|(set|delete)webhook$|close$|logout$)/.test(asked)) return
  const entry = api.journal.begin(name, values)
  try {
    entry.result = await methods[name]?.(api.backend, new Params(values, new Map()), neverHungUp)
    entry.outcome = 'ok'
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error
    entry.outcome = 'error'
    entry.status = error.status
    entry.description = error.message
  }
  entry.ms = api.world.now() - entry.at
  api.emit('call', entry)
}

function callIn(contentType: string, body: Buffer): Record<string, unknown> | undefined {
  try {
    const fields = parseBody(contentType, body)
    return typeof fields.method === 'string' ? fields : undefined
  } catch {
    // an answer of another kind, such as a page of a proxy: the update arrived all the same
    return undefined
  }
}
