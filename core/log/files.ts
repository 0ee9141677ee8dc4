import { once } from 'node:events'
import { LogFile } from './file.ts'
import { logLevels } from './levels.ts'
import type { LogLevel } from './logger.ts'
import { type LogRetention, tidy } from './old-files.ts'

export interface LogFilesOptions {
  readonly dir: string
  /** After so many bytes another file is begun. */
  readonly fileBytes: number
  readonly keep: LogRetention
  /** Told of trouble with the files, at most once a minute, with the number of lines lost so far. */
  readonly onFailure: (error: unknown, lost: number) => void
  /** See {@link tidy}; default 5,000. */
  readonly settledMs?: number
}

/** A full disk is told of at most this often. */
const reportMs = 60_000

/**
 * The log files of a folder: `opsgram.log` with all lines, and one of each level. Full ones and those of former days are
 * put aside, packed and in the end deleted.
 */
export class LogFiles {
  readonly #options: LogFilesOptions
  readonly #all: LogFile
  readonly #levels: ReadonlyMap<LogLevel, LogFile>
  #lost = 0
  #reportedAt = Number.NEGATIVE_INFINITY
  #tidying: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: LogFilesOptions) {
    this.#options = options
    this.#all = this.#file('opsgram')
    this.#levels = new Map(logLevels.map((level) => [level, this.#file(`opsgram.${level}`)]))
    this.#tidyLater()
  }

  /** Lines that are in no file, or not in that of their level. */
  get lost(): number {
    return this.#lost
  }

  write(level: LogLevel, line: string): void {
    for (const file of [this.#all, this.#levels.get(level)]) {
      if (file?.accepts()) file.write(`${line}\n`)
      else this.#lost++
    }
  }

  /** Resolves when what was handed over is written. */
  async close(signal: AbortSignal): Promise<void> {
    clearTimeout(this.#timer)
    const files = [this.#all, ...this.#levels.values()]
    const ends = files.map((file) => once(file, 'finish', { signal }))
    for (const file of files) file.end()
    await Promise.allSettled(ends)
  }

  #file(series: string): LogFile {
    const { dir, fileBytes } = this.#options
    return new LogFile({
      dir,
      series,
      fileBytes,
      onFailure: (error, lost) => this.#failed(error, lost),
      onAged: () => this.#tidyLater(),
    })
  }

  /** After a while in which other processes notice that their file was put aside. */
  #tidyLater(): void {
    const { dir, keep, settledMs = 5_000 } = this.#options
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(async () => {
      await this.#tidying
      this.#timer = undefined
      this.#tidying = tidy(dir, keep, settledMs).catch((error: unknown) => this.#failed(error, 0))
    }, settledMs + 100).unref()
  }

  #failed(error: unknown, lost: number): void {
    this.#lost += lost
    if (performance.now() - this.#reportedAt < reportMs) return
    this.#reportedAt = performance.now()
    this.#options.onFailure(error, this.#lost)
  }
}
