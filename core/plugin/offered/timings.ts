/** How long something took that happened again and again. */
export interface Timing {
  /** Of handlers: their plugin. Of queries: whose code asked, undefined for the core. Of updates: whose route took them. */
  readonly plugin: string | undefined
  /** A route's name, a statement without its values, an update's outcome. */
  readonly name: string
  readonly count: number
  /** How many of them threw. */
  readonly failed: number
  /** Of all together, ms. */
  readonly totalMs: number
  readonly maxMs: number
  /** How many took at most so long, by `bounds`; the last one holds what is above. */
  readonly buckets: readonly number[]
}

export interface TakenTimings {
  /** From being accepted to their end, waits included; by outcome. */
  readonly updates: readonly Timing[]
  /** Commands, actions, events, jobs and routes, with the calls that they wait for. */
  readonly handlers: readonly Timing[]
  /** Without the wait for a connection. */
  readonly queries: readonly Timing[]
}

/** How long updates, handlers and queries take, for whoever keeps that. */
export interface TimingsApi {
  /** Upper bounds of the buckets, ms: each √2 times the one before. They never change within a major version. */
  readonly bounds: readonly number[]
  /**
   * What has happened since this plugin last asked, whichever version of it did; a reload takes nothing twice and
   * loses nothing. Of each kind there are at most 500 names, the rest is `other`.
   */
  take(): TakenTimings
}

const bounds: readonly number[] = Array.from({ length: 42 }, (_, i) =>
  Number((0.1 * 2 ** (i / 2)).toPrecision(3)),
)
const mostNames = 500
const rest = 'other'

type Kind = keyof TakenTimings

interface Growing extends Timing {
  count: number
  failed: number
  totalMs: number
  maxMs: number
  readonly buckets: number[]
}

/** What happened since the last look of one plugin. */
class Ledger {
  #kinds = newKinds()
  users = 0

  add(kind: Kind, plugin: string | undefined, name: string, ms: number, ok: boolean): void {
    const timing = this.#kinds[kind].of(plugin, name)
    timing.count++
    if (!ok) timing.failed++
    timing.totalMs += ms
    if (ms > timing.maxMs) timing.maxMs = ms
    const bucket = bucketOf(ms)
    timing.buckets[bucket] = (timing.buckets[bucket] ?? 0) + 1
  }

  take(): TakenTimings {
    const { updates, handlers, queries } = this.#kinds
    this.#kinds = newKinds()
    return { updates: updates.all, handlers: handlers.all, queries: queries.all }
  }
}

function newKinds(): Record<Kind, Names> {
  return { updates: new Names(), handlers: new Names(), queries: new Names() }
}

/** Timings by plugin and name: two looks, as to join them to one key would cost more than all the counting. */
class Names {
  readonly all: Growing[] = []
  readonly #plugins = new Map<string | undefined, Map<string, Growing>>()

  of(plugin: string | undefined, name: string): Growing {
    const known = this.#plugins.get(plugin)?.get(name)
    if (known !== undefined) return known
    const isRest = plugin === undefined && name === rest
    return this.all.length < mostNames || isRest
      ? this.#add(plugin, name)
      : this.of(undefined, rest)
  }

  #add(plugin: string | undefined, name: string): Growing {
    const buckets = new Array<number>(bounds.length + 1).fill(0)
    const made = { plugin, name, count: 0, failed: 0, totalMs: 0, maxMs: 0, buckets }
    this.all.push(made)
    const names = this.#plugins.get(plugin)
    if (names === undefined) this.#plugins.set(plugin, new Map([[name, made]]))
    else names.set(name, made)
    return made
  }
}

/** The first bound that is not below; their logarithms are evenly spaced. */
function bucketOf(ms: number): number {
  if (ms <= 0.1) return 0
  // what the logarithm leaves behind the comma may be off by one at a bound
  let bucket = Math.min(Math.ceil(2 * Math.log2(ms * 10)), bounds.length)
  if (bucket > 0 && ms <= (bounds[bucket - 1] ?? 0)) bucket--
  else if (ms > (bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket++
  return bucket
}

/** Who else is told of each handler and each query. */
export interface TimingListener {
  handled(plugin: string, ok: boolean, ms: number): void
  queried(plugin: string | undefined, ok: boolean, ms: number): void
}

/** Counts for each plugin that asks; for none, nothing. */
export class Timings {
  readonly #listener: TimingListener
  readonly #ledgers = new Map<string, Ledger>()
  readonly #statements = new Statements()

  constructor(listener: TimingListener) {
    this.#listener = listener
  }

  /**
   * For a version of a plugin; all versions of it share what was counted.
   *
   * @param onDispose what runs when the version goes
   */
  for(plugin: string, onDispose: (dispose: () => void) => void): TimingsApi {
    const ledger = this.#ledgers.get(plugin) ?? new Ledger()
    this.#ledgers.set(plugin, ledger)
    ledger.users++
    onDispose(() => {
      ledger.users--
      if (ledger.users === 0 && this.#ledgers.get(plugin) === ledger) this.#ledgers.delete(plugin)
    })
    return { bounds, take: () => ledger.take() }
  }

  updated(plugin: string | undefined, outcome: string, ms: number): void {
    this.#add('updates', plugin, outcome, ms, outcome !== 'failed')
  }

  handled(plugin: string, name: string, ms: number, ok: boolean): void {
    this.#listener.handled(plugin, ok, ms)
    this.#add('handlers', plugin, name, ms, ok)
  }

  queried(plugin: string | undefined, sql: string, ms: number, ok: boolean): void {
    this.#listener.queried(plugin, ok, ms)
    if (this.#ledgers.size === 0) return
    this.#add('queries', plugin, this.#statements.nameOf(sql), ms, ok)
  }

  /** Runs a handler and notes how long it took. */
  async time<T>(plugin: string, name: string, work: () => T | Promise<T>): Promise<T> {
    const began = performance.now()
    let ok = false
    try {
      const result = await work()
      ok = true
      return result
    } finally {
      this.handled(plugin, name, performance.now() - began, ok)
    }
  }

  #add(kind: Kind, plugin: string | undefined, name: string, ms: number, ok: boolean): void {
    for (const ledger of this.#ledgers.values()) ledger.add(kind, plugin, name, ms, ok)
  }
}

const mostStatements = 2_000
const longestStatement = 300
const longestRemembered = 2_000

/** Names statements by what is the same in all that differ in their values. */
class Statements {
  readonly #names = new Map<string, string>()

  nameOf(sql: string): string {
    // of a bulk statement, tens of kilobytes long, only the beginning counts: to remember it would fill the memory too
    if (sql.length > longestRemembered) return statementName(sql)
    const known = this.#names.get(sql)
    if (known !== undefined) return known
    // whatever makes up statements without end must not fill the memory
    if (this.#names.size >= mostStatements) this.#names.clear()
    const name = statementName(sql)
    this.#names.set(sql, name)
    return name
  }
}

/** A statement without its values: those in its text, and how many there are in a list. */
export function statementName(sql: string): string {
  return sql
    .slice(0, 4 * longestStatement)
    .replaceAll(/'(?:[^']|'')*'?/g, '?')
    .replaceAll(/\$\d+(?:::\w+(?:\[\])?)?/g, '?')
    .replaceAll(/\b\d+(?:\.\d+)?\b/g, '?')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/\(\s*\?(?:\s*,\s*\?)+\s*\)/g, '(…)')
    .replaceAll(/\(…\)(?:\s*,\s*\(…\))+/g, '(…), …')
    .trim()
    .slice(0, longestStatement)
}
