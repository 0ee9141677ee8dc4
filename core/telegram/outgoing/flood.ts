import type { Clock } from '../../clock.ts'
import { abortable } from './abortable.ts'

/** What came of a call that was let through to find out: how long Telegram asked it to wait, if it did. */
export type EndProbe = (limitedMs: number | undefined) => void

/** So many people's chats limited at once are no accident of one chat. */
const suspectChats = 3
const suspectWindowMs = 2_000
/** However long Telegram says: then one call asks again. */
const longestPauseMs = 30_000

/**
 * Tells a limit on the whole bot from limits on single chats, as Telegram's 429 doesn't say which it is.
 * When several people's chats are limited at once, one call to another chat goes first and the others
 * wait for what comes of it: an answer ends the suspicion at once, another 429 pauses the bot.
 * Groups prove nothing, because they have a limit of their own (20 a minute).
 */
export class Flood {
  readonly #clock: Clock
  /** Chat → when it was limited, by the clock's `elapsed`. */
  readonly #limited = new Map<number, number>()
  #suspected = false
  #pausedUntil = 0
  #probe: PromiseWithResolvers<void> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Nothing is to be waited for. */
  get calm(): boolean {
    return !this.#suspected
  }

  /** How long the whole bot is paused, ms. */
  get remainingMs(): number {
    return this.#suspected ? Math.max(0, this.#pausedUntil - this.#clock.elapsed()) : 0
  }

  /** Takes note of a 429 for a chat. */
  limited(chatId: number): void {
    if (chatId <= 0) return
    const now = this.#clock.elapsed()
    for (const [chat, at] of this.#limited) {
      if (now - at > suspectWindowMs) this.#limited.delete(chat)
    }
    this.#limited.set(chatId, now)
    if (this.#limited.size >= suspectChats) this.#suspected = true
  }

  /** Waits until the bot may go on; the caller may be the one who finds out, and then has to tell. */
  async enter(chatId: number | undefined, signal?: AbortSignal): Promise<EndProbe | undefined> {
    while (this.#suspected) {
      const pause = this.remainingMs
      if (pause > 0) await this.#clock.wait(Math.ceil(pause), signal)
      else if (this.#probe !== undefined) await abortable(this.#probe.promise, signal)
      else return this.#begin(chatId)
    }
    return undefined
  }

  #begin(chatId: number | undefined): EndProbe {
    const probe = Promise.withResolvers<void>()
    this.#probe = probe
    return (limitedMs) => {
      this.#probe = undefined
      if (limitedMs === undefined) this.#end()
      else if (chatId !== undefined && chatId > 0) {
        this.#pausedUntil = this.#clock.elapsed() + Math.min(limitedMs, longestPauseMs)
      }
      probe.resolve()
    }
  }

  #end(): void {
    this.#suspected = false
    this.#pausedUntil = 0
    this.#limited.clear()
  }
}
