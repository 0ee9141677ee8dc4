import type { IncomingMessage } from 'node:http'
import { ApiFailure, badRequest } from './failure.ts'
import { readMultipart } from './multipart.ts'

/** A file that came with a request. */
export interface Upload {
  name: string
  mime: string
  data: Buffer
}

/** Telegram takes 50 MB by upload; a little more is room for the other fields. */
const bodyLimit = 52 * 1024 * 1024

/** The parameters of one call, whichever way they came. Strings and JSON values are read alike. */
export class Params {
  readonly values: Readonly<Record<string, unknown>>
  readonly files: ReadonlyMap<string, Upload>

  constructor(values: Readonly<Record<string, unknown>>, files: ReadonlyMap<string, Upload>) {
    this.values = values
    this.files = files
  }

  /** Fields and files as the journal keeps them. */
  record(): Record<string, unknown> {
    if (this.files.size === 0) return this.values
    const out: Record<string, unknown> = { ...this.values }
    for (const [field, { name, data }] of this.files)
      out[field] = { file: name, bytes: data.length }
    return out
  }

  has(name: string): boolean {
    return this.values[name] !== undefined || this.files.has(name)
  }

  string(name: string): string {
    const value = this.values[name]
    if (value === undefined || value === null) return ''
    return typeof value === 'object' ? JSON.stringify(value) : String(value)
  }

  integer(name: string, fallback = 0): number {
    const value = Number.parseInt(this.string(name), 10)
    return Number.isSafeInteger(value) ? value : fallback
  }

  /** Clamped, not refused: that is what Telegram does with limits and timeouts. */
  clamped(name: string, fallback: number, min: number, max: number): number {
    return Math.min(max, Math.max(min, this.integer(name, fallback)))
  }

  flag(name: string): boolean {
    return /^(true|yes|1)$/i.test(this.string(name))
  }

  /** An object or array, from JSON or from its text. @throws {ApiFailure} 400 */
  json(name: string): unknown {
    const value = this.values[name]
    if (typeof value !== 'string' || value === '') return value
    try {
      return JSON.parse(value)
    } catch {
      throw badRequest(`can't parse ${name.replaceAll('_', ' ')} JSON object`)
    }
  }
}

/** Reads query string and body: JSON, urlencoded or multipart. @throws {ApiFailure} 400, 413 */
export async function readParams(request: IncomingMessage, query: string): Promise<Params> {
  const fromQuery = query === '' ? undefined : Object.fromEntries(new URLSearchParams(query))
  const type = request.headers['content-type'] ?? ''
  if (type.startsWith('multipart/form-data')) {
    const { values, files } = await readMultipart(request, bodyLimit)
    return new Params({ ...fromQuery, ...values }, files)
  }
  const body = await readBody(request)
  return new Params({ ...fromQuery, ...parseBody(type, body) }, new Map())
}

/** Fields of a JSON or urlencoded body. @throws {ApiFailure} 400 */
export function parseBody(type: string, body: Buffer): Record<string, unknown> {
  if (body.length === 0) return {}
  if (type.startsWith('application/x-www-form-urlencoded')) {
    return Object.fromEntries(new URLSearchParams(body.toString()))
  }
  if (!type.startsWith('application/json')) return {}
  try {
    const parsed: unknown = JSON.parse(body.toString())
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      // A JSON object is a record of its keys; each value is checked where it is used.
      return parsed as Record<string, unknown>
    }
  } catch {
    // Said below: an array and a broken text are the same mistake.
  }
  throw badRequest("can't parse JSON object")
}

function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > bodyLimit) reject(new ApiFailure(413, 'Request Entity Too Large'))
      else chunks.push(chunk)
    })
    request.on('end', () =>
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)),
    )
    request.on('error', reject)
  })
}
