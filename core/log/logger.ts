/** Fields of one log line. `error` may hold anything thrown; it is written as name, code, message, stack. */
export type LogFields = Readonly<Record<string, unknown>>

/**
 * One line is one event with a fixed dotted name (`plugin.reload.committed`); all else are fields.
 * Nothing is concatenated into messages, so that logs can be searched by name and by field.
 */
export interface Logger {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
  /** A logger that puts these fields on each of its lines. */
  child(fields: LogFields): Logger
}
