import { once } from 'node:events'
import { accessSync, constants, mkdirSync } from 'node:fs'
import type { Writable } from 'node:stream'
import winston from 'winston'
import { codeOf, OpsError } from '../errors.ts'
import { LogFile } from './file.ts'
import { type Plain, toPlain } from './plain.ts'
import { type Line, pretty } from './pretty.ts'
import { createRedactor, type Redactor } from './redact.ts'

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
  /** A text as the log would write it, without secrets: for what is kept or shown elsewhere. */
  redact(text: string): string
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

export interface LoggerOptions {
  /** The least important lines that are still written. */
  readonly level: LogLevel
  /** How lines look on `output`; the file holds JSON always. */
  readonly format: 'json' | 'pretty'
  /** Folder of the log files; none = no files. */
  readonly dir?: string
  /** Values that must never be written, whatever field or text they stand in. */
  readonly secrets?: readonly string[]
  /** Where lines go: standard output. */
  readonly output: Writable & { readonly isTTY?: boolean }
}

/** The logger that owns the outputs. */
export interface RootLogger extends Logger {
  /** More values that must never be written: a plugin's secrets, say. */
  addSecrets(secrets: readonly string[]): void
  /** Resolves when all lines are written; lines after it are lost. */
  close(): Promise<void>
}

const ranks = { error: 0, warn: 1, info: 2, debug: 3 } as const satisfies Record<LogLevel, number>

const closeMs = 2_000
/** A JSON line above this many characters is replaced by what it was about. */
const longestLine = 65_536

/**
 * The log of one process: one JSON object a line (or a readable line) on `output`, and JSON in
 * `dir/opsgram.log` with its four predecessors. Nothing that goes wrong with an output, a closed pipe
 * or a full disk, reaches the callers.
 * @throws OPS_LOG_DIR when the folder can't be made or written.
 */
export function createLogger(options: LoggerOptions): RootLogger {
  const secrets = new Set(options.secrets)
  let redact = createRedactor(secrets)
  let isClosed = false

  const output = outputTransport(options)
  const sink = winston.createLogger({
    levels: ranks,
    level: options.level,
    // without one winston turns each line into JSON before our own formats do
    format: winston.format((info) => info)(),
    transports: [output],
  })

  const write: Write = (level, event, own, fields) => {
    // winston throws after its end, and a stop that left work behind may still have something to say
    if (isClosed || ranks[level] > ranks[options.level]) return
    sink.log({ level, message: event, line: lineOf(level, event, { ...own, ...fields }, redact) })
  }
  // standard output may break at any time (`opsgram | head`), also after the last line was handed to it
  const onOutputError = () => sink.remove(output)
  options.output.on('error', onOutputError)

  let file: LogFile | undefined
  if (options.dir !== undefined) {
    file = openFile(options.dir, (error, lost) => {
      write('warn', 'log.file-failed', {}, { dir: options.dir, lost, error })
    })
    sink.add(fileTransport(file))
  }

  return Object.assign(new BoundLogger({ write, redact: (text) => redact(text) }, {}), {
    addSecrets(more: readonly string[]) {
      for (const secret of more) secrets.add(secret)
      redact = createRedactor(secrets)
    },
    async close() {
      isClosed = true
      const patience = { signal: AbortSignal.timeout(closeMs) }
      const ends = [
        once(sink, 'finish', patience),
        ...(file ? [once(file, 'finish', patience)] : []),
      ]
      // sink hands its last lines to the file within the same turn
      sink.once('finish', () => file?.end())
      sink.end()
      await Promise.allSettled(ends)
      options.output.off('error', onOutputError)
    },
  })
}

type Write = (level: LogLevel, event: string, own: LogFields, fields: LogFields | undefined) => void

interface Sink {
  readonly write: Write
  readonly redact: Redactor
}

/** Methods on a prototype, not closures: one of these is made for every update. */
class BoundLogger implements Logger {
  readonly #sink: Sink
  readonly #own: LogFields

  constructor(sink: Sink, own: LogFields) {
    this.#sink = sink
    this.#own = own
  }

  debug(event: string, fields?: LogFields): void {
    this.#sink.write('debug', event, this.#own, fields)
  }

  info(event: string, fields?: LogFields): void {
    this.#sink.write('info', event, this.#own, fields)
  }

  warn(event: string, fields?: LogFields): void {
    this.#sink.write('warn', event, this.#own, fields)
  }

  error(event: string, fields?: LogFields): void {
    this.#sink.write('error', event, this.#own, fields)
  }

  child(fields: LogFields): Logger {
    return new BoundLogger(this.#sink, { ...this.#own, ...fields })
  }

  redact(text: string): string {
    return this.#sink.redact(text)
  }
}

const json = winston.format.printf(({ line }) => jsonLine(line as Line))

function outputTransport({ output, format }: LoggerOptions): winston.transport {
  const colour = output.isTTY === true && !process.env.NO_COLOR
  return new winston.transports.Stream({
    stream: output,
    eol: '\n',
    format:
      format === 'json' ? json : winston.format.printf(({ line }) => pretty(line as Line, colour)),
  })
}

function openFile(dir: string, onFailure: (error: unknown, lost: number) => void): LogFile {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    accessSync(dir, constants.W_OK)
  } catch (error) {
    throw new OpsError('OPS_LOG_DIR', `Log files can't be written to ${dir} (${codeOf(error)})`, {
      cause: error,
      details: { variable: 'LOG_DIR', dir },
    })
  }
  return new LogFile(dir, onFailure)
}

function fileTransport(file: LogFile): winston.transport {
  const whileAccepted = winston.format((info) => (file.accepts() ? info : false))
  return new winston.transports.Stream({
    stream: file,
    eol: '\n',
    format: winston.format.combine(whileAccepted(), json),
  })
}

const ownNames: ReadonlySet<string> = new Set(['time', 'level', 'event'])

function lineOf(level: LogLevel, event: string, fields: LogFields, redact: Redactor): Line {
  const line: Record<string, Plain> & Line = { time: new Date().toISOString(), level, event }
  const plain = toPlain(fields, redact)
  if (typeof plain === 'object' && plain !== null && !Array.isArray(plain)) {
    for (const [name, value] of Object.entries(plain)) {
      line[ownNames.has(name) ? `${name}_` : name] = value
    }
  }
  return line
}

function jsonLine(line: Line): string {
  const text = JSON.stringify(line)
  if (text.length <= longestLine) return text
  const { time, level, event } = line
  return JSON.stringify({
    time,
    level,
    event,
    cutFrom: text.length,
    text: text.slice(0, longestLine / 2),
  })
}
