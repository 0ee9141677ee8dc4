import type { Logger } from '../log/logger.ts'

interface Subscriber {
  readonly look: () => Promise<void>
  running: boolean
  again: boolean
}

/** Who looks when something is new about a topic: one call at a time, one more for all that came meanwhile. */
export class Subscribers {
  readonly #topics = new Map<string, Set<Subscriber>>()
  readonly #log: Logger

  constructor(log: Logger) {
    this.#log = log
  }

  get topics(): readonly string[] {
    return [...this.#topics.keys()]
  }

  /** Returns what takes it out again. */
  add(topic: string, look: () => Promise<void>): () => void {
    const subscriber: Subscriber = { look, running: false, again: false }
    const known = this.#topics.get(topic) ?? new Set()
    this.#topics.set(topic, known.add(subscriber))
    return () => {
      known.delete(subscriber)
      if (known.size === 0) this.#topics.delete(topic)
    }
  }

  tell(topic: string): void {
    for (const subscriber of this.#topics.get(topic) ?? []) {
      subscriber.again = true
      if (!subscriber.running) void this.#run(topic, subscriber)
    }
  }

  tellAll(): void {
    for (const topic of this.topics) this.tell(topic)
  }

  async #run(topic: string, subscriber: Subscriber): Promise<void> {
    subscriber.running = true
    while (subscriber.again) {
      subscriber.again = false
      try {
        await subscriber.look()
      } catch (error) {
        this.#log.error('store.subscriber-failed', { topic, error })
      }
    }
    subscriber.running = false
  }
}
