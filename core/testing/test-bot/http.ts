import { setTimeout as delay } from 'node:timers/promises'
import { OpsError } from '../../errors.ts'
import {
  createExchange,
  type Exchange,
  type Incoming,
  type Outgoing,
} from '../../http/client/exchange.ts'

/** What a stubbed service answers. */
export interface StubAnswer {
  /** Default 200. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly json?: unknown
  readonly text?: string
}

/** A request that a plugin made. */
export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Of JSON, what it holds; else the text. */
  readonly body: unknown
}

/** `refused`: nobody listens. `hang`: no answer, until the caller's time is over. */
export type Stub = StubAnswer | 'refused' | 'hang' | ((request: SeenRequest) => StubAnswer)

interface Rule {
  readonly method: string
  readonly url: string
  readonly answers: Stub[]
}

/** Other services as a test makes them. What is not stubbed can't be called, but for servers on this machine. */
export class TestHttp implements Exchange {
  /** All that was called, stubbed or not. */
  readonly requests: SeenRequest[] = []
  readonly #rules: Rule[] = []
  readonly #real = createExchange()

  /**
   * Answers calls. Of several that fit the newest wins.
   *
   * @param call method and address: `GET https://netbox.example/api/dcim/`; an address that ends with `*` fits all
   * that begin so, another one also with a query
   * @param answers one after another; the last one again and again
   */
  on(call: string, ...answers: readonly [Stub, ...Stub[]]): void {
    const [method = '', url = ''] = call.split(' ', 2)
    this.#rules.unshift({ method, url, answers: [...answers] })
  }

  async send(outgoing: Outgoing): Promise<Incoming> {
    const { url, signal } = outgoing
    const request = seen(outgoing)
    this.requests.push(request)
    const rule = this.#rules.find((each) => fits(each, request))
    if (rule === undefined) {
      if (['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname))
        return this.#real.send(outgoing)
      throw new OpsError('OPS_TEST_UNEXPECTED', `${request.method} ${request.url} is not stubbed`, {
        hint: `bot.http.on('${request.method} ${request.url}', { json: … })`,
      })
    }
    const answer = rule.answers.length > 1 ? rule.answers.shift() : rule.answers[0]
    if (answer === 'hang') {
      await delay(2 ** 31 - 1, undefined, { signal, ref: false }).catch(() => undefined)
      throw signal.reason
    }
    if (answer === 'refused' || answer === undefined) {
      throw new OpsError('OPS_API_UNREACHABLE', `${url.host}: connection refused`, {
        details: { host: url.host, reason: 'ECONNREFUSED', sent: 'no' },
      })
    }
    return incoming(typeof answer === 'function' ? answer(request) : answer)
  }

  close(): Promise<void> {
    return this.#real.close()
  }
}

function seen({ method, url, headers, body }: Outgoing): SeenRequest {
  const text = body === undefined ? '' : Buffer.from(body).toString('utf8')
  const isJson = headers['content-type'] === 'application/json' && text !== ''
  return { method, url: url.href, headers, body: isJson ? JSON.parse(text) : text }
}

function fits({ method, url }: Rule, request: SeenRequest): boolean {
  if (method !== request.method) return false
  if (url.endsWith('*')) return request.url.startsWith(url.slice(0, -1))
  return request.url === url || request.url.split('?', 1)[0] === url
}

function incoming({ status = 200, headers = {}, json, text = '' }: StubAnswer): Incoming {
  const type: Record<string, string> =
    json === undefined ? {} : { 'content-type': 'application/json' }
  return {
    status,
    headers: { ...type, ...headers },
    body: Buffer.from(json === undefined ? text : JSON.stringify(json)),
  }
}
