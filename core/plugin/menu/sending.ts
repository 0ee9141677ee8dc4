import { createHash } from 'node:crypto'
import { TelegramError } from 'telegraf'
import type { BotCommand, BotCommandScope } from 'telegraf/types'
import type { Logger } from '../../log/logger.ts'
import { Backoff, sleep } from '../../telegram/backoff.ts'
import type { Gateway } from '../../telegram/gateway.ts'

interface Wanted {
  readonly scope: BotCommandScope
  readonly language: string | undefined
  readonly commands: BotCommand[]
  readonly hash: string
}

/** Telegram allows one list a second. */
const everyMs = 1_000
/** Of so many lists it is known what Telegram has; of those that are forgotten, one is sent once more. */
const maxSent = 20_000

/** Lists of commands on their way to Telegram: only what changed, the newest of each, one a second, behind all that is waited for. */
export class MenuSending {
  readonly #gateway: Pick<Gateway, 'with'>
  readonly #log: Logger
  /** Hashes of what Telegram has, by scope and language. */
  readonly #sent = new Map<string, string>()
  readonly #wanted = new Map<string, Wanted>()
  readonly #stopping = new AbortController()
  #work: Promise<void> | undefined

  constructor({ gateway, log }: { gateway: Pick<Gateway, 'with'>; log: Logger }) {
    this.#gateway = gateway
    this.#log = log
  }

  /** An empty list takes away the one that is there. */
  want(scope: BotCommandScope, language: string | undefined, commands: BotCommand[]): void {
    const key = `${JSON.stringify(scope)} ${language ?? ''}`
    const hash = createHash('sha256').update(JSON.stringify(commands)).digest('base64')
    if (this.#sent.get(key) === hash) {
      this.#wanted.delete(key)
      return
    }
    this.#wanted.set(key, { scope, language, commands, hash })
    this.#work ??= this.#send()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#work
  }

  async #send(): Promise<void> {
    const { signal } = this.#stopping
    const telegram = this.#gateway.with({ lane: 'bulk', signal })
    const backoff = new Backoff({ firstMs: 2_000, maxMs: 300_000 })
    while (!signal.aborted) {
      const [next] = this.#wanted
      if (next === undefined) {
        // in the same turn: what is wanted from now on starts anew
        this.#work = undefined
        return
      }
      const [key, { scope, language, commands, hash }] = next
      let waitMs = everyMs
      try {
        await telegram.callApi('setMyCommands', {
          commands,
          scope,
          ...(language === undefined ? {} : { language_code: language }),
        })
        this.#done(key, hash)
        backoff.reset()
      } catch (error) {
        if (signal.aborted) return
        // a person who never opened the chat has no menu to set; asking again can't help
        if (isRefused(error)) this.#done(key, hash)
        else waitMs = Math.max(everyMs, backoff.next())
        this.#log.warn('menu.not-set', { scope: scope.type, error })
      }
      await sleep(waitMs, signal).catch(() => undefined)
    }
  }

  /** A newer list may have been wanted meanwhile: it stays. */
  #done(key: string, hash: string): void {
    const [oldest] = this.#sent.keys()
    if (this.#sent.size >= maxSent && oldest !== undefined) this.#sent.delete(oldest)
    this.#sent.set(key, hash)
    if (this.#wanted.get(key)?.hash === hash) this.#wanted.delete(key)
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof TelegramError && error.code >= 400 && error.code < 429
}
