import type { Clock } from '../clock.ts'
import type { BulkWriter } from '../database/bulk-writer.ts'
import { Cleaning } from '../database/cleaning.ts'
import type { Database } from '../database/connection.ts'
import { LogLevels } from '../log/levels.ts'
import type { LogControl, Logger } from '../log/logger.ts'
import { type LogsApi, logsDesk } from '../plugin/logs/desk.ts'
import { ErrorReports, errorReports } from '../plugin/logs/errors.ts'
import { LevelChoices } from '../plugin/logs/levels.ts'
import type { Store } from '../store/store.ts'

const hourMs = 3_600_000

/** Of a log that nobody can tell anything. */
export function noControl(): LogControl {
  return {
    levels: new LogLevels('info'),
    lost: { files: 0, output: 0 },
    onError: () => undefined,
  }
}

/** Has the log follow what people decide about it, and errors kept under their ids. */
export async function keepLogs(parts: {
  control: LogControl
  database: Database
  writer: BulkWriter
  store: Store
  instance: string
  clock: Clock
  log: Logger
}): Promise<{ desk: LogsApi; stop(): void }> {
  const { control, database, writer, store, instance, clock, log } = parts
  const reports = new ErrorReports({
    database,
    table: writer.table(errorReports),
    redact: (text) => log.redact(text),
    instance,
    now: () => new Date(clock.now()),
    log,
  })
  control.onError((event, fields) => reports.take(event, fields))
  const choices = new LevelChoices({ database, store, levels: control.levels, clock, log })
  await choices.start()
  const cleaning = new Cleaning({
    what: 'errors',
    clean: (signal) => reports.pruneUndecided(signal),
    log,
    // a plugin that decides has done so by then
    firstMs: hourMs,
    everyMs: 6 * hourMs,
  })
  return {
    desk: logsDesk(choices, reports),
    stop() {
      cleaning.stop()
      choices.stop()
      control.onError(() => undefined)
    },
  }
}
