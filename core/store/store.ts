import type { Clock } from '../clock.ts'
import type { ErrorCode } from '../errors.ts'
import type { Logger } from '../log/logger.ts'
import { MemoryStore } from './memory.ts'

/** One limit on how often something may happen: so many at once, and then so many a second. */
export interface BucketLimit {
  /** What is limited: `bot`, `chat:42`. */
  readonly key: string
  /** Tokens in a full bucket. */
  readonly capacity: number
  /** Tokens that come back, a second. */
  readonly perSecond: number
}

/** Why a store is not what it should be; what it does meanwhile stands at each method. */
export interface StoreTrouble {
  readonly code: ErrorCode
  /** As `performance.now()`. */
  readonly since: number
}

/**
 * What the instances of one bot share for speed: the database alone holds the truth, and no lease is ever
 * decided here. No method rejects: while Redis is away each does what it can by itself.
 */
export interface Store {
  readonly kind: 'memory' | 'redis'
  /** Undefined while all is well. */
  readonly trouble: StoreTrouble | undefined
  /**
   * Takes one token out of each of these buckets, or out of none. While Redis is away each instance has
   * buckets of its own.
   * @returns 0 when they were taken, else after how many ms it is worth asking again
   */
  take(limits: readonly BucketLimit[]): Promise<number>
  /**
   * Tells every instance, this one too, that there is something new about the topic. While Redis is away it is
   * kept, and told when Redis is back.
   */
  publish(topic: string): Promise<void>
  /**
   * Calls `look` after each publish on the topic, and when some may have been missed: a message says where to look,
   * never what is there. Calls don't overlap; what comes meanwhile is one more call. Returns what ends it.
   */
  subscribe(topic: string, look: () => Promise<void>): () => void
  close(): Promise<void>
}

/** How topics reach other instances without Redis. No method rejects. */
export interface Relay {
  tell(topic: string): Promise<void>
  onHeard(listener: (topic: string) => void): void
  /** Called when some may have been missed. */
  onMissed(listener: () => void): void
}

export interface StoreOptions {
  /** Redis; none: a store of this process. */
  readonly url: string | undefined
  /** Bots that share one Redis are kept apart by it. */
  readonly botId: number
  /** Carries topics between instances where there is no Redis; none: a store of this process alone. */
  readonly relay?: Relay | undefined
  /** What its own buckets run on; Redis has a clock of its own. */
  readonly clock?: Pick<Clock, 'elapsed'> | undefined
  readonly log: Logger
}

/** Opens the store. A Redis that is away is no reason not to start: the store is in trouble until it comes. */
export async function openStore({ url, botId, relay, clock, log }: StoreOptions): Promise<Store> {
  if (url === undefined) return new MemoryStore(log, relay, clock)
  // loaded only where it is used
  const { RedisStore } = await import('./redis.ts')
  return RedisStore.open({ url, prefix: `{opsgram:${botId}}`, clock, log })
}
