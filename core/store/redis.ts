import { setTimeout as delay } from 'node:timers/promises'
import { Redis, type RedisOptions } from 'ioredis'
import { type Clock, systemClock } from '../clock.ts'
import { type ErrorCode, messageOf } from '../errors.ts'
import type { Logger } from '../log/logger.ts'
import { Buckets } from './buckets.ts'
import type { BucketLimit, Store, StoreTrouble } from './store.ts'
import { Subscribers } from './subscribers.ts'
import { takeScript, takeScriptSha } from './take-script.ts'

export interface RedisStoreOptions {
  readonly url: string
  /** Before every key and topic; in braces, so that a cluster keeps them together. */
  readonly prefix: string
  /** Of its own buckets, while Redis is away. */
  readonly clock?: Pick<Clock, 'elapsed'> | undefined
  readonly log: Logger
}

/** An answer is there within a millisecond or two; what takes longer is not worth waiting for. */
const commandMs = 1_000
/** What a start waits for Redis. */
const startMs = 2_000
/** How often one in trouble is tried. */
const probeMs = 500
/** A connection that only listens notices by this that the other end is gone. */
const listenCheckMs = 10_000
const longestPauseMs = 2_000

/** The store of a bot that is several processes: Redis 7. */
export class RedisStore implements Store {
  readonly kind = 'redis'
  readonly #prefix: string
  readonly #log: Logger
  readonly #commands: Redis
  readonly #listening: Redis
  readonly #subscribers: Subscribers
  /** In place of Redis's while that is away. */
  readonly #own: Buckets
  /** What could not be told yet. */
  readonly #untold = new Set<string>()
  readonly #listenCheck: NodeJS.Timeout
  #trouble: StoreTrouble | undefined
  #probe: NodeJS.Timeout | undefined
  #heard = false
  #closed = false

