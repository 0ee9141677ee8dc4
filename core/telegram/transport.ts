import { basename } from 'node:path'
import { TelegramError } from 'telegraf'
import { type Dispatcher, Pool } from 'undici'
import { codeOf, messageOf, OpsError } from '../errors.ts'
import { resultOf, withoutToken } from './answer.ts'
import { exchange } from './exchange.ts'
import {
  isLocalPath,
  limited,
  type OpenedFile,
  openLocalFile,
  type RemoteFile,
} from './files/download.ts'
import { type FileLimits, limitsOf } from './files/limits.ts'
import { hasFiles, multipartBody } from './files/multipart.ts'

export interface TransportOptions {
  readonly token: string
  /** Base address of the Bot API server; may have a path prefix. */
  readonly apiRoot: string
  /** Connections for calls, at least as many as there are active lanes; default 512. */
  readonly connections?: number
}

export interface TransportCallOptions {
  readonly signal?: AbortSignal | undefined
  /** Time limit of one attempt, ms; default 20,000, with files 120,000. */
  readonly timeoutMs?: number | undefined
}

/** HTTP to the Bot API: one attempt a call, no repeats. The token never leaves it, in no error and no inspection. */
export interface Transport {
  /**
   * Calls a method and gives its result.
   * @throws TelegramError when the server refused; OPS_TELEGRAM_UNREACHABLE, OPS_TELEGRAM_TIMEOUT or
   * OPS_TELEGRAM_ANSWER; the signal's reason when aborted
   */
  call(method: string, payload: object, options?: TransportCallOptions): Promise<unknown>
  /** The same over a connection of its own, so that a long poll never queues behind sends. */
  poll(method: string, payload: object, options?: TransportCallOptions): Promise<unknown>
  /**
   * Opens a file by what getFile told of it; `timeoutMs` is the longest silence.
   * @throws as `call`; OPS_TELEGRAM_FILE, OPS_TELEGRAM_FILE_SIZE
   */
  open(file: RemoteFile, maxBytes: number, options?: TransportCallOptions): Promise<OpenedFile>
  /** Largest files that the server takes and gives. */
  readonly limits: FileLimits
  /** Ends all connections; running calls fail. */
  close(): Promise<void>
}

const timeoutMs = 20_000
const uploadTimeoutMs = 120_000
/** Longest answer read: 100 updates are some 100 kB. */
const maxAnswerBytes = 32 * 1024 * 1024
const maxDownloads = 16

export function createTransport(options: TransportOptions): Transport {
  const { token } = options
  const root = new URL(options.apiRoot)
  const prefix = root.pathname.replace(/\/+$/, '')
  const methods = `${prefix}/bot${token}/`
  const files = `${prefix}/file/bot${token}/`
  const limits = limitsOf(root)
  const pool = (connections: number, maxResponseSize: number) =>
    new Pool(root.origin, { connections, pipelining: 1, maxResponseSize })
  const calls = pool(options.connections ?? 512, maxAnswerBytes)
  const polls = pool(1, maxAnswerBytes)
  // of their own, as a file may be large and slow, and only their readers know how much is too much
  const downloads = pool(maxDownloads, -1)

  async function request(
    over: Pool,
    method: string,
    payload: object,
    { signal, timeoutMs: limit }: TransportCallOptions,
  ): Promise<unknown> {
    let body: Dispatcher.DispatchOptions['body']
    let contentType = 'application/json'
    let timeout = limit ?? timeoutMs
    if (hasFiles(method, payload)) {
      const multipart = await multipartBody(payload, limits)
      body = multipart.open()
      contentType = multipart.contentType
      timeout = limit ?? uploadTimeoutMs
    } else {
      body = jsonOf(payload)
    }
    try {
      const request = { path: methods + encodeURIComponent(method), contentType, body, signal }
      const answer = await exchange(over, { ...request, timeoutMs: timeout })
      return resultOf(answer, method, payload)
    } catch (error) {
      throw failure(error, method, timeout, token, signal)
    }
  }

  return {
    call: (method, payload, callOptions = {}) => request(calls, method, payload, callOptions),
    poll: (method, payload, callOptions = {}) => request(polls, method, payload, callOptions),
    limits,
    async open(file, maxBytes, { signal, timeoutMs: limit = timeoutMs } = {}) {
      if (isLocalPath(file.path)) return openLocalFile(file, token, maxBytes)
      try {
        const answer = await downloads.request({
          // Path segments of Telegram's own naming; encoded so that nothing can climb out of `files`.
          path: files + file.path.split('/').map(encodeURIComponent).join('/'),
          method: 'GET',
          headersTimeout: limit,
          bodyTimeout: limit,
          ...(signal === undefined ? {} : { signal }),
        })
        const { statusCode, headers, body } = answer
        if (statusCode !== 200) {
          const text = await body.text()
          resultOf({ status: statusCode, body: text }, 'file download', {})
          throw new OpsError('OPS_TELEGRAM_ANSWER', `A file was answered by ${statusCode}`)
        }
        const told = Number(headers['content-length'] ?? file.bytes)
        const bytes = Number.isSafeInteger(told) ? told : undefined
        const source = body.on('error', () => undefined)
        const stream = limited(source, maxBytes, (error) =>
          failure(error, 'file download', limit, token, signal),
        )
        return { stream, bytes, name: basename(file.path) }
      } catch (error) {
        throw failure(error, 'file download', limit, token, signal)
      }
    },
    async close() {
      await Promise.all([calls, polls, downloads].map((pool) => pool.destroy()))
    },
  }
}

