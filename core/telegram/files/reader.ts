import type { Clock } from '../../clock.ts'
import { Backoff } from '../backoff.ts'
import { type GatewayCounts, joined } from '../outgoing/call.ts'
import { remedyFor } from '../outgoing/recovery.ts'
import type { CallBinding, CallOptions, FileOptions } from '../telegram.ts'
import type { Transport } from '../transport.ts'
import { contentOf, type OpenedFile, remoteFile } from './download.ts'
import { cloudLimits } from './limits.ts'

export interface FileReaderParts {
  /** The answer of getFile as it came: the path may be one on the server's disk. */
  readonly getFile: (fileId: string, options: CallOptions, binding: CallBinding) => Promise<unknown>
  readonly transport: Pick<Transport, 'open' | 'limits'>
  readonly counts: GatewayCounts
  readonly clock: Clock
}

/** Gets files that people sent. */
export class FileReader {
  readonly #parts: FileReaderParts

  constructor(parts: FileReaderParts) {
    this.#parts = parts
  }

  async open(
    fileId: string,
    { maxBytes = this.#parts.transport.limits.download, timeoutMs, signal }: FileOptions,
    binding: CallBinding,
  ): Promise<OpenedFile> {
    const { getFile, transport } = this.#parts
    const answer = await getFile(fileId, { signal }, binding)
    return transport.open(remoteFile(answer, fileId, maxBytes), maxBytes, {
      signal: joined(signal, binding.signal),
      timeoutMs,
    })
  }

  /** Reading is safe to repeat; where it broke off nobody says, so from the start. */
  async download(fileId: string, options: FileOptions, binding: CallBinding): Promise<Buffer> {
    const { transport, counts, clock } = this.#parts
    const maxBytes = options.maxBytes ?? Math.min(transport.limits.download, cloudLimits.download)
    const signal = joined(options.signal, binding.signal)
    const backoff = new Backoff({ firstMs: 200, maxMs: 5_000 })
    for (let repeats = 0; ; repeats++) {
      try {
        return await contentOf(await this.open(fileId, { ...options, maxBytes }, binding))
      } catch (error) {
        const failed = { method: 'getFile', payload: {}, repeatable: true, repeats, resent: [] }
        if (signal?.aborted || remedyFor(error, failed).do !== 'repeat') throw error
        counts.repeated += 1
        await clock.wait(backoff.next(), signal)
      }
    }
  }
}
