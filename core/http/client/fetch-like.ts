import type { FetchLike, HttpOptions } from './call.ts'
import type { HttpResponse } from './response.ts'

/** Answers that have no body, and may not be given an empty one (fetch.spec.whatwg.org, null body status). */
const bodiless = new Set([204, 205, 304])

/** Calls by what a client of another kind gives to `fetch`, and answers it in kind. */
export function fetchLike(
  call: (url: string, options: HttpOptions) => Promise<HttpResponse>,
): FetchLike {
  return async (input, init) => {
    // it knows all that a body may be, and what its type is
    const request = new Request(input, init?.body == null ? init : { ...init, duplex: 'half' })
    const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer())
    // what comes packed is not unpacked here, as by another fetch it would
    const { 'accept-encoding': _packed, ...asked } = Object.fromEntries(request.headers)
    const answer = await call(request.url, {
      method: request.method,
      headers: asked,
      ...(body && { body }),
      throwOnStatus: false,
      signal: request.signal,
    })
    const { status, headers } = answer
    const content = bodiless.has(status) ? null : new Uint8Array(answer.body)
    return new Response(content, { status, headers })
  }
}
