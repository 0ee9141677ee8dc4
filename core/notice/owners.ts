import type { Reader } from '../card/card.ts'
import type { Recipient, Recipients } from '../card/recipients.ts'
import type { Queries } from '../database/connection.ts'
import type { Texts } from '../i18n/texts.ts'
import type { Logger } from '../log/logger.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Gateway } from '../telegram/gateway.ts'
import { textParts } from '../telegram/text-parts.ts'

/** What owners are told of. */
export type NoticeKind = 'start' | 'stop' | 'database' | 'health' | 'backup'

/** What is said, in the reader's language and time. */
export type Words = (reader: Reader) => string

export interface OwnersParts {
  readonly recipients: Pick<Recipients, 'all'>
  readonly outbox: Pick<Outbox, 'write'>
  readonly gateway: Pick<Gateway, 'with'>
  readonly texts: Texts
  /** With false the log alone has it. */
  readonly enabled: boolean
  /** Told of each message, for the count. */
  readonly counted: (kind: NoticeKind) => void
  readonly log: Logger
}

/** What is news now is none any more after that, ms. */
const keepMs = 3_600_000

/** Tells owners unasked what happens to the bot as a whole. */
export class Owners {
  readonly #parts: OwnersParts
  #known: readonly Recipient[] = []

  constructor(parts: OwnersParts) {
    this.#parts = parts
  }

  /** Reads who they are: to be called before a transaction, and while there is a database. */
  async meet(): Promise<void> {
    if (!this.#parts.enabled) return
    // before somebody wrote Telegram lets no bot write to them
    this.#known = (await this.#parts.recipients.all()).filter(({ wrote }) => wrote)
  }

  /**
   * Writes to each of them by the outbox.
   *
   * @param sql of the transaction that it belongs to
   * @returns whether there is anybody
   */
  async write(sql: Queries, kind: NoticeKind, words: Words): Promise<boolean> {
    if (this.#known.length === 0) return false
    for (const _ of this.#known) this.#parts.counted(kind)
    const messages = this.#known.flatMap((owner) =>
      textParts(words(this.#readerOf(owner))).map((part) => ({
        kind: 'notice' as const,
        chatId: owner.telegramId,
        outgoing: { part },
        lane: 'interactive' as const,
        ifUnsure: 'repeat' as const,
        keepMs,
      })),
    )
    await this.#parts.outbox.write(sql, messages)
    return true
  }

  /** Sends to each of them at once, for want of a database. What can't be sent stands in the log alone. */
  async sendDirectly(kind: NoticeKind, words: Words, signal: AbortSignal): Promise<void> {
    const telegram = this.#parts.gateway.with({ signal })
    for (const owner of this.#known) {
      this.#parts.counted(kind)
      try {
        await telegram.sendMessage(owner.telegramId, words(this.#readerOf(owner)))
      } catch (error) {
        this.#parts.log.warn('notice.not-sent', { userId: owner.telegramId, error })
      }
    }
  }

  #readerOf({ language, timeZone }: Recipient): Reader {
    return { t: this.#parts.texts.in(language), language, timeZone }
  }
}

export function timeFor(at: Date, { language, timeZone }: Reader): string {
  return at.toLocaleString(language, { timeZone, dateStyle: 'medium', timeStyle: 'medium' })
}
