import type { Clock } from '../../clock.ts'
import type { Queries } from '../../database/connection.ts'
import type { LogLevels } from '../../log/levels.ts'
import type { Logger, LogLevel } from '../../log/logger.ts'
import type { Store } from '../../store/store.ts'

/** What somebody decided about how much is logged. */
export interface LevelChoice {
  /** Undefined: of all that has no level of its own. */
  readonly plugin?: string
  readonly level: LogLevel
  /** By then it is over. */
  readonly until?: Date
  /** Telegram id. */
  readonly by: number
  readonly name: string
}

export interface LevelChoicesOptions {
  readonly database: Queries
  readonly store: Pick<Store, 'publish' | 'subscribe'>
  readonly levels: LogLevels
  readonly clock: Clock
  readonly log: Logger
}

const topic = 'log-levels'
/** Stands for all plugins: no plugin is called so. */
const everything = '*'
/** A word about it may be lost, ms. */
const lookEveryMs = 5_000

interface Row {
  plugin: string
  level: LogLevel
  until: string | null
  by_id: number
  by_name: string
}

/** How much is logged, as people decided it: on all instances, over restarts, until a time that they may name. */
export class LevelChoices {
  readonly #options: LevelChoicesOptions
  /** What LOG_LEVEL says. */
  readonly preset: LogLevel
  #choices: readonly LevelChoice[] = []
  #timer: NodeJS.Timeout | undefined
  #unsubscribe: (() => void) | undefined
  #cancelEnd: (() => void) | undefined

  constructor(options: LevelChoicesOptions) {
    this.#options = options
    this.preset = options.levels.base
  }

  get current(): readonly LevelChoice[] {
    return this.#choices
  }

  async start(): Promise<void> {
    const { store, log } = this.#options
    await this.#look()
    const look = () =>
      this.#look().catch((error: unknown) => log.debug('log.levels-not-read', { error }))
    this.#unsubscribe = store.subscribe(topic, look)
    this.#timer = setInterval(look, lookEveryMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#cancelEnd?.()
    this.#unsubscribe?.()
    this.#options.levels.set(this.preset, new Map())
  }

  async choose({ plugin = everything, level, until, by, name }: LevelChoice): Promise<void> {
    await this.#options.database.query(
      `insert into log_levels (plugin, level, until, by_id, by_name) values ($1, $2, $3, $4, $5)
       on conflict (plugin) do update set level = excluded.level, until = excluded.until,
         by_id = excluded.by_id, by_name = excluded.by_name, set_at = now()`,
      [plugin, level, until?.toISOString() ?? null, by, name],
    )
    await this.#tell()
  }

  async forget(plugin: string = everything): Promise<void> {
    await this.#options.database.query('delete from log_levels where plugin = $1', [plugin])
    await this.#tell()
  }

  async #tell(): Promise<void> {
    await this.#look()
    await this.#options.store.publish(topic)
  }

  async #look(): Promise<void> {
    const { database, clock } = this.#options
    const rows = await database.query<Row>(
      'select plugin, level, until, by_id, by_name from log_levels order by plugin',
    )
    const now = clock.now()
    this.#choices = rows
      .filter(({ until }) => until === null || new Date(until).getTime() > now)
      .map(({ plugin, level, until, by_id, by_name }) => ({
        ...(plugin !== everything && { plugin }),
        level,
        ...(until !== null && { until: new Date(until) }),
        by: by_id,
        name: by_name,
      }))
    this.#apply()
    this.#cancelEnd?.()
    const ends = this.#choices.flatMap(({ until }) => until?.getTime() ?? [])
    if (ends.length === 0) return
    // a clock that was set is noticed by the next look
    const ms = Math.min(Math.min(...ends) - now + 1, 86_400_000)
    this.#cancelEnd = clock.after(ms, () => this.#look().catch(() => undefined))
  }

  #apply(): void {
    const { levels, log } = this.#options
    const base = this.#choices.find(({ plugin }) => plugin === undefined)?.level ?? this.preset
    const own = new Map(
      this.#choices.flatMap(({ plugin, level }) =>
        plugin === undefined ? [] : [[plugin, level] as const],
      ),
    )
    const isSame =
      base === levels.base &&
      own.size === levels.plugins.size &&
      [...own].every(([plugin, level]) => levels.plugins.get(plugin) === level)
    if (isSame) return
    levels.set(base, own)
    // a warning, as a level that keeps it back may be what was chosen before
    log.warn('log.levels-changed', { level: base, plugins: Object.fromEntries(own) })
  }
}
