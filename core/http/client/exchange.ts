import { Agent, type Dispatcher } from 'undici'
import { codeOf, messageOf, OpsError } from '../../errors.ts'
import { checkAddress, publicLookup } from './addresses.ts'

/** One attempt of a call, as it goes over the wire. */
export interface Outgoing {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | undefined
  /** Only to addresses of the public internet. */
  readonly publicOnly: boolean
  readonly maxBytes: number
  readonly signal: AbortSignal
}

export interface Incoming {
  readonly status: number
  /** Names in lower case; of several of one name, joined. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Sends one request and reads its answer, redirects not followed. Tests put their own in its place. */
export interface Exchange {
  /** @throws OPS_API_UNREACHABLE, OPS_API_TOO_LARGE, OPS_API_ADDRESS; the signal's reason */
  send(outgoing: Outgoing): Promise<Incoming>
  close(): Promise<void>
}

const connectMs = 5_000
/** Connections a host; calls beyond wait. */
const connections = 8

/** Over undici, with connections that are kept. Strangers' addresses have connections of their own. */
export function createExchange(): Exchange {
  const options = { connections, pipelining: 1, connect: { timeout: connectMs } }
  const trusted = new Agent(options)
  const guarded = new Agent({ ...options, connect: { timeout: connectMs, lookup: publicLookup } })
  return {
    async send({ method, url, headers, body, publicOnly, maxBytes, signal }) {
      if (publicOnly) checkAddress(url)
      try {
        const answer = await (publicOnly ? guarded : trusted).request({
          origin: url.origin,
          path: `${url.pathname}${url.search}`,
          method: method as Dispatcher.HttpMethod,
          headers: { ...headers },
          body: body ?? null,
          signal,
          // the attempt's own limit, over all of it, is the signal's
          headersTimeout: 0,
          bodyTimeout: 0,
        })
        return {
          status: answer.statusCode,
          headers: headersOf(answer.headers),
          body: await read(answer.body, maxBytes, url),
        }
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof OpsError) throw error
        throw unreachable(url, error)
      }
    },
    async close() {
      await Promise.all([trusted.destroy(), guarded.destroy()])
    },
  }
}

/** Whether the request can't have reached anybody. */
export function neverArrived(error: unknown): boolean {
  return error instanceof OpsError && error.details?.sent === 'no'
}

const beforeSending = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

function unreachable(url: URL, error: unknown): OpsError {
  const code = codeOf(error)
  // certificates are refused before anything is sent
  const isTls = /CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO/.test(code ?? '')
  const sent = isTls || beforeSending.has(code ?? '') ? 'no' : 'unknown'
  return new OpsError('OPS_API_UNREACHABLE', `${url.host}: ${messageOf(error)}`, {
    cause: error,
    details: { host: url.host, reason: code, sent },
  })
}

async function read(
  body: AsyncIterable<Uint8Array> & { destroy(): unknown },
  maxBytes: number,
  url: URL,
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.byteLength
    if (size > maxBytes) {
      body.destroy()
      throw new OpsError('OPS_API_TOO_LARGE', `${url.host} answered with over ${maxBytes} bytes`, {
        details: { host: url.host, maxBytes },
      })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function headersOf(headers: Readonly<Record<string, string | string[] | undefined>>) {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined
        ? []
        : [[name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value]],
    ),
  )
}
