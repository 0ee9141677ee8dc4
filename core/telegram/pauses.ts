import { type Clock, systemClock, waitOn } from '../clock.ts'

/**
 * Which chats Telegram asked to leave alone for a while (429 with `retry_after`). Calls to other
 * chats go on. Calls without a chat are paused by method: a flood of setMyCommands stops no reply.
 */
export class Pauses {
  /** Key → end as the clock's `elapsed`. */
  readonly #until = new Map<string, number>()
  readonly #clock: Clock

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  /** Pauses what this call belongs to for `ms`; a longer pause stays. */
  begin(method: string, payload: object, ms: number): void {
    const key = keyOf(method, payload)
    const until = this.#clock.elapsed() + ms
    this.#until.set(key, Math.max(until, this.#until.get(key) ?? 0))
  }

  /** How long this call has to wait, ms; 0 when it may go. */
  remaining(method: string, payload: object): number {
    if (this.#until.size === 0) return 0
    const key = keyOf(method, payload)
    const until = this.#until.get(key)
    if (until === undefined) return 0
    const ms = until - this.#clock.elapsed()
    if (ms > 0) return ms
    this.#until.delete(key)
    return 0
  }

  /** Waits the pause out, also one that grows meanwhile. */
  async over(method: string, payload: object, signal?: AbortSignal): Promise<void> {
    for (;;) {
      const ms = this.remaining(method, payload)
      if (ms === 0) return
      await waitOn(this.#clock, Math.ceil(ms), signal)
    }
  }
}

function keyOf(method: string, payload: object): string {
  const chat = 'chat_id' in payload ? payload.chat_id : undefined
  return chat === undefined ? `method:${method}` : `chat:${chat}`
}
