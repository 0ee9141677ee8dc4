import { EventEmitter } from 'node:events'
import { TelegramError } from 'telegraf'
import { type Clock, systemClock, waitOn } from '../clock.ts'
import { codeOf, OpsError } from '../errors.ts'
import type { Logger } from '../log/logger.ts'
import { Backoff } from './backoff.ts'
import { isOwnMethod } from './methods.ts'
import { holdsStream, summaryOf } from './multipart.ts'
import { Pauses } from './pauses.ts'
import { isRepeatable, type Remedy, remedyFor } from './recovery.ts'
import { type CallBinding, type Caller, type CallOptions, OpsTelegram } from './telegram.ts'
import { createTransport, type Transport } from './transport.ts'

export interface GatewayOptions {
  readonly token: string
  /** Base address of the Bot API server; may have a path prefix. */
  readonly apiRoot: string
  readonly log: Logger
  /** Connections for calls, at least as many as there are active lanes; default 256. */
  readonly connections?: number
  /** What waits for Telegram run on; default the machine's. */
  readonly clock?: Clock
}

/** A finished outgoing call, for the message log. */
export interface SentCall {
  readonly method: string
  readonly chatId?: number | string
  /** Of the sent message, else of the one the call was about. */
  readonly messageId?: number
  /** Text or caption as it was given. */
  readonly text?: string
  /** The payload with `{ file, bytes }` in place of contents. Not to be changed. */
  readonly payload: object
  readonly ok: boolean
  readonly error?: unknown
  /** From the call to its end, waits and repeats included. */
  readonly ms: number
  readonly updateId?: number
}

export interface GatewayEvents {
  call: [call: SentCall]
  /** A group became a supergroup: its id changed. */
  migrated: [{ readonly from: number | string; readonly to: number }]
}

/** Counted since the start. */
export interface GatewayCounts {
  calls: number
  failed: number
  /** Attempts after a 5xx or a broken connection. */
  repeated: number
  /** Answers 429. */
  limited: number
  /** Messages re-sent as plain text because Telegram could not read their markup. */
  markupRefused: number
}

/** All outgoing calls to Telegram. */
export interface Gateway {
  /** For calls that belong to no update. */
  readonly telegram: OpsTelegram
  /** A light facade for one update: its calls end with its signal and are counted for its re-run policy. */
  with(binding: CallBinding): OpsTelegram
  /** Any method, also one newer than the types. */
  call<Result = unknown>(method: string, payload: object, options?: CallOptions): Promise<Result>
  /** Tells of each finished call; a listener that throws is logged. */
  readonly sent: EventEmitter<GatewayEvents>
  readonly counts: Readonly<GatewayCounts>
  /** For the poller: its calls are neither repeated nor told of. */
  readonly transport: Transport
  close(): Promise<void>
}

/** Waits and repeats of a call end here when its update brings no deadline of its own, ms. */
const defaultBudgetMs = 60_000

/** Of the framework's own calls, which belong to no update. */
const ownBinding: CallBinding = {}

