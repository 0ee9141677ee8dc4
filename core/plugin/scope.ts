import type { EventEmitter } from 'node:events'
import type { z } from 'zod'
import { type Clock, systemClock } from '../clock.ts'
import type { EntityManager } from '../database/orm.ts'
import { OpsError } from '../errors.ts'
import type { HttpClient } from '../http/client/call.ts'
import type { HttpCalls } from '../http/client/client.ts'
import type { Translate } from '../i18n/texts.ts'
import type { Logger } from '../log/logger.ts'
import type { Cache } from './cache.ts'
import { asPlugin } from './code/owner.ts'
import type { EnqueueOptions } from './manifest/job.ts'

type Dispose = () => unknown

/**
 * What a live plugin owns: all that is opened through it is disposed with it, in reverse order.
 * Timers and listeners made during `setup` start at the commit, so that nothing runs in the dark.
 */
export interface Scope<Config = unknown, Use = unknown> {
  /** Name of the plugin. */
  readonly plugin: string
  readonly config: Config
  /** The services named in `uses`. */
  readonly use: Use
  readonly log: Logger
  /** Aborted when the plugin is disposed. */
  readonly signal: AbortSignal
  /** Calls to other services, as `ctx.http`; they end with the plugin. */
  readonly http: HttpClient
  /** Values that are dear to get, kept for a while. */
  readonly cache: Cache
  /** A unit of work of its own, for timers and services; nothing flushes it but its caller. */
  em(): EntityManager
  /** What time it is; in tests `bot.clock` says. */
  now(): Date
  /** This plugin's texts in a language; without one, in the default. */
  texts(language?: string): Translate
  /**
   * Has a job of this plugin run in the background, for nobody in particular. Resolves with its id when it is
   * durable; in a handler `ctx.enqueue` is what belongs to its transaction.
   *
   * @throws OPS_JOB_UNKNOWN, OPS_JOB_DATA
   */
  enqueue(job: string, data?: object, options?: EnqueueOptions): Promise<string>
  /** Runs at disposal, last registered first; awaited, for at most 5 s. */
  onDispose(dispose: Dispose): void
  /**
   * Calls again and again, never two at once; a throw is logged and the next call comes all the same. What runs
   * at disposal is waited for: honour the signal.
   *
   * @param ms time between the end of one call and the next, at most 24.8 days
   * @throws OPS_SCOPE_TIMER
   */
  interval(ms: number, run: (signal: AbortSignal) => unknown): void
  /** Calls once, after at most 24.8 days. @throws OPS_SCOPE_TIMER */
  timeout(ms: number, run: (signal: AbortSignal) => unknown): void
  /**
   * State that lives on over reloads, in memory only: for caches; what must not be lost belongs in the
   * database. Gives a clone of what the version before held, if it fits the schema or `migrate` makes it
   * fit, else `initial()`. Once a scope; what it can't take over is dropped with a log line.
   *
   * @param version of the state's shape; raise it with the shape
   */
  carry<T>(
    schema: z.ZodType<T>,
    version: number,
    initial: () => T,
    migrate?: (value: unknown, from: number) => unknown,
  ): T
  /** Listens to an emitter until disposal. */
  listen<Events extends Record<keyof Events, unknown[]>, Name extends keyof Events & string>(
    emitter: EventEmitter<Events>,
    event: Name,
    listener: (...args: Events[Name]) => void,
  ): void
}

export interface ScopeParts<Config, Use> {
  plugin: string
  config: Config
  use: Use
  log: Logger
  em: () => EntityManager
  texts: (language?: string) => Translate
  enqueue: Scope['enqueue']
  calls: Pick<HttpCalls, 'for'>
  cache: Cache
  /** Default: the machine's. */
  clock?: Clock
  /** What the version before held, if it held anything. */
  carried?: CarriedState | undefined
}

/** What a version of a plugin holds for the next one. */
export interface CarriedState {
  readonly version: number
  readonly value: unknown
}

