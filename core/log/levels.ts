import type { LogFields, LogLevel } from './logger.ts'

export const logLevels = ['error', 'warn', 'info', 'debug'] as const

const ranks = { error: 0, warn: 1, info: 2, debug: 3 } as const satisfies Record<LogLevel, number>

/** The least important lines that are still written, of all and of single plugins; can be changed at any time. */
export class LogLevels {
  #base: LogLevel
  #plugins: ReadonlyMap<string, LogLevel> = new Map()
  /** Rank of the chattiest of them all: what is beyond it is nobody's. */
  #most: number

  constructor(base: LogLevel) {
    this.#base = base
    this.#most = ranks[base]
  }

  get base(): LogLevel {
    return this.#base
  }

  /** Levels of plugins that have one of their own. */
  get plugins(): ReadonlyMap<string, LogLevel> {
    return this.#plugins
  }

  set(base: LogLevel, plugins: ReadonlyMap<string, LogLevel>): void {
    this.#base = base
    this.#plugins = new Map(plugins)
    this.#most = Math.max(ranks[base], ...[...plugins.values()].map((level) => ranks[level]))
  }

  /** Whether a line is written: by the level of the plugin that it names, else by that of all. */
  writes(level: LogLevel, own: LogFields, fields: LogFields | undefined): boolean {
    const rank = ranks[level]
    if (rank > this.#most) return false
    if (this.#plugins.size === 0) return true
    const plugin = fields?.plugin ?? own.plugin
    const named = typeof plugin === 'string' ? this.#plugins.get(plugin) : undefined
    return rank <= ranks[named ?? this.#base]
  }
}
