import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { codeOf, OpsError } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import type { PluginBuild } from './build.ts'

/** So many processes in a row may end in the same build: one may have been killed by chance. */
const mostEnds = 2

const markShape = z.object({ hash: z.string(), begun: z.int() })

type Marked = Pick<PluginBuild, 'name' | 'hash'>

/**
 * Says on disk which plugin's code is being loaded. An endless loop can't be interrupted, and a crash ends all: the
 * next process must not go the same way, again and again, but serve what served before.
 */
export class LoadMarks {
  readonly #dir: string
  readonly #log: Logger

  constructor({ dir, log }: { dir: string; log: Logger }) {
    this.#dir = dir
    this.#log = log
  }

  /**
   * Runs code of a build under its mark.
   *
   * @throws OPS_PLUGIN_FATAL when process after process ended in it; nothing is run then
   */
  async during<T>(build: Marked, work: () => Promise<T>): Promise<T> {
    const ends = this.#begunIn(build)
    if (ends >= mostEnds) {
      throw new OpsError(
        'OPS_PLUGIN_FATAL',
        `${ends} processes in a row ended, or stood still, while they loaded plugin ${build.name}`,
        { details: { plugin: build.name, hash: build.hash } },
      )
    }
    // at once, not behind: what comes next may be the last that this process does
    this.#attempt(build, () => {
      mkdirSync(this.#dir, { recursive: true, mode: 0o700 })
      writeFileSync(this.#file(build), JSON.stringify({ hash: build.hash, begun: ends + 1 }))
    })
    try {
      return await work()
    } finally {
      this.#attempt(build, () => rmSync(this.#file(build), { force: true }))
    }
  }

  #begunIn({ name, hash }: Marked): number {
    try {
      const mark = markShape.parse(JSON.parse(readFileSync(this.#file({ name }), 'utf8')))
      return mark.hash === hash ? mark.begun : 0
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.#log.debug('plugin.load-mark.unread', { error })
      return 0
    }
  }

  /** Without a disk to write to, plugins are loaded all the same. */
  #attempt({ name }: Marked, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#log.debug('plugin.load-mark.not-kept', { plugin: name, error })
    }
  }

  #file({ name }: Pick<Marked, 'name'>): string {
    return join(this.#dir, `${name}.loading`)
  }
}
