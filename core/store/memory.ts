import type { Logger } from '../log/logger.ts'
import { Buckets } from './buckets.ts'
import type { BucketLimit, Store } from './store.ts'
import { Subscribers } from './subscribers.ts'

/** The store of a bot that is one process. */
export class MemoryStore implements Store {
  readonly kind = 'memory'
  readonly trouble = undefined
  readonly #buckets = new Buckets()
  readonly #subscribers: Subscribers

  constructor(log: Logger) {
    this.#subscribers = new Subscribers(log)
  }

  async take(limits: readonly BucketLimit[]): Promise<number> {
    return this.#buckets.take(limits)
  }

  async publish(topic: string): Promise<void> {
    this.#subscribers.tell(topic)
  }

  subscribe(topic: string, look: () => Promise<void>): () => void {
    return this.#subscribers.add(topic, look)
  }

  async close(): Promise<void> {}
}
