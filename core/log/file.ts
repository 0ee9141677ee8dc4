import { type FileHandle, mkdir, open, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { agedName } from './old-files.ts'

export interface LogFileOptions {
  readonly dir: string
  /** `opsgram`, `opsgram.error`: the file is called so, with `.log`. */
  readonly series: string
  /** After so many bytes another file is begun; at the first line of a day (UTC) too. */
  readonly fileBytes: number
  /** Told of lines that are lost, or of a file that can't be put aside. */
  readonly onFailure: (error: unknown, lost: number) => void
  /** A file was put aside. */
  readonly onAged: () => void
}

/** What may wait for a slow disk; lines above it are lost and counted. */
const waitingBytes = 4 * 1024 * 1024
/** While a file can't be put aside it grows so many times over; then lines are lost. */
const mostOverfull = 4
/** Whether the file is still where its name is, and whether it can be put aside now, is asked at most so often, ms. */
const lookMs = 1_000

/**
 * A log file as a stream that takes lines and never fails: what can't be written is dropped and counted, and the next
 * lines try again. winston's own File transport swallows a write error and then blocks, together with every other
 * transport; winston-daily-rotate-file ends the process (both tried with a full disk).
 */
export class LogFile extends Writable {
  readonly #options: LogFileOptions
  readonly #path: string
  #handle: FileHandle | undefined
  #inode = 0
  #bytes = 0
  #day = ''
  #lookedAt = Number.NEGATIVE_INFINITY
  #agedAt = Number.NEGATIVE_INFINITY
  /** A failed write may have left half a line behind. */
  #isTorn = false

  constructor(options: LogFileOptions) {
    super({ decodeStrings: false })
    this.#options = options
    this.#path = join(options.dir, `${options.series}.log`)
  }

  /** Whether another line may wait. */
  accepts(): boolean {
    return this.writableLength <= waitingBytes
  }

  override _writev(
    chunks: { chunk: unknown; encoding: BufferEncoding }[],
    callback: (error?: Error | null) => void,
  ): void {
    const text = chunks.map(({ chunk }) => String(chunk)).join('')
    this.#append(text)
      .catch((error: unknown) => this.#failed(error, chunks.length))
      .finally(() => callback())
  }

  override _final(callback: (error?: Error | null) => void): void {
    void this.#close().finally(() => callback())
  }

  async #append(text: string): Promise<void> {
    const bytes = Buffer.byteLength(text)
    await this.#look()
    this.#handle ??= await this.#open()
    if (this.#bytes > 0 && this.#isToBeAged(bytes)) {
      await this.#age()
      this.#handle ??= await this.#open()
    }
    const { fileBytes } = this.#options
    if (this.#bytes > 0 && this.#bytes + bytes > fileBytes * mostOverfull) {
      throw new Error(`${this.#path} can't be put aside and is full`)
    }
    const whole = this.#isTorn ? `\n${text}` : text
    this.#isTorn = true
    await this.#handle.appendFile(whole)
    this.#isTorn = false
    this.#bytes += bytes
  }

  /** Somebody else may have put the file aside, or removed it with its folder: what is written then goes nowhere. */
  async #look(): Promise<void> {
    const now = performance.now()
    if (this.#handle === undefined || now - this.#lookedAt < lookMs) return
    this.#lookedAt = now
    const found = await stat(this.#path).catch(() => undefined)
    if (found?.ino === this.#inode) this.#bytes = found.size
    else await this.#close()
  }

  async #open(): Promise<FileHandle> {
    await mkdir(this.#options.dir, { recursive: true, mode: 0o700 })
    // names and ids of people stand in it
    const handle = await open(this.#path, 'a', 0o600)
    const { size, ino, mtime } = await handle.stat()
    this.#bytes = size
    this.#inode = ino
    this.#day = dayOf(size > 0 ? mtime : new Date())
    this.#lookedAt = performance.now()
    return handle
  }

  #isToBeAged(bytes: number): boolean {
    const isDue = this.#bytes + bytes > this.#options.fileBytes || this.#day !== dayOf(new Date())
    return isDue && performance.now() - this.#agedAt > lookMs
  }

  async #age(): Promise<void> {
    const { dir, series, onFailure, onAged } = this.#options
    this.#lookedAt = Number.NEGATIVE_INFINITY
    // another process that writes here may have been quicker
    await this.#look()
    if (this.#handle === undefined) return
    try {
      await rename(this.#path, join(dir, agedName(series, new Date())))
      await this.#close()
      onAged()
    } catch (error) {
      // it goes on growing for a while
      this.#agedAt = performance.now()
      onFailure(error, 0)
    }
  }

  async #close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close().catch(() => undefined)
  }

  async #failed(error: unknown, lines: number): Promise<void> {
    await this.#close()
    this.#options.onFailure(error, lines)
  }
}

function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10)
}
