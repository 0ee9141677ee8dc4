import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { FakeBotApi, type FakeBotApiOptions } from './api.ts'
import { ApiFailure, tooManyRequests } from './failure.ts'
import type { FaultSpec } from './faults.ts'
import type { Call } from './journal.ts'
import { isLoopbackHost } from './loopback.ts'
import { methods } from './methods/index.ts'
import { readParams } from './request.ts'
import type { ApiUpdate } from './wire.ts'

/** Method names are taken in any case. */
const methodNames: ReadonlyMap<string, string> = new Map(
  Object.keys(methods).map((name) => [name.toLowerCase(), name]),
)

/**
 * Starts a fake Bot API server on loopback. It behaves as Telegram's own
 * (https://github.com/tdlib/telegram-bot-api) where a bot can notice.
 */
export async function startFakeBotApi(options: FakeBotApiOptions = {}): Promise<FakeBotApi> {
  const server = createServer({ keepAliveTimeout: 60_000 })
  const api = new FakeBotApi(options, {
    address: () => {
      const address = server.address()
      return typeof address === 'object' && address ? `http://127.0.0.1:${address.port}` : ''
    },
    close: async () => {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      // Hung calls and keep-alive connections would hold the port for ever.
      server.closeAllConnections()
      await closed
    },
  })
  const front = new Front(api)
  server.on('request', (request, response) => front.serve(request, response))
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  return api
}

/** From an HTTP request to a method and back. */
class Front {
  readonly #api: FakeBotApi

  constructor(api: FakeBotApi) {
    this.#api = api
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    this.#serve(request, response).catch((error: unknown) => {
      // A caller that hangs up in the middle of its request is no event here.
      if (response.headersSent || response.destroyed) response.destroy()
      else if (error instanceof ApiFailure) writeFailure(response, error)
      else writeFailure(response, new ApiFailure(500, `Internal Server Error: ${String(error)}`))
    })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers } = request
    // A page of some website could reach 127.0.0.1 through a DNS name of its own.
    if (!isLoopbackHost(headers.host)) throw new ApiFailure(403, 'Forbidden: loopback only')
    // Or send to it without reading the answer; browsers say so, and no bot is one.
    if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) {
      throw new ApiFailure(403, 'Forbidden: no websites')
    }
    const url = request.url ?? ''
    const mark = url.indexOf('?')
    const path = mark < 0 ? url : url.slice(0, mark)
    const [, file, token, rest] = /^\/(file\/)?bot([^/]+)\/(.+)$/.exec(path) ?? []
    if (token === undefined || rest === undefined) throw new ApiFailure(404, 'Not Found')
    const given = token.includes('%') ? decodeURIComponent(token) : token
    if (given !== this.#api.token) throw new ApiFailure(401, 'Unauthorized')
    if (file) return this.#download(rest, response)
    const params = await readParams(request, mark < 0 ? '' : url.slice(mark + 1))
    const name = methodNames.get(rest.toLowerCase()) ?? rest
    const call = this.#api.journal.begin(name, params.record())
    const faults = this.#api.faults.take(name, params.values)
    for (const fault of faults) if (fault.kind === 'latency') await delay(fault.ms)
    const fault = faults.find(({ kind }) => kind !== 'latency')
    const late = fault && 'when' in fault && fault.when === 'after'
    if (fault && !late && this.#breaks(fault, call, response)) return
    try {
      const method = methods[name]
      if (!method) throw new ApiFailure(404, 'Not Found: method not found')
      const signal = name === 'getUpdates' ? hangUp(response) : neverHungUp
      const result = method(this.#api.backend, params, signal)
      call.result = result instanceof Promise ? await result : result
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error
      this.#fail(call, response, error)
      return
    }
    if (fault?.kind === 'duplicate' && name === 'getUpdates') {
      // The journal holds any method's result; getUpdates has just returned updates.
      this.#api.backend.poll.repeat(call.result as ApiUpdate[])
    }
    if (fault && late && this.#breaks(fault, call, response)) return
    this.#end(call, 'ok')
    write(response, 200, `{"ok":true,"result":${JSON.stringify(call.result)}}`)
  }

  /** Lets a fault answer, or not answer, in the method's place. */
  #breaks(fault: FaultSpec, call: Call, response: ServerResponse): boolean {
    switch (fault.kind) {
      case '429':
        this.#fail(call, response, tooManyRequests(fault.retryAfter))
        return true
      case '5xx': {
        const status = fault.status ?? 502
        const text = status === 502 ? 'Bad Gateway' : 'Internal Server Error'
        this.#fail(call, response, new ApiFailure(status, text))
        return true
      }
      case 'error': {
        const { status, description, parameters } = fault
        this.#fail(call, response, new ApiFailure(status, description, parameters))
        return true
      }
      case 'reset':
        response.destroy()
        this.#end(call, 'broken')
        return true
      case 'hang':
        return true
      case 'garbage':
        this.#end(call, 'broken')
        response.writeHead(200, { 'content-type': 'text/html' })
        response.end('<html><body>gateway</body></html>')
        return true
      default:
        return false
    }
  }

  #fail(call: Call, response: ServerResponse, failure: ApiFailure): void {
    call.status = failure.status
    call.description = failure.message
    this.#end(call, 'error')
    writeFailure(response, failure)
  }

  #end(call: Call, outcome: Call['outcome']): void {
    call.outcome = outcome
    call.ms = this.#api.world.now() - call.at
    this.#api.emit('call', call)
  }

  #download(path: string, response: ServerResponse): void {
    const file = this.#api.world.files.at(decodeURIComponent(path))
    if (!file) throw new ApiFailure(404, 'Not Found: file not found')
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-length': file.data.length,
    })
    response.end(file.data)
  }
}

const neverHungUp = new AbortController().signal

/** Aborted when the caller closes the connection before it has its answer. */
function hangUp(response: ServerResponse): AbortSignal {
  const controller = new AbortController()
  response.once('close', () => controller.abort())
  return controller.signal
}

function writeFailure(response: ServerResponse, failure: ApiFailure): void {
  const { status, message: description, parameters } = failure
  const body = JSON.stringify({ ok: false, error_code: status, description, parameters })
  // Telegram says the wait twice: for Bot API clients and for anything that knows HTTP.
  if (parameters?.retry_after !== undefined) {
    response.setHeader('Retry-After', parameters.retry_after)
  }
  write(response, status, body)
}

function write(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}
