import { TelegramError } from 'telegraf'
import { OpsError } from '../errors.ts'
import type { Logger } from '../log/logger.ts'
import { Backoff, sleep } from './backoff.ts'
import { type IncomingUpdate, parseUpdate } from './facts.ts'
import { classicUpdateKinds, updateKinds } from './kinds.ts'
import type { Transport } from './transport.ts'

export interface PollerOptions {
  readonly transport: Pick<Transport, 'poll'>
  /**
   * Takes a batch over for good (a durable write). The offset moves when it resolves; if it rejects
   * the same batch is fetched again. Back-pressure: nothing is fetched until it settles.
   */
  readonly accept: (updates: readonly IncomingUpdate[]) => Promise<void>
  readonly log: Logger
}

export interface Poller {
  /** Begins to fetch; returns at once. */
  start(): void
  /**
   * Ends the running long poll at once; waits up to a second for a running `accept`, and a quarter of one for
   * Telegram to take the last offset if it hasn't yet. May be called again.
   */
  stop(): Promise<void>
  /** Resolves if polling gave up for good: OPS_TOKEN_REFUSED. Never rejects. */
  readonly failed: Promise<OpsError>
}

/** One that can also be ended without a last word. */
export interface SinglePoller extends Poller {
  /** Ends at once and says nothing more to Telegram: another process fetches by now. */
  abandon(): Promise<void>
}

/** Longest that Telegram holds a poll, seconds (tdlib/telegram-bot-api, Client.cpp: clamped to 50). */
const longPollS = 50
const acceptGraceMs = 1_000
/** A poll that was held for so long has told the server its offset. */
const heldMs = 1_000
/**
 * The server takes note of an offset at once, but holds the answer to one that is asked again within a second for
 * three (tdlib/telegram-bot-api, Client.cpp). The inbox knows what comes twice, so more is not worth a stop's time.
 */
const lastWordMs = 250
const conflictWarningMs = 60_000

