import type { Clock } from '../../clock.ts'
import { codeOf, OpsError } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import { isSecretName, type Redactor, redacted } from '../../log/redact.ts'
import { Circuits } from './circuit.ts'
import type { Exchange, Incoming } from './exchange.ts'
import { HttpResponse } from './response.ts'
import { isBroken, isIdempotent, mayRepeat, retryAfterMs } from './retry.ts'

export interface HttpOptions {
  /** Default GET. */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Added to the address. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  /** Sent as JSON. */
  readonly json?: unknown
  readonly body?: string | Uint8Array
  /** What statistics call the other side; default: its host. */
  readonly service?: string
  /** What one attempt has in all, ms; default 10,000. */
  readonly timeoutMs?: number
  /** Attempts, waits and all, end by then, ms; default 30,000. */
  readonly patienceMs?: number
  /** Further attempts; default 2. Which failures are repeated depends on method and answer. */
  readonly retries?: number
  /** The call may be made twice, though its method says otherwise: it carries a key against that. */
  readonly repeatable?: boolean
  /** The address comes from a person: only the public internet may be reached by it. */
  readonly publicOnly?: boolean
  /** Answers that are larger are refused; default 10 MB. */
  readonly maxBytes?: number
  /** `false`: answers from 400 up are returned too; default they are thrown. */
  readonly throwOnStatus?: boolean
  readonly signal?: AbortSignal
}

/** A call that some other client made, for the log of calls. */
export interface RecordedCall {
  readonly service: string
  readonly method: string
  readonly url: string
  readonly status?: number
  readonly ms: number
  readonly attempt?: number
  readonly sentBytes?: number
  readonly receivedBytes?: number
  readonly errorCode?: string
}

/** Calls to other services: limited, repeated where that can't hurt, and on record. */
export interface HttpClient {
  /**
   * @throws OPS_API_STATUS, OPS_API_TIMEOUT, OPS_API_UNREACHABLE, OPS_API_TOO_LARGE, OPS_API_ADDRESS, OPS_API_REDIRECT,
   * OPS_API_CIRCUIT; the signal's reason when it is aborted
   */
  fetch(url: string | URL, options?: HttpOptions): Promise<HttpResponse>
  /** Puts on record what another client called, as `fetch` does with its own. Never throws. */
  record(call: RecordedCall): void
}

/** One attempt, as `api_logs` keeps it. */
export interface ApiLogRow extends RecordedCall {
  readonly plugin: string
  readonly attempt: number
  readonly at: Date
}

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

/** Who calls. */
export interface Caller {
  readonly plugin: string
  readonly signal: AbortSignal
  /** Called before a call that must not simply be made again. */
  readonly onUnsafeCall?: () => void
}

const mostRedirects = 5
const firstWaitMs = 200
const longestWaitMs = 10_000
/** Calls to one host at once, over all plugins; others wait. */
const mostAtOnce = 8

/** What all plugins share of their calls: connections, limits, circuits. */
export class HttpCalls {
  readonly #parts: HttpClientParts
  readonly #circuits: Circuits
  /** What people name is apart: theirs to break, and nobody else's call waits for it or is spared by it. */
  readonly #strangersCircuits: Circuits
  readonly #gates = new Map<string, Gate>()

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
    const response = new HttpResponse(answer, this.#shown(from))
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
    return this.#gate(`${isStrangers ? 'public ' : ''}${url.host}`).use(signal, async () => {
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
    const url = URL.canParse(call.url) ? this.#shown(new URL(call.url)) : ''
    record({ ...call, url, plugin, attempt, at: new Date(clock.now()) })
  }

  /** An address as it may be shown: without passwords, what is named or looks like a secret, and secrets that we know. */
  #shown(url: URL): string {
    const shown = new URL(url)
    shown.username = ''
    shown.password = ''
    shown.hash = ''
    shown.pathname = shown.pathname.split('/').map(withoutKey).join('/')
    for (const name of [...shown.searchParams.keys()]) {
      if (isSecretName(name) || /key|sig/i.test(name)) shown.searchParams.set(name, redacted)
    }
    return this.#parts.redact(shown.href).slice(0, 1_000)
  }

  #refused({ service, method }: Call, response: HttpResponse): OpsError {
    const { status, headers } = response
    const said = this.#parts.redact(response.text().slice(0, 500)).replaceAll(/\s+/g, ' ').trim()
    const retryMs = retryAfterMs(headers['retry-after'], this.#parts.clock.now())
    return new OpsError(
      'OPS_API_STATUS',
      `${service} answered ${method} ${response.url} with ${status}${said === '' ? '' : `: ${said}`}`,
      { details: { service, status, ...(retryMs !== undefined && { retryMs }) } },
    )
  }

  #gate(name: string): Gate {
    let gate = this.#gates.get(name)
    if (gate === undefined) {
      gate = new Gate(mostAtOnce, () => this.#gates.delete(name))
      this.#gates.set(name, gate)
    }
    return gate
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

/** Lets so many calls to one host run at once. */
class Gate {
  #free: number
  readonly #most: number
  readonly #empty: () => void
  readonly #waiting = new Set<() => void>()

  /** @param empty called when nobody uses it any more */
  constructor(most: number, empty: () => void) {
    this.#most = most
    this.#free = most
    this.#empty = empty
  }

  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    if (this.#free > 0) this.#free--
    else await this.#turn(signal)
    try {
      return await work()
    } finally {
      const [next] = this.#waiting
      if (next !== undefined) next()
      else if (++this.#free === this.#most) this.#empty()
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(go)
        signal.removeEventListener('abort', cut)
      }
      const go = () => {
        leave()
        resolve()
      }
      const cut = () => {
        leave()
        reject(signal.reason)
      }
      this.#waiting.add(go)
      signal.addEventListener('abort', cut, { once: true })
    })
  }
}

function urlOf(address: string | URL, query: HttpOptions['query'] = {}): URL {
  if (!URL.canParse(String(address))) {
    throw new OpsError('OPS_API_ADDRESS', 'What was to be called is no address')
  }
  const url = new URL(address)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new OpsError('OPS_API_ADDRESS', `${url.protocol} can't be called`)
  }
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.append(name, String(value))
  }
  return url
}

function contentOf({ json, body, headers = {} }: HttpOptions) {
  const named = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  )
  if (json === undefined) return { body, headers: named }
  const type = { 'content-type': 'application/json', accept: 'application/json' }
  return { body: JSON.stringify(json), headers: { ...type, ...named } }
}

/** Name and password in an address are meant for the header. */
function basicAuth({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** Headers that say which answer is wanted, and of what kind the body is: no secret is among them. */
const harmless = /^(accept(-.+)?|cache-control|content-(type|language)|if-.+|range|user-agent)$/i

/** What is meant for one host must not reach another; of a header of the service's own nobody knows what it is. */
function withoutSecrets(headers: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => harmless.test(name)))
}

/** Letters and digits, mixed, that nobody would write: Slack, Discord and Teams have the key to a webhook in its path. */
function withoutKey(segment: string): string {
  const runs = segment.match(/[A-Za-z0-9]{20,}/g) ?? []
  return runs.some((run) => /\d/.test(run) && /[A-Za-z]/.test(run)) ? redacted : segment
}

function redirectOf({ status, headers }: Incoming, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(status)) return undefined
  const { location } = headers
  if (location === undefined) return undefined
  if (!URL.canParse(location, from.href)) {
    throw new OpsError('OPS_API_REDIRECT', `${from.host} redirects to what is no address`)
  }
  return new URL(location, from)
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
