import type { LogFields, Logger } from '../../core/log/logger.ts'

/** One line that a test's logger was given. */
export interface LoggedLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly event: string
  readonly fields: LogFields
}

/** A logger that keeps its lines, so that a test can look at them; nothing is printed. */
export function memoryLogger(): Logger & { readonly lines: LoggedLine[] } {
  const lines: LoggedLine[] = []
  const bound = (own: LogFields): Logger => {
    const write = (level: LoggedLine['level']) => (event: string, fields?: LogFields) => {
      lines.push({ level, event, fields: { ...own, ...fields } })
    }
    return {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      child: (fields) => bound({ ...own, ...fields }),
    }
  }
  return Object.assign(bound({}), { lines })
}
