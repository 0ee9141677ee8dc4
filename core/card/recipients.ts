import type { Queries } from '../database/connection.ts'
import { isTimeZone, languageTag } from '../i18n/language.ts'

/** Somebody who gets cards. */
export interface Recipient {
  readonly telegramId: number
  readonly language: string
  readonly timeZone: string
  /** Whether they ever wrote to the bot: before that Telegram lets no bot write to them. */
  readonly wrote: boolean
}

interface Row {
  telegram_id: number
  language: string | null
  time_zone: string | null
  wrote: boolean
}

/** Who gets cards, in their language: the owners, people of ADMIN_IDS, or whom a kind names. */
export class Recipients {
  readonly #database: Queries
  readonly #ownerIds: ReadonlySet<number>
  readonly #defaults: { readonly language: string; readonly timeZone: string }
  /** Wrote while this process runs, whether or not that is on record yet. */
  readonly #met = new Set<number>()

  constructor(parts: {
    database: Queries
    ownerIds: readonly number[]
    defaults: { readonly language: string; readonly timeZone: string }
  }) {
    this.#database = parts.database
    this.#ownerIds = new Set(parts.ownerIds)
    this.#defaults = parts.defaults
  }

  /** The owners. */
  async all(): Promise<readonly Recipient[]> {
    const found = await this.#find(`role = 'owner' and status = 'active'`, [])
    // a stored role without an entry in ADMIN_IDS is worth nothing
    return found.filter(({ telegramId }) => this.#ownerIds.has(telegramId))
  }

  /** These people, as far as they are let in. */
  these(telegramIds: readonly number[]): Promise<readonly Recipient[]> {
    return this.#find(`telegram_id = any($1::bigint[]) and status = 'active'`, [telegramIds])
  }

  async #find(who: string, values: readonly unknown[]): Promise<readonly Recipient[]> {
    const rows = await this.#database.query<Row>(
      `select telegram_id, coalesce(chosen_language, language) as language, time_zone, last_seen_at is not null as wrote
         from bot_users where ${who}`,
      values,
    )
    return rows.map(({ telegram_id, language, time_zone, wrote }) => ({
      telegramId: telegram_id,
      language: languageTag(language ?? undefined) ?? this.#defaults.language,
      timeZone: time_zone !== null && isTimeZone(time_zone) ? time_zone : this.#defaults.timeZone,
      wrote: wrote || this.#met.has(telegram_id),
    }))
  }

  /** An owner wrote in private. @returns whether that is the first time in this process */
  meet(telegramId: number): boolean {
    if (!this.#ownerIds.has(telegramId) || this.#met.has(telegramId)) return false
    this.#met.add(telegramId)
    return true
  }
}
