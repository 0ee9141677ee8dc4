import type { LogLevel } from '../../log/logger.ts'
import type { ErrorReport, ErrorReports, KnownError } from './errors.ts'
import type { LevelChoice, LevelChoices } from './levels.ts'

/** How much is logged. */
export interface LogLevelsNow {
  /** What LOG_LEVEL says; of this instance. */
  readonly preset: LogLevel
  readonly choices: readonly LevelChoice[]
}

/** What the core tells plugins about the log, and lets them change of it. */
export interface LogsApi {
  levels(): LogLevelsNow
  /** Holds at once, on all instances and over restarts. */
  choose(choice: LevelChoice): Promise<void>
  /** What LOG_LEVEL says holds again, or for a plugin what holds for all. */
  forget(plugin: string | undefined): Promise<void>
  /** @param errorId as people type it: `e-7k3qd`, `7K3QD` */
  findError(errorId: string): Promise<KnownError | undefined>
  /** The newest first. */
  newestErrors(limit: number): Promise<readonly ErrorReport[]>
  /** Deletes reports that are older. @returns how many */
  pruneErrors(before: Date, signal?: AbortSignal): Promise<number>
}

export function logsDesk(choices: LevelChoices, reports: ErrorReports): LogsApi {
  return {
    levels: () => ({ preset: choices.preset, choices: choices.current }),
    choose: (choice) => choices.choose(choice),
    forget: (plugin) => choices.forget(plugin),
    findError(typed) {
      const id = typed.trim().toUpperCase()
      return reports.find(id.startsWith('E-') ? id : `E-${id}`)
    },
    newestErrors: (limit) => reports.newest(limit),
    pruneErrors: (before, signal) => reports.prune(before, signal),
  }
}