/**
 * Whether a failed call may have had its effect all the same: Bot API calls have no idempotency key,
 * so a send that broke off must not be repeated blindly.
 */
export function maybeSent(error: unknown): boolean {
  if (error instanceof TelegramError) return error.code >= 500
  if (error instanceof OpsError) return error.details.sent === 'maybe'
  return false
}

function failure(
  error: unknown,
  method: string,
  limitMs: number,
  token: string,
  signal: AbortSignal | undefined,
): unknown {
  if (signal?.aborted) return signal.reason
  if (error instanceof TelegramError || error instanceof OpsError) return withoutToken(error, token)
  const code = codeOf(error)
  const what = messageOf(error).replaceAll(token, '[token]') || code || 'no reason given'
  // The original may hold the request's path, and so the token: its name and words are enough.
  const cause = Object.assign(new Error(what), { code })
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
    return new OpsError(
      'OPS_TELEGRAM_TIMEOUT',
      `${method} was not answered within ${limitMs} ms; it may have had its effect`,
      { cause, details: { method, timeoutMs: limitMs, sent: 'maybe' } },
    )
  }
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') {
    return new OpsError('OPS_TELEGRAM_ANSWER', `The answer to ${method} is too long`, {
      cause,
      details: { method, limitBytes: maxAnswerBytes },
    })
  }
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') {
    return new OpsError('OPS_TELEGRAM_UNREACHABLE', `${method} ended: the gateway is closed`, {
      hint: 'The program is stopping. Nothing to do.',
      details: { method, sent: 'maybe', closed: true },
    })
  }
  const sent = neverLeft(error) ? 'no' : 'maybe'
  return new OpsError(
    'OPS_TELEGRAM_UNREACHABLE',
    sent === 'no'
      ? `${method} could not be sent: ${what}`
      : `${method} broke off, it may have had its effect: ${what}`,
    { cause, details: { method, sent } },
  )
}

/** Only errors of making the connection prove that nothing was sent. */
function neverLeft(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  if (codeOf(error) === 'UND_ERR_CONNECT_TIMEOUT') return true
  if (error instanceof AggregateError) return error.errors.every(neverLeft)
  return 'syscall' in error && (error.syscall === 'connect' || error.syscall === 'getaddrinfo')
}

function jsonOf(payload: object): string {
  const json = JSON.stringify(payload)
  // The server takes null for the text "null" in some fields; leaving nulls out by a replacer is
  // several times slower, so only payloads that seem to hold one pay for it.
  return json.includes(':null')
    ? JSON.stringify(payload, (_, value: unknown) => (value === null ? undefined : value))
    : json
}
