import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** What is read at the moment of a look; a number for each value of the label. */
export type Reading = () =>
  | Readonly<Record<string, number>>
  | Promise<Readonly<Record<string, number>>>

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** Of those with the most series: the page is read often, and each plugin has some of each. */
const coarseSeconds = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60]

/** Each label's values are few by nature; if something makes up names all the same, the rest are one. */
const mostValues = 200
const rest = 'other'

/** Memory, processor, event loop: of the process, whoever runs in it. Made once, as it can't be taken back. */
let ofProcess: Registry | undefined

/**
 * What a bot counts, as Prometheus reads it. Labels hold names of plugins, methods and outcomes alone, never of
 * people or chats.
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #values = { plugin: new Set<string>(), method: new Set<string>() }
  readonly #updates = new Histogram({
    name: 'opsgram_update_seconds',
    help: 'From taking an update over to its end, by the plugin that handled it (none: nobody did) and outcome',
    labelNames: ['plugin', 'outcome'] as const,
    buckets: seconds,
    registers: [this.#registry],
  })
  readonly #calls = new Histogram({
    name: 'opsgram_telegram_call_seconds',
    help: 'Calls to Telegram with all their waits and repeats, by method and result (ok, failed)',
    labelNames: ['method', 'result'] as const,
    buckets: seconds,
    registers: [this.#registry],
  })
  readonly #reloads = new Histogram({
    name: 'opsgram_reload_seconds',
    help: 'Transactions that loaded, reloaded or removed a plugin, or were aborted, by plugin and action',
    labelNames: ['plugin', 'action'] as const,
    buckets: seconds,
    registers: [this.#registry],
  })

  readonly #handlers = new Histogram({
    name: 'opsgram_handler_seconds',
    help: 'Commands, actions, events, jobs and routes of plugins, with the calls that they wait for',
    labelNames: ['plugin', 'result'] as const,
    buckets: coarseSeconds,
    registers: [this.#registry],
  })
  readonly #queries = new Histogram({
    name: 'opsgram_query_seconds',
    help: 'Statements, without the wait for a connection, by the plugin whose code asked (none: the core)',
    labelNames: ['plugin', 'result'] as const,
    buckets: coarseSeconds,
    registers: [this.#registry],
  })
  readonly #notices = new Counter({
    name: 'opsgram_notices_total',
    help: 'Messages to owners that they did not ask for, by kind',
    labelNames: ['kind'] as const,
    registers: [this.#registry],
  })

  constructor() {
    if (ofProcess !== undefined) return
    ofProcess = new Registry()
    collectDefaultMetrics({ register: ofProcess })
  }

  /** An update came to its end. */
  updated(plugin: string | undefined, outcome: string, ms: number): void {
    this.#updates.observe({ plugin: this.#known('plugin', plugin ?? 'none'), outcome }, ms / 1_000)
  }

  /** A call to Telegram came to its end. */
  called(method: string, ok: boolean, ms: number): void {
    const result = ok ? 'ok' : 'failed'
    this.#calls.observe({ method: this.#known('method', method), result }, ms / 1_000)
  }

  reloaded(plugin: string, action: string, ms: number): void {
    this.#reloads.observe({ plugin: this.#known('plugin', plugin), action }, ms / 1_000)
  }

  /** A handler of a plugin ended. */
  handled(plugin: string, ok: boolean, ms: number): void {
    const result = ok ? 'ok' : 'failed'
    this.#handlers.observe({ plugin: this.#known('plugin', plugin), result }, ms / 1_000)
  }

  /** A statement ended. */
  queried(plugin: string | undefined, ok: boolean, ms: number): void {
    const result = ok ? 'ok' : 'failed'
    this.#queries.observe({ plugin: this.#known('plugin', plugin ?? 'none'), result }, ms / 1_000)
  }

  /** An owner was written to unasked. */
  noticed(kind: string): void {
    this.#notices.inc({ kind })
  }

  /** Adds durations by these labels, of whose values only so many are told apart. @returns what takes one */
  durations<L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
  ): (values: Readonly<Record<L, string>>, ms: number) => void {
    const histogram = new Histogram({
      name,
      help,
      labelNames: labels,
      buckets: seconds,
      registers: [this.#registry],
    })
    const bound = boundOf(labels)
    return (values, ms) => histogram.observe(bound(values), ms / 1_000)
  }

  /** Adds a count by these labels, of whose values only so many are told apart. @returns what counts one more */
  counts<L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
  ): (values: Readonly<Record<L, string>>) => void {
    const counter = new Counter({ name, help, labelNames: labels, registers: [this.#registry] })
    const bound = boundOf(labels)
    return (values) => counter.inc(bound(values))
  }

  /** Adds something that is read when somebody looks. One that can't be read is left out of that look. */
  gauge(name: string, help: string, label: string, read: Reading): void {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.#registry],
      async collect() {
        this.reset()
        try {
          for (const [value, number] of Object.entries(await read())) {
            this.set({ [label]: value }, number)
          }
        } catch {
          // what is away is told by opsgram_check
        }
      },
    })
  }

  /** Adds numbers that only grow and that somebody else counts, one for each value of the label. */
  counters(name: string, help: string, label: string, read: () => Record<string, number>): void {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        this.reset()
        for (const [value, number] of Object.entries(read())) this.inc({ [label]: value }, number)
      },
    })
  }

  /** Adds a number that only grows and that somebody else counts. */
  counter(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE

  /** All of it, in Prometheus' text format. */
  async text(): Promise<string> {
    const texts = [await this.#registry.metrics(), await ofProcess?.metrics()]
    return texts.join('\n')
  }

  #known(label: 'plugin' | 'method', value: string): string {
    const values = this.#values[label]
    if (values.has(value)) return value
    if (values.size >= mostValues) return rest
    values.add(value)
    return value
  }
}

/** Values of labels as they are written: what comes after so many of one is the rest. */
function boundOf<L extends string>(
  labels: readonly L[],
): (values: Readonly<Record<L, string>>) => Record<L, string> {
  const known = new Map(labels.map((label) => [label, new Set<string>()] as const))
  return (values) => {
    const written: Record<L, string> = { ...values }
    for (const [label, seen] of known) {
      const value = values[label]
      if (seen.has(value)) continue
      if (seen.size < mostValues) seen.add(value)
      else written[label] = rest
    }
    return written
  }
}