export function createGateway(options: GatewayOptions): Gateway {
  const { log, clock = systemClock } = options
  const transport = createTransport(options)
  const sent = new EventEmitter<GatewayEvents>()
  const pauses = new Pauses(clock)
  const counts: GatewayCounts = { calls: 0, failed: 0, repeated: 0, limited: 0, markupRefused: 0 }

  async function perform(
    method: string,
    payload: object,
    callOptions: CallOptions,
    binding: CallBinding,
  ): Promise<unknown> {
    if (binding !== ownBinding && isOwnMethod(method)) {
      throw new OpsError('OPS_TELEGRAM_METHOD', `${method} is not for plugins`, {
        details: { method },
      })
    }
    const begun = performance.now()
    counts.calls += 1
    try {
      const signal = joined(callOptions.signal, binding.signal)
      signal?.throwIfAborted()
      if (!isRepeatable(method)) binding.onUnsafeCall?.(method)
      const result = await attempts(method, payload, { ...callOptions, signal }, binding)
      tell(method, payload, begun, binding, result, undefined)
      return result
    } catch (error) {
      counts.failed += 1
      tell(method, payload, begun, binding, undefined, { error })
      throw error
    }
  }

  async function attempts(
    method: string,
    given: object,
    { signal, timeoutMs, retry = true }: CallOptions,
    binding: CallBinding,
  ): Promise<unknown> {
    const deadlineAt = binding.deadlineAt ?? clock.now() + defaultBudgetMs
    const backoff = new Backoff({ firstMs: 200, maxMs: 5_000 })
    const resent = new Set<'markup' | 'migrated'>()
    let payload = given
    let repeats = 0
    for (;;) {
      const pause = pauses.remaining(method, payload)
      if (pause > 0) {
        if (!retry || clock.now() + pause > deadlineAt) throw paused(method, pause)
        await pauses.over(method, payload, signal)
      }
      let remedy: Remedy
      let failure: unknown
      try {
        return await transport.call(method, payload, { signal, timeoutMs })
      } catch (error) {
        if (signal?.aborted) throw error
        failure = error
        remedy = remedyFor(error, { method, payload, repeats, resent })
      }
      switch (remedy.do) {
        case 'fail':
          throw failure
        case 'succeed':
          return true
        case 'wait':
          counts.limited += 1
          pauses.begin(method, payload, remedy.ms)
          log.warn('telegram.limited', { method, chatId: chatOf(payload), waitMs: remedy.ms })
          if (!retry || clock.now() + remedy.ms > deadlineAt) throw failure
          break
        case 'repeat': {
          const wait = backoff.next()
          if (!retry || clock.now() + wait > deadlineAt) throw failure
          counts.repeated += 1
          repeats += 1
          log.debug('telegram.repeated', { method, repeats, code: codeOf(failure), waitMs: wait })
          await waitOn(clock, wait, signal)
          break
        }
        case 'resend':
          resent.add(remedy.why)
          if (remedy.why === 'markup') {
            counts.markupRefused += 1
            log.warn('telegram.markup.refused', { method, chatId: chatOf(payload), error: failure })
          } else {
            const from = chatOf(payload)
            log.info('telegram.chat.migrated', { from, to: remedy.to })
            if (from !== undefined) emit('migrated', { from, to: remedy.to })
          }
          payload = remedy.payload
      }
      // A stream can be read once; the second attempt would upload nothing.
      if (holdsStream(payload)) throw failure
    }
  }

  function tell(
    method: string,
    payload: object,
    begun: number,
    binding: CallBinding,
    result: unknown,
    failed: { error: unknown } | undefined,
  ): void {
    if (sent.listenerCount('call') === 0) return
    const chatId = chatOf(payload)
    const messageId = messageIdOf(result) ?? messageIdOf(payload)
    const text = textOf(payload)
    emit('call', {
      method,
      ...(chatId === undefined ? {} : { chatId }),
      ...(messageId === undefined ? {} : { messageId }),
      ...(text === undefined ? {} : { text }),
      payload: summaryOf(payload),
      ok: failed === undefined,
      ...(failed ?? {}),
      ms: performance.now() - begun,
      ...(binding.updateId === undefined ? {} : { updateId: binding.updateId }),
    })
  }

  function emit<K extends keyof GatewayEvents>(event: K, ...args: GatewayEvents[K]): void {
    try {
      // EventEmitter's own types can't follow a generic key.
      ;(sent as EventEmitter).emit(event, ...args)
    } catch (error) {
      log.error('telegram.listener.failed', { on: event, error })
    }
  }

  const caller: Caller = { perform, download: transport.download }
  const telegram = new OpsTelegram(caller, ownBinding)
  return {
    telegram,
    with: (binding) => new OpsTelegram(caller, binding),
    // the caller names the type that the documentation gives
    call: <Result>(method: string, payload: object, callOptions: CallOptions = {}) =>
      perform(method, payload, callOptions, ownBinding) as Promise<Result>,
    sent,
    counts,
    transport,
    close: () => transport.close(),
  }
}

function joined(a: AbortSignal | undefined, b: AbortSignal | undefined): AbortSignal | undefined {
  if (a === undefined) return b
  return b === undefined ? a : AbortSignal.any([a, b])
}

/** What Telegram would answer, said without asking it. */
function paused(method: string, ms: number): TelegramError {
  const seconds = Math.ceil(ms / 1000)
  return new TelegramError(
    {
      error_code: 429,
      description: `Too Many Requests: retry after ${seconds}`,
      parameters: { retry_after: seconds },
    },
    { method },
  )
}

function chatOf(payload: object): number | string | undefined {
  const id = 'chat_id' in payload ? payload.chat_id : undefined
  return typeof id === 'number' || typeof id === 'string' ? id : undefined
}

function messageIdOf(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null || !('message_id' in value)) return undefined
  return typeof value.message_id === 'number' ? value.message_id : undefined
}

function textOf(payload: object): string | undefined {
  const text = 'text' in payload ? payload.text : 'caption' in payload ? payload.caption : undefined
  return typeof text === 'string' ? text : undefined
}
