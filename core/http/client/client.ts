import type { Clock } from '../../clock.ts'
import { codeOf, OpsError } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import type { Redactor } from '../../log/redact.ts'
import type { ApiLogRow, Caller, HttpClient, HttpOptions, RecordedCall } from './call.ts'
import { Circuits } from './circuit.ts'
import type { Exchange, Incoming } from './exchange.ts'
import { fetchLike } from './fetch-like.ts'
import { redirectOf, withoutSecrets } from './redirect.ts'
import { basicAuth, contentOf, urlOf } from './request.ts'
import { HttpResponse } from './response.ts'
import { isBroken, isIdempotent, mayRepeat, retryAfterMs } from './retry.ts'
import { shownUrl } from './shown.ts'
import { Turns } from './turns.ts'

export interface HttpClientParts {
  readonly exchange: Exchange
  readonly clock: Clock
  readonly log: Logger
  readonly redact: Redactor
  /** Takes a row and returns at once. */
  readonly record: (row: ApiLogRow) => void
  /** Told of each attempt: `of people` for services that people named; the class of the status, or what went wrong. */
  readonly measured?: (service: string, outcome: string, ms: number) => void
  readonly userAgent: string
  /** Refuses calls in the middle of a transaction. @throws OPS_TRANSACTION_CALL */
  readonly guard: (what: string) => void
}

const mostRedirects = 5
const firstWaitMs = 200
const longestWaitMs = 10_000
/** Of what a service said when it refused, so much is told, characters; and so much is looked through for secrets, bytes. */
const mostSaid = 500
const mostRead = 8_192
/** Calls to one host at once, over all plugins; others wait. */
const mostAtOnce = 8

/** What all plugins share of their calls: connections, limits, circuits. */
export class HttpCalls {
  readonly #parts: HttpClientParts
  readonly #circuits: Circuits
  /** What people name is apart: theirs to break, and nobody else's call waits for it or is spared by it. */
  readonly #strangersCircuits: Circuits
  readonly #turns = new Map<string, Turns>()

  constructor(parts: HttpClientParts) {
    this.#parts = parts
    this.#circuits = new Circuits(() => parts.clock.elapsed())
    this.#strangersCircuits = new Circuits(() => parts.clock.elapsed())
  }

  /** Services that are not called now, as they failed again and again; none that people named. */
  get spared(): readonly string[] {
    return this.#circuits.open
  }

  /** The client of one plugin, or of one of its runs. */
  for(caller: Caller): HttpClient {
    return {
      fetch: (url, options = {}) => this.#fetch(caller, url, options),
      asFetch: (options = {}) =>
        fetchLike((url, each) => this.#fetch(caller, url, { ...options, ...each })),
      record: (call) => this.#record(caller, call, call.attempt ?? 1),
    }
  }

  async #fetch(caller: Caller, address: string | URL, options: HttpOptions): Promise<HttpResponse> {
    const url = urlOf(address, options.query)
    const method = (options.method ?? 'GET').toUpperCase()
    this.#parts.guard(`${method} ${url.host}`)
    const repeatable = options.repeatable ?? isIdempotent(method)
    if (!repeatable) caller.onUnsafeCall?.()
    const signal = AbortSignal.any(
      options.signal === undefined ? [caller.signal] : [caller.signal, options.signal],
    )
    const call = {
      caller,
      method,
      service: options.service ?? url.host,
      options,
      repeatable,
      signal,
      endsAt: this.#parts.clock.elapsed() + (options.patienceMs ?? 30_000),
    }
    const { answer, from } = await this.#follow(call, url)
    const response = new HttpResponse(answer, shownUrl(from, this.#parts.redact))
    if (response.ok || options.throwOnStatus === false || answer.status < 400) return response
    throw this.#refused(call, response)
  }

  /** Follows redirects: to another host only into the public internet, and without what is meant for the first. */
  async #follow(call: Call, first: URL): Promise<{ answer: Incoming; from: URL }> {
    let { method, options } = call
    let url = first
    let publicOnly = options.publicOnly === true
    for (let hop = 0; ; hop++) {
      const answer = await this.#repeat({ ...call, method, options }, url, publicOnly)
      const target = redirectOf(answer, url)
      if (target === undefined) return { answer, from: url }
      if (hop === mostRedirects) {
        throw new OpsError('OPS_API_REDIRECT', `${first.host} redirects again and again`)
      }
      if (target.host !== url.host || (url.protocol === 'https:' && target.protocol === 'http:')) {
        publicOnly = true
        options = { ...options, headers: withoutSecrets(options.headers ?? {}) }
      }
      // as browsers do (fetch.spec.whatwg.org, HTTP-redirect fetch)
      const becomesGet =
        answer.status === 303 ||
        (method === 'POST' && (answer.status === 301 || answer.status === 302))
      if (becomesGet && method !== 'HEAD') {
        method = 'GET'
        const { json: _json, body: _body, ...rest } = options
        options = rest
      }
      url = target
    }
  }

  async #repeat(call: Call, url: URL, publicOnly: boolean): Promise<Incoming> {
    const { clock } = this.#parts
    const retries = call.options.retries ?? 2
    for (let attempt = 1; ; attempt++) {
      let outcome: { status: number } | { error: unknown }
      let answer: Incoming | undefined
      try {
        answer = await this.#attempt(call, url, publicOnly, attempt)
        outcome = answer
      } catch (error) {
        outcome = { error }
      }
      const waitMs = this.#waitMs(attempt, answer)
      const isLast =
        attempt > retries ||
        call.signal.aborted ||
        !mayRepeat(call.repeatable, outcome) ||
        clock.elapsed() + waitMs >= call.endsAt
      if (!isLast) {
        await clock.wait(waitMs, call.signal)
        continue
      }
      if (answer !== undefined) return answer
      throw 'error' in outcome ? outcome.error : new OpsError('OPS_INTERNAL', 'A call without end')
    }
  }

