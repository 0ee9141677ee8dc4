import type { Logger } from '../../core/log/logger.ts'
import { type LogLine, RecordedLog } from '../../core/testing/test-bot/log.ts'

/** Says nothing. */
export const silentLog: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
  redact: (text) => text,
}

/** A logger whose lines can be read. */
export function recordingLog(): { log: Logger; lines: LogLine[] } {
  const log = new RecordedLog()
  return { log, lines: log.lines }
}