interface Owned {
  /** What it is and where it was made, for the log when it hangs. */
  label: string
  dispose: Dispose
}

/** A disposer may take so long; then it is named in the log and left behind. */
const disposeLimitMs = 5_000

/** Node's timers count no further: above it they fire at once (nodejs.org/api/timers.html, setTimeout). */
const longestTimerMs = 2 ** 31 - 1

export class PluginScope<Config, Use> implements Scope<Config, Use> {
  readonly plugin: string
  readonly config: Config
  readonly use: Use
  readonly log: Logger
  readonly em: () => EntityManager = () => this.#em()
  readonly texts: (language?: string) => Translate
  readonly enqueue: Scope['enqueue']
  readonly http: HttpClient
  readonly cache: Cache
  /** What its timers run on. */
  readonly clock: Clock
  readonly #abort = new AbortController()
  readonly #owned = new Set<Owned>()
  #starters: (() => void)[] | undefined = []
  #disposed = false
  #before: CarriedState | undefined
  #carried: CarriedState | undefined
  #em: () => EntityManager

  constructor(parts: ScopeParts<Config, Use>) {
    this.plugin = parts.plugin
    this.config = parts.config
    this.use = parts.use
    this.log = parts.log
    this.#em = parts.em
    this.texts = parts.texts
    this.enqueue = parts.enqueue
    this.cache = parts.cache
    this.http = parts.calls.for({ plugin: parts.plugin, signal: this.#abort.signal })
    this.clock = parts.clock ?? systemClock
    this.#before = parts.carried
  }

  /** From here on its units of work are these: those of before would keep every plugin's classes of that time. */
  workWith(em: () => EntityManager): void {
    this.#em = em
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  now(): Date {
    return new Date(this.clock.now())
  }

  onDispose(dispose: Dispose): void {
    this.#own('onDispose', dispose)
  }

  /** Runs at the commit; afterwards at once. For services of the core that must not begin in the dark. */
  atStart(begin: () => void): void {
    this.#start(begin)
  }

  interval(ms: number, run: (signal: AbortSignal) => unknown): void {
    this.#checkTime('interval', ms, 1)
    let cancel: (() => void) | undefined
    let running: Promise<void> | undefined
    const next = () => {
      if (this.#disposed) return
      cancel = this.clock.after(ms, () => {
        running = this.#call('interval', run)
        return running.then(next)
      })
    }
    this.#own(`interval of ${ms} ms`, () => {
      cancel?.()
      return running
    })
    this.#start(next)
  }

  timeout(ms: number, run: (signal: AbortSignal) => unknown): void {
    this.#checkTime('timeout', ms, 0)
    let cancel: (() => void) | undefined
    let running: Promise<void> | undefined
    const forget = this.#own(`timeout of ${ms} ms`, () => {
      cancel?.()
      return running
    })
    this.#start(() => {
      cancel = this.clock.after(ms, () => {
        running = this.#call('timeout', run)
        return running.then(forget)
      })
    })
  }

  listen<Events extends Record<keyof Events, unknown[]>, Name extends keyof Events & string>(
    emitter: EventEmitter<Events>,
    event: Name,
    listener: (...args: Events[Name]) => void,
  ): void {
    // an emitter calls its listeners in the middle of somebody else's work: a throw must not end that
    const guarded = (...args: unknown[]) => {
      try {
        asPlugin(this.plugin, () => listener(...(args as Events[Name])))
      } catch (error) {
        this.log.error('plugin.listener.failed', { plugin: this.plugin, on: event, error })
      }
    }
    // the caller's types hold for name and listener; the emitter itself only needs to be one
    const target = emitter as unknown as EventEmitter
    this.#own(`listener of ${event}`, () => target.off(event, guarded))
    this.#start(() => target.on(event, guarded))
  }

  carry<T>(
    schema: z.ZodType<T>,
    version: number,
    initial: () => T,
    migrate?: (value: unknown, from: number) => unknown,
  ): T {
    if (this.#carried !== undefined) {
      throw new OpsError('OPS_SCOPE_CARRY', `Plugin ${this.plugin} called scope.carry twice`, {
        details: { plugin: this.plugin },
      })
    }
    const value = this.#takenOver(schema, version, migrate) ?? initial()
    this.#carried = { version, value }
    return value
  }

  /** What is held for the next version; read when that one is set up. */
  get carried(): CarriedState | undefined {
    return this.#carried
  }

  #takenOver<T>(
    schema: z.ZodType<T>,
    version: number,
    migrate: ((value: unknown, from: number) => unknown) | undefined,
  ): T | undefined {
    const before = this.#before
    if (before === undefined) return undefined
    // the old version's state goes with it
    this.#before = undefined
    try {
      // a clone: the version before goes on using its own until it is drained
      const clone: unknown = structuredClone(before.value)
      if (before.version === version) return schema.parse(clone)
      if (migrate !== undefined) return schema.parse(migrate(clone, before.version))
      throw new Error(`it is of version ${before.version}, and there is no migrate`)
    } catch (error) {
      this.log.warn('plugin.carry.dropped', { plugin: this.plugin, version, error })
      return undefined
    }
  }

  /** The commit: timers and listeners made in the dark begin now. */
  start(): void {
    const starters = this.#starters ?? []
    this.#starters = undefined
    for (const start of starters) {
      try {
        start()
      } catch (error) {
        // the commit has happened: one that can't begin must not take the others with it
        this.log.error('plugin.start.failed', { plugin: this.plugin, error })
      }
    }
  }

  /** Disposes all that is owned, in reverse order. Never throws: leftovers are named in the log. */
  async dispose(): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    this.#starters = undefined
    this.#abort.abort()
    for (const { label, dispose } of [...this.#owned].reverse()) {
      try {
        await withLimit(() => asPlugin(this.plugin, dispose))
      } catch (error) {
        this.log.error('plugin.dispose.failed', { plugin: this.plugin, what: label, error })
      }
    }
    this.#owned.clear()
  }

  /** @returns what takes it off the list when it ended by itself */
  #own(what: string, dispose: Dispose): () => void {
    if (this.#disposed) {
      throw new OpsError(
        'OPS_SCOPE_DISPOSED',
        `Plugin ${this.plugin} registered ${what} after it was disposed`,
        { details: { plugin: this.plugin } },
      )
    }
    const owned = { label: `${what}${madeAt()}`, dispose }
    this.#owned.add(owned)
    return () => this.#owned.delete(owned)
  }

  #checkTime(what: string, ms: number, atLeast: number): void {
    if (ms >= atLeast && ms <= longestTimerMs) return
    throw new OpsError('OPS_SCOPE_TIMER', `Plugin ${this.plugin} asked for a ${what} of ${ms} ms`, {
      details: { plugin: this.plugin },
    })
  }

  #start(start: () => void): void {
    if (this.#starters === undefined) start()
    else this.#starters.push(start)
  }

  async #call(what: string, run: (signal: AbortSignal) => unknown): Promise<void> {
    try {
      await asPlugin(this.plugin, () => run(this.signal))
    } catch (error) {
      if (!this.#disposed) this.log.error(`plugin.${what}.failed`, { plugin: this.plugin, error })
    }
  }
}

/** Who called into this file: ` (made at plugins/x/index.ts:4:9)`. */
function madeAt(): string {
  const frames = new Error().stack?.split('\n').slice(1) ?? []
  const frame = frames.find((line) => !/\/core\/plugin\/scope\.[jt]s/.test(line))
  const place = frame === undefined ? undefined : /\(?([^\s(]+:\d+:\d+)\)?$/.exec(frame)?.[1]
  return place === undefined ? '' : ` (made at ${place})`
}

async function withLimit(dispose: Dispose): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`still running after ${disposeLimitMs} ms`)),
      disposeLimitMs,
    )
  })
  try {
    await Promise.race([dispose(), limit])
  } finally {
    clearTimeout(timer)
  }
}
