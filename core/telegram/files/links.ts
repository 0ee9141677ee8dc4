import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../clock.ts'

/** Telegram promises an hour for its own links, which hold the token (Bot API, getFile). */
const lifetimeMs = 3_600_000

/** Where the links lead on our HTTP server. */
export const fileLinkPath = '/telegram/files'

/**
 * Links to files that somebody sent, on our own server in place of Telegram's, as those hold the token. Whoever
 * has one may read that one file until its hour is over; every instance of the bot knows its own links.
 */
export class FileLinks {
  readonly #key: Buffer
  readonly #clock: Clock
  readonly #base: string

  /** @param base where our HTTP server is reached: `https://bot.example.org` */
  constructor({ token, base, clock }: { token: string; base: string; clock: Clock }) {
    this.#key = Buffer.from(hkdfSync('sha256', token, '', 'opsgram/file-link/v1', 32))
    this.#base = base
    this.#clock = clock
  }

  make(fileId: string): URL {
    const until = Math.floor((this.#clock.now() + lifetimeMs) / 1_000)
    const url = new URL(`${this.#base}${fileLinkPath}/${encodeURIComponent(fileId)}`)
    url.searchParams.set('until', String(until))
    url.searchParams.set('key', this.#signature(fileId, String(until)))
    return url
  }

  /** Whether we made this link, less than an hour ago. */
  holds(fileId: string, until: string, key: string): boolean {
    const given = Buffer.from(key)
    const expected = Buffer.from(this.#signature(fileId, until))
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false
    return Number(until) * 1_000 > this.#clock.now()
  }

  #signature(fileId: string, until: string): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([fileId, until]))
      .digest('base64url')
  }
}
