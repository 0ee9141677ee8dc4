import { TelegramError } from 'telegraf'
import type { Clock } from '../../clock.ts'
import { codeOf } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import { Backoff } from '../backoff.ts'
import { holdsStream } from '../files/multipart.ts'
import type { Transport } from '../transport.ts'
import { type Call, chatOf, type GatewayCounts } from './call.ts'
import type { Ending } from './edits.ts'
import type { Pauses } from './pauses.ts'
import { type Remedy, remedyFor } from './recovery.ts'

export interface AttemptsParts {
  readonly transport: Pick<Transport, 'call'>
  readonly pauses: Pauses
  readonly counts: GatewayCounts
  readonly clock: Clock
  readonly log: Logger
  /** Told of a group whose id changed. */
  readonly migrated: (move: { readonly from: number | string; readonly to: number }) => void
}

/** Makes calls: waits where Telegram asks for it, repeats what may be repeated, gives way to newer edits. */
export class Attempts {
  readonly #parts: AttemptsParts

  constructor(parts: AttemptsParts) {
    this.#parts = parts
  }

  /**
   * Makes a call until it succeeds, fails for good, or its time is over.
   * @throws what Telegram or the transport said last
   */
  async run(call: Call): Promise<unknown> {
    const { pauses, transport, counts, log, clock } = this.#parts
    const { method, signal, timeoutMs, edit } = call
    const resent: ('markup' | 'migrated')[] = []
    let backoff: Backoff | undefined
    let repeats = 0
    for (;;) {
      const endProbe = pauses.none ? undefined : await this.#pause(call)
      // what a call that was let through first found out: nothing yet
      let found: number | undefined = 0
      let remedy: Remedy
      let failure: unknown
      try {
        const newer = await edit?.turn(signal)
        if (newer !== undefined) {
          const ending = await newer.ended(signal)
          if (ending.how === 'aborted') continue
          return this.#replacedBy(ending, call)
        }
        // paused by another edit of the message meanwhile
        if (edit !== undefined && pauses.holds(method, call.payload)) continue
        const result = await transport.call(method, call.payload, { signal, timeoutMs })
        found = undefined
        return result
      } catch (error) {
        if (call.superseded || signal?.aborted) throw error
        failure = error
        remedy = remedyFor(error, { ...call, repeats, resent })
        if (error instanceof TelegramError) found = undefined
        if (remedy.do === 'wait') {
          found = remedy.ms
          pauses.begin(method, call.payload, remedy.ms)
        }
      } finally {
        edit?.sent()
        endProbe?.(found)
      }
      switch (remedy.do) {
        case 'fail':
          throw failure
        case 'succeed':
          return true
        case 'wait':
          counts.limited += 1
          log.warn('telegram.limited', {
            method,
            chatId: chatOf(call.payload),
            waitMs: remedy.ms,
          })
          if (!this.#mayWait(call, remedy.ms)) throw failure
          break
        case 'repeat': {
          backoff ??= new Backoff({ firstMs: 200, maxMs: 5_000 })
          const wait = backoff.next()
          if (!this.#mayWait(call, wait)) throw failure
          counts.repeated += 1
          repeats += 1
          log.debug('telegram.repeated', { method, repeats, code: codeOf(failure), waitMs: wait })
          await clock.wait(wait, signal)
          break
        }
        case 'resend':
          resent.push(remedy.why)
          this.#noteResend(call, remedy, failure)
          call.payload = remedy.payload
      }
      // A stream can be read once; the second attempt would upload nothing.
      if (holdsStream(call.payload)) throw failure
    }
  }

  #replacedBy(ending: Exclude<Ending, { how: 'aborted' }>, call: Call): unknown {
    call.superseded = true
    this.#parts.counts.superseded += 1
    if (ending.how === 'failed') throw ending.error
    return ending.result
  }

  #pause({ method, payload, retry, endsAt, signal }: Call) {
    const { pauses, clock } = this.#parts
    const maxWaitMs = retry ? endsAt - clock.now() : 0
    return pauses.enter(method, payload, { maxWaitMs, signal })
  }

  #mayWait({ retry, endsAt }: Call, ms: number): boolean {
    return retry && this.#parts.clock.now() + ms <= endsAt
  }

  #noteResend(
    { method, payload }: Call,
    remedy: Extract<Remedy, { do: 'resend' }>,
    error: unknown,
  ): void {
    const { counts, log, migrated } = this.#parts
    const chatId = chatOf(payload)
    if (remedy.why === 'markup') {
      counts.markupRefused += 1
      log.warn('telegram.markup.refused', { method, chatId, error })
      return
    }
    log.info('telegram.chat.migrated', { from: chatId, to: remedy.to })
    if (chatId !== undefined) migrated({ from: chatId, to: remedy.to })
  }
}
