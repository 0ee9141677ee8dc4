import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ErrorCode, errorCodes } from '../../errors.ts'
import { type Link, LinkedList } from '../../linked-list.ts'
import type { Logger } from '../../log/logger.ts'
import { Tally } from '../../log/tally.ts'
import type { IncomingUpdate } from '../facts.ts'
import { readBody, updateIn } from './body.ts'
import { secretCheck } from './secret.ts'

export interface WebhookFrontOptions {
  /** Each is accepted. */
  readonly secrets: readonly string[]
  /** Where a request comes from, for the log. */
  readonly addressOf: (request: IncomingMessage) => string | undefined
  /** What storing an update may take, ms; default 10,000. */
  readonly acceptMs?: number
  readonly log: Logger
}

/** Takes updates over. */
export interface Acceptance {
  /** Resolves when the update is durable, also if it is known; rejects when it can't be stored. */
  accept(update: IncomingUpdate): Promise<void>
  /** So much is open that no more is taken. */
  readonly isFull: boolean
}

/** Telegram would wait for an answer for 60 s, and hold that chat's updates so long. */
const defaultAcceptMs = 10_000
const lateCheckMs = 1_000
/** After an answer that came before the body's end: who still sends may read it for so long. */
const lingerMs = 5_000
/** Seconds. Telegram sends again after them (WebhookActor.cpp), else after a growing wait of up to 120. */
const retryAfter = { starting: 1, stopping: 1, full: 1, notStored: 2 } as const

/**
 * Where Telegram sends updates. 200 says that an update is durable: it is never given before, and never waits for a
 * handler. All else makes Telegram send it again. Checked in this order: secret, size, shape, room.
 */
export class WebhookFront {
  readonly #options: WebhookFrontOptions
  readonly #isSecret: (given: unknown) => boolean
  readonly #refused: Tally
  readonly #malformed: Tally
  readonly #notStored: Tally
  #acceptance: Acceptance | undefined
  readonly #taking = new LinkedList<Taking>()
  #lateCheck: NodeJS.Timeout | undefined
  #stopping: PromiseWithResolvers<void> | undefined
  #acceptedAt: number | undefined

  constructor(options: WebhookFrontOptions) {
    const { log } = options
    this.#options = options
    this.#isSecret = secretCheck(options.secrets)
    this.#refused = new Tally((fields) => log.warn('webhook.refused', fields))
    this.#malformed = new Tally((fields) => log.error('webhook.malformed', fields))
    this.#notStored = new Tally((fields) => log.error('webhook.not-stored', fields))
  }

  /** When an update was last taken over, as `Date.now()`. */
  get acceptedAt(): number | undefined {
    return this.#acceptedAt
  }

  /** From now on updates are taken over. Until then all are sent again later. */
  open(acceptance: Acceptance): void {
    this.#acceptance = acceptance
    this.#lateCheck ??= setInterval(() => this.#endLate(), lateCheckMs).unref()
  }

  /** Takes no more; resolves when what is being taken over is durable and answered. */
  close(): Promise<void> {
    this.#stopping ??= Promise.withResolvers()
    this.#closeIfIdle()
    return this.#stopping.promise
  }

  /** Answers one request. An arrow: it is handed on by itself. */
  readonly serve = (request: IncomingMessage, response: ServerResponse): void => {
    if (!this.#isSecret(request.headers['x-telegram-bot-api-secret-token'])) {
      this.#refused.add(() => ({ ip: this.#options.addressOf(request), hint: refusedHint }))
      refuse(request, response, 401, 'OPS_WEBHOOK_SECRET')
      return
    }
    readBody(request, (body) => {
      if (body === undefined) {
        this.#malformed.add(() => ({ code: 'OPS_HTTP_TOO_LARGE' }))
        refuse(request, response, 413, 'OPS_HTTP_TOO_LARGE')
        return
      }
      const update = updateIn(body)
      if (update === undefined) {
        this.#malformed.add(() => ({ code: 'OPS_WEBHOOK_UPDATE', bytes: body.length }))
        refuse(request, response, 400, 'OPS_WEBHOOK_UPDATE')
      } else this.#take(update, request, response)
    })
  }

  #take(update: IncomingUpdate, request: IncomingMessage, response: ServerResponse): void {
    const acceptance = this.#acceptance
    if (this.#stopping !== undefined) {
      // whoever stands before several instances sends it to another one
      response.setHeader('connection', 'close')
      askAgain(request, response, 'OPS_SHUTDOWN', retryAfter.stopping)
    } else if (acceptance === undefined) {
      askAgain(request, response, 'OPS_HTTP_NOT_READY', retryAfter.starting)
    } else if (acceptance.isFull) {
      askAgain(request, response, 'OPS_WEBHOOK_FULL', retryAfter.full)
    } else {
      const taking = this.#taking.add({ request, response, since: performance.now() })
      acceptance.accept(update).then(
        () => this.#taken(taking),
        (error: unknown) => this.#notTaken(taking, error),
      )
    }
  }

  #taken(taking: Link<Taking>): void {
    if (!this.#taking.remove(taking)) return
    this.#acceptedAt = Date.now()
    const { response } = taking.value
    response.writeHead(200, done)
    response.end()
    this.#closeIfIdle()
  }

  #notTaken(taking: Link<Taking>, error: unknown): void {
    if (!this.#taking.remove(taking)) return
    this.#notStored.add(() => ({ code: 'OPS_WEBHOOK_NOT_STORED', error }))
    const { request, response } = taking.value
    askAgain(request, response, 'OPS_WEBHOOK_NOT_STORED', retryAfter.notStored)
    this.#closeIfIdle()
  }

  /** One look at all of them: a timer for each would cost more than the rest of this file. */
  #endLate(): void {
    const { acceptMs = defaultAcceptMs } = this.#options
    const late = performance.now() - acceptMs
    for (const taking of this.#taking.links()) {
      // the oldest come first
      if (taking.value.since > late) return
      this.#notTaken(taking, new Error(`not within ${acceptMs} ms`))
    }
  }

  #closeIfIdle(): void {
    if (this.#stopping === undefined || this.#taking.size > 0) return
    clearInterval(this.#lateCheck)
    this.#stopping.resolve()
  }
}

/** An update that is being stored. */
interface Taking {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly since: number
}

/** An answer without a body: one with a `method` in it would be a call (T15). */
const done = { 'content-length': '0' }

const refusedHint =
  'Somebody else than Telegram, or another WEBHOOK_SECRET than Telegram was told: it is told the last one anew at a start.'

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  code: ErrorCode,
): void {
  const { title, hint } = errorCodes[code]
  const body = JSON.stringify({ error: { code, message: title, hint } })
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(body)
  if (!request.complete) linger(request)
}

function askAgain(
  request: IncomingMessage,
  response: ServerResponse,
  code: ErrorCode,
  afterS: number,
): void {
  response.setHeader('retry-after', String(afterS))
  refuse(request, response, 503, code)
}

/**
 * Reads on without keeping anything: a connection that is closed while the other side sends is reset, and the answer
 * in it may be lost (RFC 9112, 9.6). Who sends for ever is cut off.
 */
function linger(request: IncomingMessage): void {
  const timer = setTimeout(() => request.socket.destroy(), lingerMs).unref()
  request.on('close', () => clearTimeout(timer))
  request.resume()
}
