import { STATUS_CODES } from 'node:http'
import { Pool } from 'undici'
import type { ApiUpdate } from '../wire.ts'
import { slowConnector } from './connecting.ts'
import { webhookLane } from './lane.ts'
import type { Pending, UpdateQueue } from './queue.ts'
import { retryDelay } from './retry.ts'

/** What setWebhook was told. */
export interface WebhookSettings {
  readonly url: string
  readonly secretToken: string
  readonly maxConnections: number
  readonly ipAddress: string
  readonly hasCertificate: boolean
}

/** One try to bring an update. */
export interface DeliveryAttempt {
  readonly update: ApiUpdate
  /** From 1 on. */
  readonly attempt: number
  /** Of the answer; none if there was no answer. */
  readonly status: number | undefined
  readonly retryAfter: number | undefined
  readonly ms: number
}

export interface DeliveryOptions {
  readonly queue: UpdateQueue
  readonly now: () => number
  /** Does what an answer says that has a `method`. */
  readonly execute: (answer: DeliveryAnswer) => Promise<void>
  readonly tell: (attempt: DeliveryAttempt) => void
}

export interface DeliveryAnswer {
  readonly contentType: string
  readonly body: Buffer
}

interface Loaded {
  readonly item: Pending
  failures: number
  /** When it may be tried, as `performance.now()`. */
  at: number
}

/** An answer that isn't there by then is none. */
const answerMs = 60_000
/** 410 for so long removes the webhook. */
const goneMs = 23 * 3_600_000

/**
 * Brings updates to the webhook as Telegram's server does (tdlib/telegram-bot-api, WebhookActor.cpp): of each chat one
 * at a time and in order, the next only after a 2xx or when its time is over; at most `max_connections` at once;
 * failed ones are tried again and again.
 */
export class WebhookDelivery {
  /** Before this (ms since 1970) another setWebhook is refused. */
  settableAt: number | undefined
  readonly #options: DeliveryOptions
  /** By lane, in order; the first one of each is under way or waits for its time. */
  #lanes = new Map<string, Loaded[]>()
  #loaded = new Set<Pending>()
  #busy = new Set<Loaded>()
  #webhook: WebhookSettings | undefined
  #pool: Pool | undefined
  #timer: NodeJS.Timeout | undefined
  #goneSince: number | undefined
  #lastError: { readonly at: number; readonly message: string } | undefined