  #waitMs(attempt: number, answer: Incoming | undefined): number {
    const asked = retryAfterMs(answer?.headers['retry-after'], this.#parts.clock.now())
    if (asked !== undefined) return asked
    const bound = Math.min(longestWaitMs, firstWaitMs * 2 ** (attempt - 1))
    return bound / 2 + (Math.random() * bound) / 2
  }

  async #attempt(call: Call, url: URL, publicOnly: boolean, attempt: number): Promise<Incoming> {
    const { service, options, signal, caller } = call
    const { clock, exchange, userAgent, log, measured } = this.#parts
    const { body, headers } = contentOf(options)
    const isStrangers = options.publicOnly === true
    const circuits = isStrangers ? this.#strangersCircuits : this.#circuits
    return this.#turnsAt(`${isStrangers ? 'public ' : ''}${url.host}`).use(signal, async () => {
      circuits.enter(service)
      const limit = new AbortController()
      const cancel = clock.after(options.timeoutMs ?? 10_000, () => limit.abort())
      const began = clock.elapsed()
      let answer: Incoming | undefined
      let failure: unknown
      try {
        answer = await exchange.send({
          method: call.method,
          url,
          headers: { 'user-agent': userAgent, ...basicAuth(url), ...headers },
          body,
          publicOnly,
          maxBytes: options.maxBytes ?? 10_485_760,
          signal: AbortSignal.any([signal, limit.signal]),
        })
      } catch (error) {
        failure = limit.signal.aborted && !signal.aborted ? tooSlow(url, options) : error
      } finally {
        cancel()
      }
      const isFailure = answer === undefined ? isServiceFailure(failure) : isBroken(answer.status)
      if (signal.aborted) circuits.left(service)
      else if (!isFailure) circuits.answered(service)
      else if (circuits.failed(service)) log.warn('api.spared', { service })
      const ms = Math.round(clock.elapsed() - began)
      const outcome =
        answer === undefined ? reasonOf(failure) : `${Math.floor(answer.status / 100)}xx`
      measured?.(isStrangers ? 'of people' : service, outcome, ms)
      this.#record(
        caller,
        {
          service,
          method: call.method,
          url: url.href,
          ...(answer && { status: answer.status, receivedBytes: answer.body.byteLength }),
          ms,
          sentBytes: body === undefined ? 0 : Buffer.byteLength(body),
          ...(answer === undefined && { errorCode: codeOf(failure) ?? 'aborted' }),
        },
        attempt,
      )
      if (answer === undefined) throw failure
      return answer
    })
  }

  #record({ plugin }: Caller, call: RecordedCall, attempt: number): void {
    const { record, clock } = this.#parts
    const url = URL.canParse(call.url) ? shownUrl(new URL(call.url), this.#parts.redact) : ''
    record({ ...call, url, plugin, attempt, at: new Date(clock.now()) })
  }

  #refused({ service, method }: Call, response: HttpResponse): OpsError {
    const { status, headers } = response
    // cut after that: of half a secret nobody knows that it is one
    const text = this.#parts.redact(response.body.toString('utf8', 0, mostRead))
    const said = text.slice(0, mostSaid).replaceAll(/\s+/g, ' ').trim()
    const retryMs = retryAfterMs(headers['retry-after'], this.#parts.clock.now())
    return new OpsError(
      'OPS_API_STATUS',
      `${service} answered ${method} ${response.url} with ${status}${said === '' ? '' : `: ${said}`}`,
      { details: { service, status, ...(retryMs !== undefined && { retryMs }) } },
    )
  }

  #turnsAt(name: string): Turns {
    let turns = this.#turns.get(name)
    if (turns === undefined) {
      turns = new Turns(mostAtOnce, () => this.#turns.delete(name))
      this.#turns.set(name, turns)
    }
    return turns
  }
}

interface Call {
  readonly caller: Caller
  readonly method: string
  readonly service: string
  readonly options: HttpOptions
  readonly repeatable: boolean
  readonly signal: AbortSignal
  readonly endsAt: number
}

function tooSlow(url: URL, { timeoutMs = 10_000 }: HttpOptions): OpsError {
  const text = `${url.host} didn't answer in full within ${timeoutMs / 1_000} s`
  return new OpsError('OPS_API_TIMEOUT', text, { details: { host: url.host } })
}

/** `timeout`, `unreachable`, `too-large`, `address`, `aborted`. */
function reasonOf(error: unknown): string {
  const code = codeOf(error) ?? ''
  if (!code.startsWith('OPS_API_')) return 'aborted'
  return code.slice('OPS_API_'.length).toLowerCase().replaceAll('_', '-')
}

function isServiceFailure(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'OPS_API_UNREACHABLE' || code === 'OPS_API_TIMEOUT'
}
