import { once } from 'node:events'
import { accessSync, constants, mkdirSync } from 'node:fs'
import type { Writable } from 'node:stream'
import winston from 'winston'
import { codeOf, OpsError } from '../errors.ts'
import { LogFiles } from './files.ts'
import { LogLevels } from './levels.ts'
import type { LogRetention } from './old-files.ts'
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
  /** The least important lines that are still written, until {@link LogControl.levels} is told otherwise. */
  readonly level: LogLevel
  /** How lines look on `output`; files hold JSON always. */
  readonly format: 'json' | 'pretty'
  /** Folder of the log files; none = no files. */
  readonly dir?: string
  /** After so many bytes another file is begun; default 10 MiB. */
  readonly fileBytes?: number
  /** How long and how much old files stay; default 30 days and 200 MiB. */
  readonly keep?: LogRetention
  /** Values that must never be written, whatever field or text they stand in. */
  readonly secrets?: readonly string[]
  /** Where lines go: standard output. */
  readonly output: Writable & { readonly isTTY?: boolean }
}

/** Told of each line that names an error id, whether it is written or not. */
export type ErrorListener = (event: string, fields: LogFields) => void

/** What the app knows and decides about its log while it runs. */
export interface LogControl {
  readonly levels: LogLevels
  /** Lines that are missing, by where they should be. */
  readonly lost: Readonly<Record<'files' | 'output', number>>
  /** Calls for every line with an `errorId`. It must not throw. */
  onError(listener: ErrorListener): void
}

/** The logger that owns the outputs. */
export interface RootLogger extends Logger, LogControl {
  /** More values that must never be written: a plugin's secrets, say. */
  addSecrets(secrets: readonly string[]): void
  /** Resolves when all lines are written; lines after it are lost. */
  close(): Promise<void>
}

const ranks = { error: 0, warn: 1, info: 2, debug: 3 } as const satisfies Record<LogLevel, number>

const closeMs = 2_000
/** What may wait for a slow reader of standard output; lines above it are lost and counted. */
const waitingBytes = 4 * 1024 * 1024
/** A JSON line above this many characters is replaced by what it was about. */
const longestLine = 65_536

/**
 * The log of one process: one JSON object a line (or a readable line) on `output`, and JSON in the files of `dir`.
 * Nothing that goes wrong with an output, a closed pipe, a reader that stands still or a full disk, reaches the callers.
 * @throws OPS_LOG_DIR when the folder can't be made or written.
 */
export function createLogger(options: LoggerOptions): RootLogger {
  const secrets = new Set(options.secrets)
  let redact = createRedactor(secrets)
  let isClosed = false
  let lostOutput = 0
  let onError: ErrorListener = () => undefined
  const levels = new LogLevels(options.level)

  const output = outputTransport(options)
  const sink = winston.createLogger({
    levels: ranks,
    // which lines are written was decided before
    level: 'debug',
    // without one winston turns each line into JSON before our own formats do
    format: winston.format((info) => info)(),
    transports: [output],
  })

  const write: Write = (level, event, own, fields) => {
    if (fields?.errorId !== undefined) onError(event, { ...own, ...fields })
    // winston throws after its end, and a stop that left work behind may still have something to say
    if (isClosed || !levels.writes(level, own, fields)) return
    const line = lineOf(level, event, { ...own, ...fields }, redact)
    const json = files === undefined && options.format === 'pretty' ? undefined : jsonLine(line)
    if (json !== undefined) files?.write(level, json)
    if (options.output.writableLength > waitingBytes || !isOutputOpen) lostOutput++
    else sink.log({ level, message: event, line, json })
  }
  // standard output may break at any time (`opsgram | head`), also after the last line was handed to it
  let isOutputOpen = true
  const onOutputError = () => {
    isOutputOpen = false
    sink.remove(output)
  }
  options.output.on('error', onOutputError)

  const files = openFiles(options, (error, lost) => {
    write('warn', 'log.file-failed', {}, { dir: options.dir, lost, error })
  })

  return Object.assign(new BoundLogger({ write, redact: (text) => redact(text) }, {}), {
    levels,
    lost: {
      get files() {
        return files?.lost ?? 0
      },
      get output() {
        return lostOutput
      },
    },
    onError(listener: ErrorListener) {
      onError = listener
    },
    addSecrets(more: readonly string[]) {
      for (const secret of more) secrets.add(secret)
      redact = createRedactor(secrets)
    },
    async close() {
      isClosed = true
      const signal = AbortSignal.timeout(closeMs)
      const end = once(sink, 'finish', { signal })
      sink.end()
      await Promise.allSettled([end, files?.close(signal)])
      // a pipe that doesn't block may still hold some of it
      if (isOutputOpen) await Promise.race([flushed(options.output), once(signal, 'abort')])
      options.output.off('error', onOutputError)
    },
  })
}

/** Resolves when all that was written to a stream has left it, or it is broken. */
async function flushed(output: Writable): Promise<void> {
  if (output.writableLength === 0) return
  await new Promise<void>((resolve) => output.write('', () => resolve()))
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

const asJson = winston.format.printf(({ json }) => json as string)

function outputTransport({ output, format }: LoggerOptions): winston.transport {
  const colour = output.isTTY === true && !process.env.NO_COLOR
  return new winston.transports.Stream({
    stream: output,
    eol: '\n',
    format:
      format === 'json'
        ? asJson
        : winston.format.printf(({ line }) => pretty(line as Line, colour)),
  })
}

function openFiles(
  {
    dir,
    fileBytes = 10 * 1024 * 1024,
    keep = { days: 30, bytes: 200 * 1024 * 1024 },
  }: LoggerOptions,
  onFailure: (error: unknown, lost: number) => void,
): LogFiles | undefined {
  if (dir === undefined) return undefined
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    accessSync(dir, constants.W_OK)
  } catch (error) {
    throw new OpsError('OPS_LOG_DIR', `Log files can't be written to ${dir} (${codeOf(error)})`, {
      cause: error,
      details: { variable: 'LOG_DIR', dir },
    })
  }
  return new LogFiles({ dir, fileBytes, keep, onFailure })
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
