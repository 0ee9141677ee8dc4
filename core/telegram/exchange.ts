import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher, Pool } from 'undici'
import type { RawAnswer } from './answer.ts'

/** One request, its body at hand or a stream. */
export interface Exchange {
  readonly path: string
  readonly contentType: string
  readonly body: Dispatcher.DispatchOptions['body']
  /** Longest wait for the head of the answer, and between parts of its body, ms. */
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/**
 * Sends a request and reads the answer to its end. By undici's `dispatch`: `request` makes a stream of each answer,
 * which costs more than all that we do ourselves.
 * @throws what undici throws; the signal's reason
 */
export function exchange(
  pool: Pool,
  { path, contentType, body, timeoutMs, signal }: Exchange,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const reader = new AnswerReader(resolve, reject, signal)
    const headers = ['content-type', contentType]
    const limits = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs }
    pool.dispatch({ path, method: 'POST', headers, body: body ?? null, ...limits }, reader)
  })
}

class AnswerReader implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: RawAnswer) => void
  readonly #reject: (error: unknown) => void
  readonly #signal: AbortSignal | undefined
  #controller: Dispatcher.DispatchController | undefined
  #status = 0
  #retryAfter: string | undefined
  #first: Buffer | undefined
  #more: Buffer[] | undefined

  constructor(
    resolve: (answer: RawAnswer) => void,
    reject: (error: unknown) => void,
    signal: AbortSignal | undefined,
  ) {
    this.#resolve = resolve
    this.#reject = reject
    this.#signal = signal
    signal?.addEventListener('abort', this.#abort, { once: true })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // it waited for a connection meanwhile
    if (this.#signal?.aborted) this.#abort()
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    this.#status = status
    this.#retryAfter = headers['retry-after']
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#first === undefined) this.#first = chunk
    else {
      this.#more ??= [this.#first]
      this.#more.push(chunk)
    }
  }

  onResponseEnd(): void {
    this.#leave()
    // nearly always one: not copied to be read
    const whole = this.#more === undefined ? this.#first : Buffer.concat(this.#more)
    this.#resolve({
      status: this.#status,
      body: whole?.toString() ?? '',
      retryAfter: this.#retryAfter,
    })
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#leave()
    this.#reject(error)
  }

  readonly #abort = (): void => {
    const reason: unknown = this.#signal?.reason
    this.#controller?.abort(reason instanceof Error ? reason : new Error(String(reason)))
    this.#leave()
    this.#reject(reason)
  }

  #leave(): void {
    this.#signal?.removeEventListener('abort', this.#abort)
  }
}
