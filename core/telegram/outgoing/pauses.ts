import { type Clock, systemClock } from '../../clock.ts'
import { chatIdOf, chatOf, tooManyRequests } from './call.ts'
import { type EndProbe, Flood } from './flood.ts'

/** How long a call may be held up. */
export interface Patience {
  /** Longest wait from now, ms. */
  readonly maxWaitMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Which chats Telegram asked to leave alone for a while (429 with `retry_after`). Calls to other
 * chats go on, unless the whole bot is limited. Calls without a chat are paused by method: a flood of
 * setMyCommands stops no reply.
 */
export class Pauses {
  /** Key → end as the clock's `elapsed`. */
  readonly #until = new Map<string, number>()
  readonly #flood: Flood
  readonly #clock: Clock

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
    this.#flood = new Flood(clock)
  }

  /** No call has to wait for anything. */
  get none(): boolean {
    return this.#until.size === 0 && this.#flood.calm
  }

  /** Whether this call's own chat or method is paused. */
  holds(method: string, payload: object): boolean {
    return this.#until.size > 0 && this.#remaining(method, payload) > 0
  }

  /** Pauses what this call belongs to for `ms`; a longer pause stays. */
  begin(method: string, payload: object, ms: number): void {
    const now = this.#clock.elapsed()
    for (const [key, until] of this.#until) if (until <= now) this.#until.delete(key)
    const key = keyOf(method, payload)
    this.#until.set(key, Math.max(now + ms, this.#until.get(key) ?? 0))
    const chatId = chatIdOf(payload)
    if (chatId !== undefined) this.#flood.limited(chatId)
  }

  /**
   * Waits out what this call has to wait for, also a pause that grows meanwhile.
   * @returns to be called with what came of the call, if others wait for that
   * @throws TelegramError 429 when it would take too long; the signal's reason
   */
  async enter(
    method: string,
    payload: object,
    { maxWaitMs, signal }: Patience,
  ): Promise<EndProbe | undefined> {
    const latest = this.#clock.elapsed() + maxWaitMs
    const hasChat = chatOf(payload) !== undefined
    for (;;) {
      const ms = Math.max(this.#remaining(method, payload), hasChat ? this.#flood.remainingMs : 0)
      if (ms > 0) {
        if (this.#clock.elapsed() + ms > latest) throw tooManyRequests(method, ms)
        await this.#clock.wait(Math.ceil(ms), signal)
      } else if (!hasChat || this.#flood.calm) {
        return undefined
      } else {
        const end = await this.#flood.enter(chatIdOf(payload), signal)
        if (this.#remaining(method, payload) === 0) return end
        // paused while it waited for others: this one finds out nothing
        end?.(0)
      }
    }
  }

  /** How long this call's own pause takes yet, ms; 0 when it may go. */
  #remaining(method: string, payload: object): number {
    const until = this.#until.get(keyOf(method, payload))
    return until === undefined ? 0 : Math.max(0, until - this.#clock.elapsed())
  }
}

function keyOf(method: string, payload: object): string {
  const chat = chatOf(payload)
  return chat === undefined ? `method:${method}` : `chat:${chat}`
}