  constructor(options: DeliveryOptions) {
    this.#options = options
    options.queue.onPush(() => this.#pump())
  }

  get webhook(): WebhookSettings | undefined {
    return this.#webhook
  }

  /** When (ms since 1970) and why the last delivery that failed did. */
  get lastError(): { readonly at: number; readonly message: string } | undefined {
    return this.#lastError
  }

  /** Begins anew with this one, or ends. */
  set(webhook: WebhookSettings | undefined): void {
    this.#webhook = webhook
    this.#lanes = new Map()
    this.#loaded = new Set()
    this.#busy = new Set()
    this.#lastError = undefined
    this.#goneSince = undefined
    clearTimeout(this.#timer)
    const former = this.#pool
    this.#pool =
      webhook === undefined
        ? undefined
        : new Pool(new URL(webhook.url).origin, {
            connections: webhook.maxConnections,
            pipelining: 1,
            connect: slowConnector(),
          })
    // what is under way may arrive all the same
    void former?.close()
    this.#pump()
  }

  /** Breaks off what is under way. */
  close(): Promise<void> {
    const pool = this.#pool
    this.#pool = undefined
    this.set(undefined)
    return pool?.destroy() ?? Promise.resolve()
  }

  #pump(): void {
    const webhook = this.#webhook
    const pool = this.#pool
    if (webhook === undefined || pool === undefined) return
    this.#load(2 * webhook.maxConnections)
    clearTimeout(this.#timer)
    const now = performance.now()
    let next = Number.POSITIVE_INFINITY
    for (const [lane, [first]] of this.#lanes) {
      if (first === undefined || this.#busy.has(first)) continue
      if (first.at > now) next = Math.min(next, first.at)
      else if (this.#busy.size < webhook.maxConnections) {
        this.#busy.add(first)
        void this.#deliver(first, lane, webhook, pool)
      }
    }
    if (next === Number.POSITIVE_INFINITY) return
    this.#timer = setTimeout(() => this.#pump(), next - now).unref()
  }

  #load(limit: number): void {
    for (const item of this.#options.queue.waiting(limit)) {
      if (this.#loaded.has(item)) continue
      this.#loaded.add(item)
      const lane = webhookLane(item.kind, item.update)
      const loaded: Loaded = { item, failures: 0, at: 0 }
      const known = this.#lanes.get(lane)
      if (known === undefined) this.#lanes.set(lane, [loaded])
      else known.push(loaded)
    }
  }

  async #deliver(
    loaded: Loaded,
    lane: string,
    webhook: WebhookSettings,
    pool: Pool,
  ): Promise<void> {
    const { now, queue, tell } = this.#options
    const began = performance.now()
    const { status, retryAfter, message } = await this.#send(loaded.item.update, webhook, pool)
    const isCurrent = this.#pool === pool
    if (isCurrent) this.#busy.delete(loaded)
    const isDelivered = status !== undefined && status >= 200 && status < 300
    if (isDelivered) queue.settle(loaded.item)
    else if (isCurrent) {
      loaded.failures += 1
      loaded.at = performance.now() + retryDelay(loaded.failures, retryAfter)
      this.#lastError = { at: now(), message }
    }
    if (isCurrent) {
      this.#watchGone(status)
      if (isDelivered || loaded.item.expiresAt <= now()) {
        queue.settle(loaded.item)
        this.#unload(loaded, lane)
      }
    }
    const ms = performance.now() - began
    tell({
      update: loaded.item.update,
      attempt: loaded.failures + (isDelivered ? 1 : 0),
      status,
      retryAfter,
      ms,
    })
    this.#pump()
  }

  #unload(loaded: Loaded, lane: string): void {
    this.#loaded.delete(loaded.item)
    const rest = (this.#lanes.get(lane) ?? []).filter((other) => other !== loaded)
    if (rest.length === 0) this.#lanes.delete(lane)
    else this.#lanes.set(lane, rest)
  }

  async #send(
    update: ApiUpdate,
    { url, secretToken }: WebhookSettings,
    pool: Pool,
  ): Promise<{ status: number | undefined; retryAfter?: number | undefined; message: string }> {
    const { pathname, search } = new URL(url)
    try {
      const answer = await pool.request({
        path: pathname + search,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(secretToken === '' ? {} : { 'x-telegram-bot-api-secret-token': secretToken }),
        },
        body: JSON.stringify(update),
        headersTimeout: answerMs,
        bodyTimeout: answerMs,
      })
      const body = Buffer.from(await answer.body.arrayBuffer())
      const { statusCode: status, headers } = answer
      if (status >= 200 && status < 300 && body.length > 0) {
        const contentType = String(headers['content-type'] ?? '')
        await this.#options.execute({ contentType, body })
      }
      const asked = Number(headers['retry-after'])
      return {
        status,
        retryAfter: Number.isFinite(asked) ? asked : undefined,
        message: `Wrong response from the webhook: ${status} ${STATUS_CODES[status] ?? ''}`.trim(),
      }
    } catch (error) {
      return { status: undefined, message: failureOf(error) }
    }
  }

  #watchGone(status: number | undefined): void {
    if (status !== 410) this.#goneSince = undefined
    else if (this.#goneSince === undefined) this.#goneSince = this.#options.now()
    else if (this.#options.now() - this.#goneSince >= goneMs) this.set(undefined)
  }
}

/** In Telegram's words, as far as they are known. */
function failureOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : ''
  switch (code) {
    case 'ECONNREFUSED':
      return 'Connection refused'
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return 'Read timeout expired'
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'Connection timed out'
    default:
      return 'Connection closed'
  }
}
