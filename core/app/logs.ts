import type { Clock } from '../clock.ts'
import type { BulkWriter } from '../database/bulk-writer.ts'
import type { Database } from '../database/connection.ts'
import { LogLevels } from '../log/levels.ts'
import type { LogControl, Logger } from '../log/logger.ts'
import { type LogsApi, logsDesk } from '../plugin/logs/desk.ts'
import { ErrorReports, errorReports } from '../plugin/logs/errors.ts'
import { LevelChoices } from '../plugin/logs/levels.ts'
import type { Store } from '../store/store.ts'

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
  })
  control.onError((event, fields) => reports.take(event, fields))
  const choices = new LevelChoices({ database, store, levels: control.levels, clock, log })
  await choices.start()
  return {
    desk: logsDesk(choices, reports),
    stop() {
      choices.stop()
      control.onError(() => undefined)
    },
  }
}