export function createPoller(options: PollerOptions): SinglePoller {
  const { transport, accept, log } = options
  const stopping = new AbortController()
  const { signal } = stopping
  const failed = Promise.withResolvers<OpsError>()
  const backoff = new Backoff({ firstMs: 200, maxMs: 30_000 })
  let kinds: readonly string[] = updateKinds
  /** First update not yet accepted; undefined when the server has taken note of all before it. */
  let offset: number | undefined
  /** When the poll that carries this offset left; undefined when it has not. */
  let offsetSentAt: number | undefined
  let idleWaitMs = 0
  let conflictWarnedAt = Number.NEGATIVE_INFINITY
  let running: Promise<void> | undefined
  let stopped: Promise<void> | undefined

  async function run(): Promise<void> {
    log.info('telegram.polling.started', { kinds: kinds.length })
    while (!signal.aborted) {
      try {
        await round()
        backoff.reset()
      } catch (error) {
        if (signal.aborted) break
        if (isRefused(error)) {
          const refusal = new OpsError(
            'OPS_TOKEN_REFUSED',
            'Telegram refused the bot token while polling for updates',
            { cause: error },
          )
          log.error('telegram.polling.failed', { error: refusal })
          failed.resolve(refusal)
          return
        }
        await recover(error)
      }
    }
  }

  /** One getUpdates and what came of it. */
  async function round(): Promise<void> {
    const begun = performance.now()
    offsetSentAt ??= begun
    const answer = await getUpdates(longPollS, 100)
    const updates = updatesOf(answer, log)
    if (updates.length > 0) {
      await acceptOrStop(updates)
      // The highest id, not the last one: order within an answer is nobody's promise.
      offset = Math.max(...updates.map((update) => update.update_id)) + 1
      offsetSentAt = undefined
      idleWaitMs = 0
      return
    }
    // The server has confirmed everything below the offset. It is dropped because after a quiet week
    // ids go on at a random number (Bot API, Update), perhaps below it.
    offset = undefined
    if (performance.now() - begun < 200) {
      // A server that never long-polls answers at once; without a wait this would spin.
      idleWaitMs = Math.min(1_000, Math.max(50, idleWaitMs * 2))
      await sleep(idleWaitMs, signal)
    } else {
      idleWaitMs = 0
    }
  }

  async function acceptOrStop(updates: readonly IncomingUpdate[]): Promise<void> {
    const accepted = accept(updates)
    const end = Promise.withResolvers<never>()
    let timer: NodeJS.Timeout | undefined
    const giveUp = () => {
      timer = setTimeout(end.reject, acceptGraceMs, signal.reason)
    }
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      await Promise.race([accepted, end.promise])
    } catch (error) {
      if (!signal.aborted) log.error('telegram.polling.accept-failed', { error })
      throw error
    } finally {
      signal.removeEventListener('abort', giveUp)
      clearTimeout(timer)
    }
  }

  async function recover(error: unknown): Promise<void> {
    const code = error instanceof TelegramError ? error.code : undefined
    if (code === 409) await resolveConflict(error as TelegramError)
    if (code === 400 && kinds === updateKinds) {
      // An older server may not know the newer names.
      log.warn('telegram.polling.kinds-refused', { error })
      kinds = classicUpdateKinds
      return
    }
    const asked = error instanceof TelegramError ? error.parameters?.retry_after : undefined
    const waitMs = Math.max(backoff.next(), (asked ?? 0) * 1000)
    if (code !== 409) log.warn('telegram.polling.retrying', { error, waitMs: Math.round(waitMs) })
    // An aborted wait is the loop's end, not another failure.
    await sleep(waitMs, signal).catch(() => undefined)
  }

  async function resolveConflict(error: TelegramError): Promise<void> {
    const hasWebhook = error.description.toLowerCase().includes('webhook')
    if (performance.now() - conflictWarnedAt > conflictWarningMs) {
      conflictWarnedAt = performance.now()
      log.warn('telegram.polling.conflict', {
        error,
        hint: hasWebhook
          ? 'A webhook is set for this bot: it is deleted, its pending updates are kept.'
          : 'Another program polls with the same token. Stop it, or give this one a token of its own.',
      })
    }
    if (hasWebhook) {
      await transport
        .poll('deleteWebhook', { drop_pending_updates: false }, { signal })
        .catch((cause: unknown) => log.warn('telegram.polling.webhook-kept', { error: cause }))
    }
  }

  function getUpdates(timeout: number, limit: number, limits = {}): Promise<unknown> {
    return transport.poll(
      'getUpdates',
      { ...(offset === undefined ? {} : { offset }), limit, timeout, allowed_updates: kinds },
      { signal, timeoutMs: (timeout + 10) * 1000, ...limits },
    )
  }

  async function end(hasLastWord: boolean): Promise<void> {
    const begun = performance.now()
    stopping.abort(new Error('polling is stopping'))
    await running
    if (hasLastWord && offset !== undefined && (offsetSentAt ?? begun) > begun - heldMs) {
      // without this the last batch would come again at the next start
      const limits = { signal: AbortSignal.timeout(lastWordMs), timeoutMs: lastWordMs }
      await getUpdates(0, 1, limits).catch((error: unknown) =>
        log.debug('telegram.polling.offset-unconfirmed', { error }),
      )
    }
    log.info('telegram.polling.stopped')
  }

  return {
    start() {
      running ??= run()
    },
    stop() {
      stopped ??= end(true)
      return stopped
    },
    abandon() {
      stopped ??= end(false)
      return stopped
    },
    failed: failed.promise,
  }
}

/** 401: a wrong or revoked token; 404: one that can't be a token (a real server's 404 is a Bot API answer). */
function isRefused(error: unknown): boolean {
  return error instanceof TelegramError && (error.code === 401 || error.code === 404)
}

/** The updates of an answer; one that is none is left out, lest it hold up all others for ever. */
function updatesOf(answer: unknown, log: Logger): IncomingUpdate[] {
  const given: readonly unknown[] | undefined = Array.isArray(answer) ? answer : undefined
  const updates = given?.map(parseUpdate).filter((update) => update !== undefined)
  if (updates === undefined || (updates.length === 0 && given?.length !== 0)) {
    throw new OpsError(
      'OPS_TELEGRAM_ANSWER',
      'getUpdates was answered by something that is no list of updates',
    )
  }
  const malformed = (given?.length ?? 0) - updates.length
  if (malformed > 0) log.error('telegram.polling.malformed', { updates: malformed })
  return updates
}
