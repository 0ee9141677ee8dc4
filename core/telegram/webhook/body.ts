import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { type IncomingUpdate, parseUpdate } from '../facts.ts'

/** Longest body that is read, bytes. */
const bodyLimit = 1024 * 1024

/**
 * Reads a request's body as bytes: a character may be split between two chunks (T13). Calls `done` once, with
 * undefined as soon as the body is known to be too long; never if the sender hangs up.
 */
export function readBody(request: IncomingMessage, done: (body: Buffer | undefined) => void): void {
  // what isn't a number of bytes the parser has refused
  if (Number(request.headers['content-length'] ?? 0) > bodyLimit) {
    done(undefined)
    return
  }
  let first: Buffer | undefined
  let more: Buffer[] | undefined
  let size = 0
  request.on('data', (chunk: Buffer) => {
    if (size > bodyLimit) return
    size += chunk.length
    if (size > bodyLimit) done(undefined)
    else if (first === undefined) first = chunk
    else if (more === undefined) more = [first, chunk]
    else more.push(chunk)
  })
  request.on('end', () => {
    if (size > bodyLimit) return
    done(more === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(more))
  })
  // a sender that hangs up in the middle is no event here: it sends again
  request.on('error', () => undefined)
}

/** The update in a body; undefined if it is not a UTF-8 JSON object with an integer `update_id`. */
export function updateIn(body: Buffer): IncomingUpdate | undefined {
  if (!isUtf8(body)) return undefined
  try {
    return parseUpdate(JSON.parse(body.toString('utf8')))
  } catch {
    // told by the answer: what is sent here is from outside
    return undefined
  }
}
