import { EventEmitter } from 'node:events'
import { type Clock, systemClock } from '../clock.ts'
import { OpsError } from '../errors.ts'
import type { Logger } from '../log/logger.ts'
import { Buckets } from '../store/buckets.ts'
import { withoutOwnFolder } from './files/download.ts'
import type { FileLinks } from './files/links.ts'
import { summaryOf } from './files/multipart.ts'
import { FileReader } from './files/reader.ts'
import { isOwnMethod } from './methods.ts'
import { Attempts } from './outgoing/attempts.ts'
import { BulkLane, type Pace } from './outgoing/bulk.ts'
import { type Call, chatIdOf, chatOf, type GatewayCounts, joined } from './outgoing/call.ts'
import { type Edit, Edits } from './outgoing/edits.ts'
import { Pauses } from './outgoing/pauses.ts'
import { isRepeatable, unreachableBy } from './outgoing/recovery.ts'
import type { Targets } from './outgoing/targets.ts'
import { type CallBinding, type Caller, type CallOptions, OpsTelegram } from './telegram.ts'
import { createTransport, type Transport } from './transport.ts'

export interface GatewayOptions {
  readonly token: string
  /** Base address of the Bot API server; may have a path prefix. */
  readonly apiRoot: string
  readonly log: Logger
  /** Connections for calls, at least as many as there are active lanes; default 512. */
  readonly connections?: number
  /** What waits for Telegram run on; default the machine's. */
  readonly clock?: Clock
  /** Told of each finished call, more cheaply than by `sent`. */
  readonly measured?: (method: string, ok: boolean, ms: number) => void
  /** Which chats can't be written to; none: nothing is known of that. */
  readonly targets?: Targets
  /** Makes links to files; none: there are no links. */
  readonly fileLinks?: FileLinks
  /** Throws where no call may be made: inside a transaction, which would stay open until Telegram answers. */
  readonly guard?: (method: string) => void
  /** The pace of the bulk lane, which all instances share; default: of this process alone. */
  readonly pace?: Pace
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

/** Waits and repeats of a call end here when nothing else is said, ms. */
const defaultPatienceMs = 60_000

/** Of the framework's own calls, which belong to no update. */
const ownBinding: CallBinding = {}

export function createGateway(options: GatewayOptions): Gateway {
  const { log, clock = systemClock, targets } = options
  const transport = createTransport(options)
  const sent = new EventEmitter<GatewayEvents>()
  const pauses = new Pauses(clock)
  const edits = new Edits()
  const bulk = new BulkLane(options.pace ?? new Buckets(() => clock.elapsed()), clock)
  const counts: GatewayCounts = {
    calls: 0,
    failed: 0,
    repeated: 0,
    limited: 0,
    markupRefused: 0,
    superseded: 0,
  }

  const migrated = (move: GatewayEvents['migrated'][0]) => emit('migrated', move)
  const attempts = new Attempts({ transport, pauses, counts, clock, log, migrated })

  async function perform(
    method: string,
    payload: object,
    callOptions: CallOptions,
    binding: CallBinding,
  ): Promise<unknown> {
    const result = await performRaw(method, payload, callOptions, binding)
    return method.toLowerCase() === 'getfile' ? withoutOwnFolder(result, options.token) : result
  }

  async function performRaw(
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
    options.guard?.(method)
    const begun = performance.now()
    const signal = joined(callOptions.signal, binding.signal)
    const call: Call = {
      method,
      given: payload,
      payload,
      signal,
      timeoutMs: callOptions.timeoutMs,
      retry: callOptions.retry ?? true,
      repeatable: callOptions.repeatable ?? isRepeatable(method),
      endsAt: 0,
      edit: undefined,
      superseded: false,
    }
    counts.calls += 1
    try {
      signal?.throwIfAborted()
      if (binding.lane === 'bulk') await bulkTurn(call)
      const patienceMs = callOptions.patienceMs ?? defaultPatienceMs
      call.endsAt = Math.min(clock.now() + patienceMs, binding.deadlineAt ?? Infinity)
      if (!call.repeatable && binding.onUnsafeCall !== undefined) {
        await binding.onUnsafeCall(method)
      }
      call.edit = edits.enter(method, payload)
      const result =
        call.edit === undefined ? await attempts.run(call) : await inItsTurn(call, call.edit)
      if (!call.superseded) tell(call, begun, binding, result, undefined)
      return result
    } catch (error) {
      counts.failed += 1
      markTarget(error, call)
      if (!call.superseded) tell(call, begun, binding, undefined, { error })
      throw error
    }
  }

  async function bulkTurn({ method, payload, signal }: Call): Promise<void> {
    const chatId = chatIdOf(payload)
    const reason = chatId === undefined ? undefined : targets?.deadReason(chatId)
    if (reason !== undefined) {
      throw new OpsError('OPS_TELEGRAM_TARGET', `${method} to ${chatId} was not sent: ${reason}`, {
        details: { method, chatId, reason, sent: 'no' },
      })
    }
    await bulk.turn(chatOf(payload), signal)
  }

  function markTarget(error: unknown, { method, payload }: Call): void {
    if (targets === undefined) return
    const reason = unreachableBy(error, method)
    const chatId = chatIdOf(payload)
    if (reason !== undefined && chatId !== undefined) targets.died(chatId, reason)
  }

  /** An edit; what came of it is also what came of those that it replaced. */
  async function inItsTurn(call: Call, edit: Edit): Promise<unknown> {
    try {
      const result = await attempts.run(call)
      edit.end({ how: 'done', result })
      return result
    } catch (error) {
      edit.end(call.signal?.aborted ? { how: 'aborted' } : { how: 'failed', error })
      throw error
    }
  }

  function tell(
    { method, given: payload }: Call,
    begun: number,
    binding: CallBinding,
    result: unknown,
    failed: { error: unknown } | undefined,
  ): void {
    options.measured?.(method, failed === undefined, performance.now() - begun)
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

  const files = new FileReader({
    getFile: (fileId, callOptions, binding) =>
      performRaw('getFile', { file_id: fileId }, callOptions, binding),
    transport,
    counts,
    clock,
  })
  const caller: Caller = {
    perform,
    openFile: (...args) => files.open(...args),
    downloadFile: (...args) => files.download(...args),
    linkTo: (fileId) => options.fileLinks?.make(fileId),
  }
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

function messageIdOf(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null || !('message_id' in value)) return undefined
  return typeof value.message_id === 'number' ? value.message_id : undefined
}

function textOf(payload: object): string | undefined {
  const text = 'text' in payload ? payload.text : 'caption' in payload ? payload.caption : undefined
  return typeof text === 'string' ? text : undefined
}
