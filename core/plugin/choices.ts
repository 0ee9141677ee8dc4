import type { Queries } from '../database/connection.ts'

/** What people decided about plugins; it holds over restarts. */
export class PluginChoices {
  readonly #database: Queries

  constructor(database: Queries) {
    this.#database = database
  }

  /** Names of the plugins that somebody switched off. */
  async disabled(): Promise<string[]> {
    const rows = await this.#database.query<{ plugin: string }>(
      'select plugin from plugin_choices where disabled',
    )
    return rows.map(({ plugin }) => plugin)
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
