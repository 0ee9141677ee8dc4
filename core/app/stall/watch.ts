import { readFileSync, rmSync } from 'node:fs'
import inspector from 'node:inspector'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { codeOf } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import { recordFile, type StallWatch, slots } from './protocol.ts'

/** How often the event loop says that it goes round, at most, ms. */
const longestBeatMs = 1_000
/** Of the limit, so that a short one is kept to as well. */
const beatsPerLimit = 10

export interface Stalls {
  /** Runs work that was asked for and holds the event loop, however long: a snapshot of the heap. */
  aside<T>(work: () => T): T
  end(): void
}

/** Nobody watches. */
export const unwatched: Stalls = { aside: (work) => work(), end: () => undefined }

/**
 * Watches the event loop from a thread beside it: code without an end (a loop, a regular expression) can't be interrupted,
 * and holds all chats, the signals to stop and the lease of the chats too. A process that stands still so long
 * says where and ends itself, for whoever runs it to start it anew; what it had taken over is handled by the next one.
 *
 * @param limitMs 0: it may stand still for ever
 * @param dir where the place is kept for the next start, which logs it
 */
export function watchStalls({
  limitMs,
  dir,
  log,
}: {
  limitMs: number
  dir: string
  log: Logger
}): Stalls {
  tellOfLast(dir, log)
  if (limitMs === 0) return unwatched
  const beatMs = Math.min(longestBeatMs, Math.ceil(limitMs / beatsPerLimit))
  const shared = new SharedArrayBuffer(Object.keys(slots).length * Int32Array.BYTES_PER_ELEMENT)
  const state = new Int32Array(shared)
  const beat = () => {
    Atomics.store(state, slots.debugged, inspector.url() === undefined ? 0 : 1)
    Atomics.add(state, slots.beat, 1)
  }
  beat()
  const timer = setInterval(beat, beatMs)
  timer.unref()
  const workerData: StallWatch = { shared, limitMs, beatMs, dir }
  // Node strips the types itself: a loader in this thread would cost more than the thread
  const file = import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js'
  const thread = new Worker(new URL(file, import.meta.url), {
    workerData,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  })
  thread.on('error', (error) => log.error('app.stall-watch.failed', { error }))
  thread.unref()
  return {
    aside(work) {
      Atomics.store(state, slots.aside, 1)
      try {
        return work()
      } finally {
        beat()
        Atomics.store(state, slots.aside, 0)
      }
    },
    end() {
      clearInterval(timer)
      void thread.terminate()
    },
  }
}

/** What ended the process before is otherwise on standard error alone. */
function tellOfLast(dir: string, log: Logger): void {
  const path = join(dir, recordFile)
  try {
    const record: unknown = JSON.parse(readFileSync(path, 'utf8'))
    log.error('app.stalled-before', { code: 'OPS_STALLED', last: record })
    rmSync(path)
  } catch (error) {
    // a folder that can't be there is told by who needs it
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return
    log.warn('app.stalled-before.unread', { file: path, error })
  }
}
