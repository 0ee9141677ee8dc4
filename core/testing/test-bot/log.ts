import { setTimeout as delay } from 'node:timers/promises'
import { codeOf, messageOf, OpsError } from '../../errors.ts'
import { LogLevels } from '../../log/levels.ts'
import type { ErrorListener, LogControl, LogFields, Logger, LogLevel } from '../../log/logger.ts'
import { redactText } from '../../log/redact.ts'

export interface LogLine {
  readonly level: LogLevel
  readonly event: string
  readonly fields: LogFields
}

/** A logger that keeps its lines, of whatever level, and says nothing. */
export class RecordedLog implements Logger, LogControl {
  readonly lines: LogLine[]
  readonly levels: LogLevels
  readonly lost = { files: 0, output: 0 }
  readonly #fields: LogFields
  readonly #listeners: ErrorListener[]
  /** How far the lines were looked through for each event. */
  readonly #seen = new Map<string, number>()

  constructor(of?: RecordedLog, fields: LogFields = {}) {
    this.lines = of?.lines ?? []
    this.levels = of?.levels ?? new LogLevels('info')
    this.#listeners = of === undefined ? [] : of.#listeners
    this.#fields = fields
  }

  onError(listener: ErrorListener): void {
    this.#listeners.splice(0, 1, listener)
  }

  debug(event: string, fields?: LogFields): void {
    this.#add('debug', event, fields)
  }

  info(event: string, fields?: LogFields): void {
    this.#add('info', event, fields)
  }

  warn(event: string, fields?: LogFields): void {
    this.#add('warn', event, fields)
  }

  error(event: string, fields?: LogFields): void {
    this.#add('error', event, fields)
  }

  redact(text: string): string {
    return redactText(text)
  }

  child(fields: LogFields): Logger {
    return new RecordedLog(this, { ...this.#fields, ...fields })
  }

  /**
   * Waits for the next line of this event with these fields, from those on that nobody was given yet.
   *
   * @param within ms
   * @throws OPS_TEST_DEADLINE
   */
  async next(event: string, fields: LogFields, within = 5_000): Promise<LogLine> {
    const from = this.#seen.get(event) ?? 0
    const isIt = (line: LogLine) =>
      line.event === event &&
      Object.entries(fields).every(([name, value]) => line.fields[name] === value)
    const ends = performance.now() + within
    do {
      const at = this.lines.findIndex((line, index) => index >= from && isIt(line))
      const found = this.lines[at]
      if (found !== undefined) {
        this.#seen.set(event, at + 1)
        return found
      }
      await delay(2)
    } while (performance.now() <= ends)
    const complaints = this.complaints().map((line) => `  ${line}`)
    throw new OpsError(
      'OPS_TEST_DEADLINE',
      [`The bot didn't log ${event} within ${within} ms.`, ...complaints].join('\n'),
    )
  }

  /** The newest warnings and errors as readable lines, for the text of a failed expectation. */
  complaints(limit = 5): string[] {
    return this.lines
      .filter(({ level }) => level === 'warn' || level === 'error')
      .slice(-limit)
      .map(({ event, fields }) => {
        const { error, code, message, plugin } = fields
        const what = error === undefined ? [code, message] : [codeOf(error), messageOf(error)]
        const said = what.filter((part) => part !== undefined).map(String)
        return [event, ...(plugin === undefined ? [] : [String(plugin)]), ...said].join('  ')
      })
  }

  #add(level: LogLevel, event: string, fields: LogFields = {}): void {
    if (fields.errorId !== undefined) {
      for (const listener of this.#listeners) listener(event, { ...this.#fields, ...fields })
    }
    const { error, ...others } = fields
    const kept = 'error' in fields ? { error: detached(error) } : {}
    this.lines.push({ level, event, fields: { ...this.#fields, ...others, ...kept } })
  }
}

/** A copy of an error: one of a plugin's own class would keep the version that threw it in memory. */
function detached(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { message, name, stack } = error
  const cause = error.cause === undefined ? {} : { cause: detached(error.cause) }
  if (error instanceof OpsError) {
    const { code, hint, details } = error
    return Object.assign(new OpsError(code, message, { hint, details, ...cause }), { stack })
  }
  const code = codeOf(error)
  return Object.assign(new Error(message, cause), {
    name,
    stack,
    ...(code !== undefined && { code }),
  })
}
