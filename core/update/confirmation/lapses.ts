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
  readonly clock: { now(): number }
  readonly log: Logger
}

const everyMs = 60_000

/**
 * Ends the questions that nobody answered in time: each on record, by one instance. Who waited for another one's yes is
 * told; who was asked themselves knows.
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
    const isTold = await database.transaction(async (sql) => {
      const lapsed = await this.#rows.expire(sql, new Date(clock.now()))
      const notices = lapsed.flatMap(({ by, chat_id, path, arguments: text, language }) => {
        if (by === 'self') return []
        const t = texts.in(languageTag(language ?? undefined))
        const line = [`/${path}`, text].filter(Boolean).join(' ')
        return noticeOf('core', chat_id, html`<b>${line}</b>\n${t('confirm.ended.expired')}`)
      })
      if (notices.length > 0) await outbox.write(sql, await messagesOf(notices, sender, sql))
      return notices.length > 0
    })
    if (isTold) outbox.wake()
  }
}