  private constructor({ url, prefix, clock = systemClock, log }: RedisStoreOptions) {
    this.#own = new Buckets(() => clock.elapsed())
    this.#prefix = prefix
    this.#log = log
    this.#subscribers = new Subscribers(log)
    this.#commands = new Redis(url, { ...connectionOptions, connectionName: 'opsgram' })
    this.#listening = new Redis(url, { ...connectionOptions, connectionName: 'opsgram listening' })
    // without a listener an error of a connection would end the process
    this.#commands.on('error', (error: unknown) => this.#failed(error))
    this.#listening.on('error', (error: unknown) => log.debug('store.listening-lost', { error }))
    this.#listening.on('ready', () => void this.#listen())
    this.#listening.on('message', (channel: string) =>
      this.#subscribers.tell(channel.slice(this.#prefix.length + 1)),
    )
    this.#listenCheck = setInterval(() => void this.#checkListening(), listenCheckMs)
    this.#listenCheck.unref()
  }

  /** Resolves when Redis has answered or been found away. */
  static async open(options: RedisStoreOptions): Promise<RedisStore> {
    const store = new RedisStore(options)
    const connected = [store.#commands, store.#listening].map((redis) =>
      // a refused one is tried again by itself, and told by the event
      redis.connect().catch(() => undefined),
    )
    const patience = new AbortController()
    const { signal } = patience
    await Promise.race([
      Promise.all(connected),
      delay(startMs, undefined, { signal }).catch(() => undefined),
    ])
    patience.abort()
    await store.#look()
    return store
  }

  get trouble(): StoreTrouble | undefined {
    return this.#trouble
  }

  async take(limits: readonly BucketLimit[]): Promise<number> {
    if (this.#trouble !== undefined) return this.#own.take(limits)
    try {
      return await this.#takeThere(limits)
    } catch (error) {
      this.#failed(error)
      return this.#own.take(limits)
    }
  }

  async publish(topic: string): Promise<void> {
    try {
      await this.#commands.publish(this.#named(topic), '')
      this.#untold.delete(topic)
    } catch (error) {
      this.#untold.add(topic)
      this.#failed(error)
      // the others hear of it later; what is in this process needs no Redis
      this.#subscribers.tell(topic)
    }
  }

  subscribe(topic: string, look: () => Promise<void>): () => void {
    const remove = this.#subscribers.add(topic, look)
    if (this.#heard) void this.#listen()
    return remove
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#probe)
    clearInterval(this.#listenCheck)
    this.#commands.disconnect()
    this.#listening.disconnect()
  }

  #named(name: string): string {
    return `${this.#prefix}:${name}`
  }

  async #takeThere(limits: readonly BucketLimit[]): Promise<number> {
    const keys = limits.map(({ key }) => this.#named(`bucket:${key}`))
    const values = limits.flatMap(({ capacity, perSecond }) => [capacity, perSecond])
    let wait: unknown
    try {
      wait = await this.#commands.evalsha(takeScriptSha, keys.length, ...keys, ...values)
    } catch (error) {
      // a Redis that was started anew knows no scripts
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error
      wait = await this.#commands.eval(takeScript, keys.length, ...keys, ...values)
    }
    return Number(wait)
  }

  /** Subscribes to all topics, then looks everywhere: between two connections nothing was heard. */
  async #listen(): Promise<void> {
    const topics = this.#subscribers.topics.map((topic) => this.#named(topic))
    this.#heard = true
    if (topics.length === 0) return
    try {
      await this.#listening.subscribe(...topics)
      this.#subscribers.tellAll()
    } catch (error) {
      this.#log.debug('store.subscribe-failed', { error })
      if (!this.#closed) this.#listening.disconnect(true)
    }
  }

  async #checkListening(): Promise<void> {
    if (this.#listening.status !== 'ready') return
    await this.#listening.ping().catch(() => !this.#closed && this.#listening.disconnect(true))
  }

  #failed(error: unknown): void {
    if (this.#closed) return
    // a network that swallows answers is left by a new connection; the old one would be waited for for minutes
    if (messageOf(error) === 'Command timed out' && this.#commands.status === 'ready') {
      this.#commands.disconnect(true)
    }
    const code = troubleOf(error)
    if (this.#trouble === undefined) {
      this.#log.warn('store.lost', { code, error })
      this.#trouble = { code, since: performance.now() }
    } else if (this.#trouble.code !== code && code !== 'OPS_STORE_UNREACHABLE') {
      this.#trouble = { ...this.#trouble, code }
    }
    this.#probe ??= setInterval(() => void this.#look(), probeMs).unref()
  }

  /** Whether it does its work: a ping is answered also by one that takes no writes. */
  async #look(): Promise<void> {
    if (this.#closed) return
    try {
      await this.#takeThere([{ key: 'probe', capacity: 1_000, perSecond: 1_000 }])
    } catch (error) {
      this.#failed(error)
      return
    }
    clearInterval(this.#probe)
    this.#probe = undefined
    if (this.#trouble === undefined || this.#closed) return
    const { code, since } = this.#trouble
    this.#trouble = undefined
    this.#log.info('store.back', { code, ms: Math.round(performance.now() - since) })
    for (const topic of [...this.#untold]) await this.publish(topic)
  }
}

const connectionOptions = {
  lazyConnect: true,
  connectTimeout: 5_000,
  commandTimeout: commandMs,
  // what can't be asked at once is done without: a queue would be answered too late
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResubscribe: false,
  retryStrategy: (times: number) => Math.min(100 * 2 ** Math.min(times, 10), longestPauseMs),
  // after a failover the address leads to the new primary
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
} satisfies RedisOptions

/** By the first word of Redis's answer (redis.io/docs/latest/develop/reference/protocol-spec, "Simple errors"). */
const answers: Readonly<Record<string, ErrorCode>> = {
  OOM: 'OPS_STORE_FULL',
  MISCONF: 'OPS_STORE_FULL',
  LOADING: 'OPS_STORE_LOADING',
  BUSY: 'OPS_STORE_LOADING',
  READONLY: 'OPS_STORE_READONLY',
  MASTERDOWN: 'OPS_STORE_READONLY',
  NOAUTH: 'OPS_STORE_AUTH',
  WRONGPASS: 'OPS_STORE_AUTH',
  NOPERM: 'OPS_STORE_AUTH',
}

function troubleOf(error: unknown): ErrorCode {
  const [word = ''] = messageOf(error).split(' ', 1)
  return answers[word] ?? 'OPS_STORE_UNREACHABLE'
}
