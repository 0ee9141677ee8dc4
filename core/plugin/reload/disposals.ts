import type { Logger } from '../../log/logger.ts'
import { type Generation, instancesOf } from '../generation/generation.ts'
import type { LoadedPlugin } from '../generation/loaded.ts'

/** Disposes versions of plugins that nobody works on any more, and knows when each is gone. */
export class Disposals {
  readonly #log: Logger
  readonly #running = new Set<Promise<void>>()
  readonly #ended = new WeakMap<LoadedPlugin, PromiseWithResolvers<void>>()
  /** When a version that isn't disposed yet was replaced: its drain begins there. */
  readonly #replacedAt = new Map<LoadedPlugin, number>()

  constructor(log: Logger) {
    this.#log = log
  }

  /** Notes which versions a commit took out of service. */
  replaced(before: Generation, next: Generation): void {
    const serving = new Set(instancesOf(next))
    for (const plugin of instancesOf(before)) {
      if (!serving.has(plugin)) this.#replacedAt.set(plugin, performance.now())
    }
  }

  /** Disposes a version that no held generation contains. */
  begin(plugin: LoadedPlugin): void {
    const began = this.#replacedAt.get(plugin) ?? performance.now()
    const disposal = plugin.scope.dispose().then(() => {
      for (const place of plugin.evaluated.release()) {
        const { file, line } = place ?? {}
        // the plugin said nothing of it to its scope, which would have ended it by itself
        this.#log.warn('plugin.leftover', { plugin: plugin.name, what: 'interval', file, line })
      }
      const ms = Math.round(performance.now() - began)
      this.#log.info('plugin.drained', { plugin: plugin.name, generation: plugin.since, ms })
      this.#running.delete(disposal)
      this.#replacedAt.delete(plugin)
      this.#ended.get(plugin)?.resolve()
    })
    this.#running.add(disposal)
  }

  /** Resolves when a version was disposed. */
  of(plugin: LoadedPlugin): Promise<void> {
    const ended = this.#ended.get(plugin) ?? Promise.withResolvers<void>()
    this.#ended.set(plugin, ended)
    return ended.promise
  }

  /** Resolves when every version of a plugin that was replaced so far was disposed. */
  async ofReplaced(name: string): Promise<void> {
    const left = [...this.#replacedAt.keys()].filter((plugin) => plugin.name === name)
    await Promise.all(left.map((plugin) => this.of(plugin)))
  }

  /** Resolves when all that has begun has ended. */
  async all(): Promise<void> {
    await Promise.all(this.#running)
  }
}
