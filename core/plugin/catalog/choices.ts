import type { Queries } from '../../database/connection.ts'
import type { SwitchedOff } from './plugins.ts'

interface ChoiceRow {
  decided_by: number | null
  reason: string | null
  decided_at: string
  first_name: string | null
  last_name: string | null
  username: string | null
}

/** Whether somebody switched a plugin off, or on again. */
export interface PluginChoice {
  readonly plugin: string
  readonly disabled: boolean
}

/** What people decided about plugins; it holds over restarts. */
export class PluginChoices {
  readonly #database: Queries

  constructor(database: Queries) {
    this.#database = database
  }

  /** Names of the plugins that somebody switched off. */
  async disabled(): Promise<string[]> {
    return (await this.all()).filter(({ disabled }) => disabled).map(({ plugin }) => plugin)
  }

  /** The last decision about each plugin that there was one about. */
  all(): Promise<readonly PluginChoice[]> {
    return this.#database.query<PluginChoice>('select plugin, disabled from plugin_choices')
  }

  /** Who switched a plugin off, and why; undefined when nobody did. */
  async of(plugin: string): Promise<SwitchedOff | undefined> {
    const [row] = await this.#database.query<ChoiceRow>(
      `select decided_by, reason, decided_at, first_name, last_name, username
         from plugin_choices left join bot_users on telegram_id = decided_by
        where plugin = $1 and disabled`,
      [plugin],
    )
    if (row === undefined) return undefined
    const { decided_by, reason, decided_at, first_name, last_name, username } = row
    const name = [first_name, last_name].filter(Boolean).join(' ') || (username && `@${username}`)
    return {
      by: decided_by ?? undefined,
      name: name || undefined,
      reason: reason ?? undefined,
      at: new Date(decided_at),
    }
  }

  /** @param by Telegram id of who decided */
  async keep(plugin: string, disabled: boolean, by: number, reason?: string): Promise<void> {
    await this.#database.query(
      `insert into plugin_choices (plugin, disabled, decided_by, reason, decided_at)
       values ($1, $2, $3, $4, now())
       on conflict (plugin) do update set disabled = excluded.disabled, decided_by = excluded.decided_by,
         reason = excluded.reason, decided_at = excluded.decided_at`,
      [plugin, disabled, by, reason ?? null],
    )
  }
}
