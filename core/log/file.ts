import { type FileHandle, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'

/** Bytes after which another file is begun. */
const fileBytes = 10 * 1024 * 1024
/** `opsgram.log` and the older `opsgram.1.log` … `opsgram.4.log`. */
const files = 5
/** What may wait for a slow disk; lines above it are lost and counted. */
const waitingBytes = 4 * 1024 * 1024
/** A full disk is told of at most this often. */
const reportMs = 60_000

/**
 * The log files of a folder as a stream that takes lines and never fails: what can't be written is
 * dropped and counted, and the next lines try again. winston's own File transport swallows a write error
 * and then blocks, together with every other transport (tried with a full disk, winston 3.19).
 */
export class LogFile extends Writable {
  readonly #dir: string
  readonly #onFailure: (error: unknown, lost: number) => void
  #handle: FileHandle | undefined
  #bytes = 0
  #lost = 0
  #reported = Number.NEGATIVE_INFINITY

  /** `onFailure` gets the number of lines lost so far; at most one call a minute. */
  constructor(dir: string, onFailure: (error: unknown, lost: number) => void) {
    super({ decodeStrings: false })
    this.#dir = dir
    this.#onFailure = onFailure
  }

  /** Whether another line may wait; one that may not counts as lost. */
  accepts(): boolean {
    if (this.writableLength <= waitingBytes) return true
    this.#lost++
    return false
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
    this.#handle ??= await this.#open()
    if (this.#bytes > 0 && this.#bytes + bytes > fileBytes) {
      await this.#close()
      await this.#rotate()
      this.#handle = await this.#open()
    }
    await this.#handle.appendFile(text)
    this.#bytes += bytes
  }

  async #open(): Promise<FileHandle> {
    // names and ids of people stand in it
    const handle = await open(this.#path(0), 'a', 0o600)
    this.#bytes = (await handle.stat()).size
    return handle
  }

  async #rotate(): Promise<void> {
    for (let older = files - 1; older > 0; older--) {
      await rename(this.#path(older - 1), this.#path(older)).catch(() => undefined)
    }
  }

  #path(age: number): string {
    return join(this.#dir, age === 0 ? 'opsgram.log' : `opsgram.${age}.log`)
  }

  async #close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close().catch(() => undefined)
  }

  async #failed(error: unknown, lines: number): Promise<void> {
    this.#lost += lines
    await this.#close()
    if (performance.now() - this.#reported < reportMs) return
    this.#reported = performance.now()
    this.#onFailure(error, this.#lost)
  }
}
