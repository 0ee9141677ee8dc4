import { setTimeout as delay } from 'node:timers/promises'
import { ApiFailure } from '../failure.ts'
import type { ApiUpdate } from '../wire.ts'
import type { UpdateQueue } from './queue.ts'

/** One getUpdates call, its numbers already clamped. */
export interface PollRequest {
  offset: number
  /** 1..100. */
  limit: number
  /** Seconds, 0..50. */
  timeout: number
  /** Aborted when the caller hangs up. */
  signal: AbortSignal
}

interface Waiting {
  finish(): void
  fail(description: string): void
}

/** A first update waits this long for company before the poll is answered (LONG_POLL_MAX_DELAY). */
const coalesceMs = 2
/** A client that repeats its offset at once is slowed down to one answer in this time. */
const repeatMs = 3_000
const hotRepeatMs = 500

/** getUpdates as Telegram's server does it (tdlib/telegram-bot-api, Client.cpp, do_get_updates). */
export class LongPoll {
  readonly #queue: UpdateQueue
  readonly #now: () => number
  #waiting: Waiting | undefined
  #wake: NodeJS.Timeout | undefined
  #lastOffset = -1
  #lastAt = Number.NEGATIVE_INFINITY
  #nextConflictAt = Number.NEGATIVE_INFINITY
  #again: ApiUpdate[] = []

  constructor(queue: UpdateQueue, now: () => number) {
    this.#queue = queue
    this.#now = now
    queue.onPush(() => this.#wakeSoon())
  }

  /** A client waits for updates right now. */
  get busy(): boolean {
    return this.#waiting !== undefined
  }

  /** Hands these out once more with the next answer, as a server that lost a confirmation would. */
  repeat(updates: readonly ApiUpdate[]): void {
    this.#again.push(...updates)
  }

  /** @throws {ApiFailure} 409 when another getUpdates or setWebhook takes over */
  async get(request: PollRequest): Promise<ApiUpdate[]> {
    this.end(
      'terminated by other getUpdates request; make sure that only one bot instance is running',
    )
    const { limit, timeout } = this.#slowed(request)
    this.#queue.confirm(request.offset)
    const ready = this.#take(limit)
    if (ready.length > 0 || timeout === 0) return ready
    try {
      return await this.#wait(limit, timeout * 1000, request.signal)
    } catch (error) {
      await this.conflictPause()
      throw error
    }
  }

  /** Ends the waiting poll with 409, if there is one. */
  end(reason: string): void {
    this.#waiting?.fail(`Conflict: ${reason}`)
  }

  /** The second 409 within 3 s is held back for 3 s, so that two bots don't race in a tight loop. */
  async conflictPause(): Promise<void> {
    const now = this.#now()
    if (now >= this.#nextConflictAt) this.#nextConflictAt = now + repeatMs
    else await delay(repeatMs, undefined, { ref: false })
  }

  /** Ends the waiting poll with no updates; nothing is kept running. */
  close(): void {
    clearTimeout(this.#wake)
    this.#waiting?.finish()
  }

  #slowed({ offset, limit, timeout }: PollRequest): { limit: number; timeout: number } {
    const now = this.#now()
    const since = offset === this.#lastOffset ? now - this.#lastAt : Number.POSITIVE_INFINITY
    this.#lastOffset = offset
    this.#lastAt = now
    return {
      limit: since < hotRepeatMs ? 1 : limit,
      timeout: since < repeatMs ? Math.max(timeout, repeatMs / 1000) : timeout,
    }
  }

  #take(limit: number): ApiUpdate[] {
    return [...this.#again.splice(0, limit), ...this.#queue.peek(limit)].slice(0, limit)
  }

  #wait(limit: number, ms: number, signal: AbortSignal): Promise<ApiUpdate[]> {
    const { promise, resolve, reject } = Promise.withResolvers<ApiUpdate[]>()
    const leave = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', gone)
      if (this.#waiting === waiting) this.#waiting = undefined
    }
    const waiting: Waiting = {
      finish: () => {
        leave()
        resolve(this.#take(limit))
      },
      fail: (description) => {
        leave()
        reject(new ApiFailure(409, description))
      },
    }
    const gone = () => {
      leave()
      resolve([])
    }
    const timer = setTimeout(waiting.finish, ms)
    signal.addEventListener('abort', gone, { once: true })
    this.#waiting = waiting
    return promise
  }

  #wakeSoon(): void {
    if (!this.#waiting || this.#wake) return
    this.#wake = setTimeout(() => {
      this.#wake = undefined
      this.#waiting?.finish()
    }, coalesceMs)
  }
}
