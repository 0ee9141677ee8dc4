import type { EntityManager, Logger, UpdateFacts } from 'opsgram'
import type { PersonRow } from './person-row.ts'

/** Telegram's word about a person; absent when an update carries none. */
type Profile = UpdateFacts['from']

/**
 * Keeps names, language and `last_seen_at` of active people up to date, beside the update: it may be
 * late or fail, the update goes its way. Leaves `version` alone, so it is in nobody's way.
 */
export class Profiles {
  readonly #em: () => EntityManager
  readonly #log: Logger
  /** One write at a time for each person. */
  readonly #writing = new Map<number, Promise<void>>()

  constructor(parts: { em: () => EntityManager; log: Logger }) {
    this.#em = parts.em
    this.#log = parts.log
  }

  /** @returns whether there is something to write that the row doesn't say yet */
  seen(telegramId: number, row: PersonRow, profile: Profile): boolean {
    if (!row.stale && !differs(row, profile)) return false
    if (this.#writing.has(telegramId)) return true
    const writing = this.#write(telegramId, row, profile)
      .catch((error: unknown) => {
        this.#log.warn('auth.profile-not-saved', { userId: telegramId, error })
      })
      .finally(() => this.#writing.delete(telegramId))
    this.#writing.set(telegramId, writing)
    return true
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    await Promise.all(this.#writing.values())
  }

  async #write(telegramId: number, row: PersonRow, profile: Profile): Promise<void> {
    const told = profile ?? {
      username: row.username,
      first_name: row.first_name,
      last_name: row.last_name,
    }
    await this.#em().execute(
      `update bot_users set username = ?, first_name = coalesce(?, first_name), last_name = ?,
         language = coalesce(?, language), last_seen_at = ${row.stale ? 'now()' : 'last_seen_at'}
       where telegram_id = ?`,
      [
        told.username ?? null,
        told.first_name ?? null,
        told.last_name ?? null,
        profile?.language_code ?? null,
        telegramId,
      ],
    )
  }
}

function differs(row: PersonRow, profile: Profile): boolean {
  if (profile === undefined) return false
  const { username = null, first_name, last_name = null, language_code } = profile
  return (
    row.username !== username ||
    row.first_name !== (first_name ?? row.first_name) ||
    row.last_name !== last_name ||
    row.language !== (language_code ?? row.language)
  )
}
