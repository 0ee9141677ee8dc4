import type { LogFields, Logger } from '../../core/log/logger.ts'

/** Says nothing. */
export const silentLog: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
}

export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error'
  event: string
  fields: LogFields
}

/** A logger whose lines can be read. */
export function recordingLog(): { log: Logger; lines: LogLine[] } {
  const lines: LogLine[] = []
  const make = (base: LogFields): Logger => {
    const at =
      (level: LogLine['level']) =>
      (event: string, fields: LogFields = {}) => {
        lines.push({ level, event, fields: { ...base, ...fields } })
      }
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (fields) => make({ ...base, ...fields }),
    }
  }
  return { log: make({}), lines }
}
