import { createHash } from 'node:crypto'
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { codeOf } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import type { PluginBuild } from './build.ts'

const fileShape = z.object({
  format: z.literal(2),
  /** `1.0`: a build fits cores of one minor version. */
  core: z.string(),
  /** Of the build, to tell a new one from the same one. */
  hash: z.string(),
  checksum: z.string(),
  build: z.string(),
})

/**
 * The last build of each plugin that went live, on disk: a process that starts on a broken folder serves
 * it. What lies here is code, so only the bot's own user may read or write it, and a file that was
 * changed by anything else is not used.
 */
export class KeptBuilds {
  readonly #dir: string
  readonly #core: string
  readonly #log: Logger
  /** Builds that are being written, newest last; a save storm writes one file once. */
  readonly #waiting = new Map<string, PluginBuild>()
  #writing: Promise<void> | undefined

  /** @param coreVersion `1.2.3`; its patch number doesn't matter */
  constructor(options: { dir: string; coreVersion: string; log: Logger }) {
    this.#dir = options.dir
    this.#core = options.coreVersion.split('.').slice(0, 2).join('.')
    this.#log = options.log
  }

  /** Keeps a build that went live. Returns at once; a failure is logged. */
  keep(build: PluginBuild): void {
    this.#waiting.set(build.name, build)
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
  }

  /** Resolves when everything that was to be kept is on disk. */
  async written(): Promise<void> {
    await this.#writing
  }

  /** The last good build of a plugin, or the one before it, if there is one that fits this core. */
  async load(name: string, which: Which = 'last'): Promise<PluginBuild | undefined> {
    await this.#writing
    try {
      const file = fileShape.parse(JSON.parse(await readFile(this.#file(name, which), 'utf8')))
      if (file.core !== this.#core) return undefined
      if (file.checksum !== checksum(file.build)) throw new Error('its checksum is wrong')
      // written by `keep` from a build, and unchanged since
      const { inputs, ...build } = JSON.parse(file.build) as StoredBuild
      return { ...build, inputs: new Set(inputs) }
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') {
        this.#log.warn('plugin.kept-build.unusable', { plugin: name, error })
      }
      return undefined
    }
  }

  /** Paths of what is kept of a plugin. */
  async files(name: string): Promise<readonly string[]> {
    await this.#writing
    const files = (['last', 'previous'] as const).map((which) => this.#file(name, which))
    const there = await Promise.all(files.map((file) => stat(file).then(() => true, ignoreMissing)))
    return files.filter((_, index) => there[index] === true)
  }

  /** Keeps nothing of a plugin any more. */
  async drop(name: string): Promise<void> {
    for (const file of await this.files(name)) await rm(file, { force: true })
  }

  async #write(): Promise<void> {
    for (const [name, build] of this.#waiting) {
      this.#waiting.delete(name)
      const temporary = `${this.#file(name)}.${process.pid}`
      try {
        await mkdir(this.#dir, { recursive: true, mode: 0o700 })
        await chmod(this.#dir, 0o700)
        const text = JSON.stringify({ ...build, inputs: [...build.inputs] } satisfies StoredBuild)
        const file = {
          format: 2,
          core: this.#core,
          hash: build.hash,
          checksum: checksum(text),
          build: text,
        }
        await writeFile(temporary, JSON.stringify(file), { mode: 0o600 })
        if ((await this.#hashOf(name)) !== build.hash) {
          await rename(this.#file(name), this.#file(name, 'previous')).catch(ignoreMissing)
        }
        // a process that dies in between leaves the file before
        await rename(temporary, this.#file(name))
      } catch (error) {
        this.#log.warn('plugin.kept-build.not-written', { plugin: name, error })
        await rm(temporary, { force: true }).catch(() => undefined)
      }
    }
  }

  async #hashOf(name: string): Promise<string | undefined> {
    const text = await readFile(this.#file(name), 'utf8').catch(ignoreMissing)
    return text === undefined ? undefined : fileShape.safeParse(JSON.parse(text)).data?.hash
  }

  #file(name: string, which: Which = 'last'): string {
    return join(this.#dir, which === 'last' ? `${name}.json` : `${name}.previous.json`)
  }
}

type Which = 'last' | 'previous'

function ignoreMissing(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error
  return undefined
}

type StoredBuild = Omit<PluginBuild, 'inputs'> & { inputs: string[] }

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
