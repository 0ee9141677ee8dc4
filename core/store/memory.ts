import { type Clock, systemClock } from '../clock.ts'
import type { Logger } from '../log/logger.ts'
import { Buckets } from './buckets.ts'
import type { BucketLimit, Relay, Store } from './store.ts'
import { Subscribers } from './subscribers.ts'

/** The store of one process, which may hear from others that have one of their own. */
export class MemoryStore implements Store {
  readonly kind = 'memory'
  readonly trouble = undefined
  readonly #buckets: Buckets
  readonly #subscribers: Subscribers

  readonly #relay: Relay | undefined

  constructor(log: Logger, relay?: Relay, clock: Pick<Clock, 'elapsed'> = systemClock) {
    this.#buckets = new Buckets(() => clock.elapsed())
    this.#subscribers = new Subscribers(log)
    this.#relay = relay
    relay?.onHeard((topic) => this.#subscribers.tell(topic))
    relay?.onMissed(() => this.#subscribers.tellAll())
  }

  async take(limits: readonly BucketLimit[]): Promise<number> {
    return this.#buckets.take(limits)
  }

  async publish(topic: string): Promise<void> {
    this.#subscribers.tell(topic)
    await this.#relay?.tell(topic)
  }

  subscribe(topic: string, look: () => Promise<void>): () => void {
    return this.#subscribers.add(topic, look)
  }

  async close(): Promise<void> {}
}
