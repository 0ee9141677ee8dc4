import { Cleaning } from '../../database/cleaning.ts'
import type { Database } from '../../database/connection.ts'
import { languageTag } from '../../i18n/language.ts'
import type { Texts } from '../../i18n/texts.ts'
import type { Logger } from '../../log/logger.ts'
import type { Outbox } from '../../outbox/outbox.ts'
import { messagesOf, noticeOf } from '../../plugin/run/notify.ts'
import type { ContentSender } from '../../plugin/run/sender.ts'
import { html } from '../../telegram/html.ts'
import { ConfirmationRows } from './rows.ts'

export interface LapsesParts {
  readonly database: Database
  readonly outbox: Pick<Outbox, 'write' | 'wake'>
  readonly sender: Pick<ContentSender, 'prepare'>
  readonly texts: Texts
  /** Whether a person is let in at this moment. */
  readonly isIn: (telegramId: number) => Promise<boolean>
  readonly clock: { now(): number }
  readonly log: Logger
}

const everyMs = 60_000

/**
 * Ends the questions that nobody answered in time: each on record, by one instance. Who waited for another one's yes is
 * told, unless they were shut out meanwhile; who was asked themselves knows.
 */
export class Lapses {
  readonly #parts: LapsesParts
  readonly #rows: ConfirmationRows
  readonly #passing: Cleaning

  constructor(parts: LapsesParts) {
    this.#parts = parts
    this.#rows = new ConfirmationRows(parts.database)
    const clean = () => this.pass()
    this.#passing = new Cleaning({ what: 'confirmations', clean, everyMs, log: parts.log })
  }

  stop(): void {
    this.#passing.stop()
  }

  /** @throws what the database does */
  async pass(): Promise<void> {
    const { database, outbox, sender, texts, clock } = this.#parts
    const now = new Date(clock.now())
    const listeners = await this.#listeners(now)
    const isTold = await database.transaction(async (sql) => {
      const lapsed = await this.#rows.expire(sql, now)
      const waited = lapsed.filter(
        ({ by, requester }) => by === 'another' && listeners.has(requester),
      )
      const notices = waited.flatMap(({ chat_id, path, arguments: text, language }) => {
        const t = texts.in(languageTag(language ?? undefined))
        const line = [`/${path}`, text].filter(Boolean).join(' ')
        return noticeOf('core', chat_id, html`<b>${line}</b>\n${t('confirm.ended.expired')}`)
      })
      if (notices.length > 0) await outbox.write(sql, await messagesOf(notices, sender, sql))
      return notices.length > 0
    })
    if (isTold) outbox.wake()
  }

  /** Before the transaction: who guards the bot looks by a connection of its own, and the embedded database has just one. */
  async #listeners(now: Date): Promise<ReadonlySet<number>> {
    const listeners = new Set<number>()
    for (const requester of await this.#rows.waitingInVain(now)) {
      if (await this.#parts.isIn(requester)) listeners.add(requester)
    }
    return listeners
  }
}
