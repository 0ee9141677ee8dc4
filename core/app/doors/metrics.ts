import type { HttpCalls } from '../../http/client/client.ts'
import type { HealthChecks, HealthStatus } from '../../http/health.ts'
import type { Metrics } from '../../http/metrics/metrics.ts'
import type { JobQueue } from '../../job/queue.ts'
import type { LogControl } from '../../log/logger.ts'
import type { Waiting } from '../../plugin/offered/overview.ts'
import type { Timings } from '../../plugin/offered/timings.ts'
import type { Reloader } from '../../plugin/reload/reloader.ts'
import type { UpdateRun } from '../../plugin/run/run.ts'
import type { Gateway } from '../../telegram/gateway.ts'
import type { Inbox } from '../../update/inbox/inbox.ts'
import type { Throttle } from '../../update/throttle/throttle.ts'
import type { Turnstile } from '../../update/throttle/turnstile.ts'
import { atMostEvery } from '../health/waiting.ts'
import type { Instances } from '../instances.ts'

export interface Measured {
  readonly waiting: () => Promise<Waiting>
  readonly gateway: Gateway
  readonly health: HealthChecks
  readonly inbox: Inbox
  readonly log: LogControl
  readonly queue: Pick<JobQueue, 'exists' | 'counts'>
  readonly calls: Pick<HttpCalls, 'spared'>
  readonly instances: Instances | undefined
  readonly reloader: Reloader
  readonly throttle: Throttle
  readonly turnstile: Turnstile
}

const levels: Readonly<Record<HealthStatus, number>> = { down: 0, degraded: 1, up: 2 }

/** An update came to its end. */
export function measureUpdate(
  metrics: Metrics,
  timings: Timings,
  { route, outcome, acceptedAt }: UpdateRun,
): void {
  const ms = performance.now() - acceptedAt
  metrics.updated(route?.plugin, outcome, ms)
  timings.updated(route?.plugin, outcome, ms)
}

/** What waits, runs and died of each plugin's jobs; a row each is counted at most once in five seconds. */
function measureJobs(metrics: Metrics, queue: Measured['queue']): void {
  const counts = atMostEvery(5_000, async () => ((await queue.exists()) ? queue.counts() : []))
  const helps = {
    waiting: 'Jobs that wait',
    running: 'Jobs that run',
    dead: 'Jobs that were given up',
  }
  for (const state of ['waiting', 'running', 'dead'] as const) {
    const help = `${helps[state]}, of all instances, by plugin`
    metrics.gauge(`opsgram_jobs_${state}`, help, 'plugin', async () => {
      const byPlugin: Record<string, number> = {}
      for (const count of await counts()) {
        byPlugin[count.plugin] = (byPlugin[count.plugin] ?? 0) + count[state]
      }
      return byPlugin
    })
  }
}

/** Has the parts of the app tell what they do, and be asked at each look. */
export function measure(metrics: Metrics, parts: Measured): void {
  const { waiting, gateway, health, inbox, instances, log, reloader } = parts
  reloader.events.on('committed', (_generation, reports) => {
    for (const { plugin, action, ms } of reports) metrics.reloaded(plugin, action, ms)
  })
  reloader.events.on('aborted', ({ plugin, action, ms }) => metrics.reloaded(plugin, action, ms))

  metrics.gauge('opsgram_updates_open', 'Updates taken over and not done yet', 'of', () => ({
    this_instance: inbox.open,
  }))
  metrics.gauge('opsgram_plugins', 'Plugins by state', 'state', () =>
    countBy(reloader.list().map(({ state }) => state)),
  )
  metrics.gauge(
    'opsgram_handlers_draining',
    'Running handlers of replaced versions',
    'plugin',
    () =>
      Object.fromEntries(
        [...reloader.live.draining()].map(([{ name }, count]) => [name, count] as const),
      ),
  )
  metrics.gauge(
    'opsgram_check',
    'What /readyz says: 2 up, 1 degraded, 0 down',
    'check',
    async () => {
      const { checks } = await health.readiness()
      return Object.fromEntries(
        Object.entries(checks).map(([name, { status }]) => [name, levels[status]]),
      )
    },
  )
  metrics.gauge(
    'opsgram_versions_draining',
    'Replaced versions that still have running handlers',
    'plugin',
    () => countBy([...reloader.live.draining().keys()].map(({ name }) => name)),
  )
  metrics.gauge(
    'opsgram_lanes',
    'Chats whose updates are handled now, and those that wait for a turn',
    'state',
    () => ({ ...inbox.lanes }),
  )
  metrics.gauge(
    'opsgram_outbox_messages',
    'Messages that wait or were put aside',
    'state',
    async () => (await waiting()).messages,
  )
  metrics.gauge('opsgram_inbox_updates', 'Updates of all instances', 'state', async () => {
    const { updates, dead } = await waiting()
    return { open: updates, dead }
  })
  metrics.gauge('opsgram_dialogs_open', 'Dialogs whose question stands', 'of', async () => ({
    all_instances: (await waiting()).dialogs,
  }))
  if (instances !== undefined) {
    const { leadership, partitions } = instances
    metrics.gauge(
      'opsgram_partitions',
      'Shares of the chats that this instance handles',
      'of',
      () => ({
        this_instance: partitions.count,
      }),
    )
    metrics.gauge('opsgram_leader', '1 for the instance that polls and cleans', 'of', () => ({
      this_instance: leadership.leads ? 1 : 0,
    }))
  }

  const { throttle, turnstile } = parts
  for (const limit of ['person', 'chat', 'command'] as const) {
    metrics.counter(
      `opsgram_limited_${limit}_total`,
      `Updates refused as the limit of a ${limit} was reached`,
      () => throttle.refused[limit],
    )
  }
  metrics.counter(
    'opsgram_limited_bot_total',
    'Updates that waited as the limit of the bot was reached',
    () => turnstile.waited,
  )

  measureJobs(metrics, parts.queue)
  metrics.gauge(
    'opsgram_api_spared',
    '1 for a service that is not called now, as it failed again and again',
    'service',
    () => Object.fromEntries(parts.calls.spared.slice(0, 200).map((service) => [service, 1])),
  )
  metrics.counters(
    'opsgram_log_lines_lost_total',
    'Lines that are missing in a log file, or on standard output',
    'of',
    () => ({ files: log.lost.files, output: log.lost.output }),
  )
  const { counts } = gateway
  const counted = {
    repeated: 'Attempts to call Telegram after a 5xx or a broken connection',
    limited: 'Answers 429 of Telegram',
    superseded: 'Edits that a newer one of the same message made needless',
    markupRefused: 'Messages sent again as plain text, as Telegram could not read their markup',
  } as const
  for (const name of ['repeated', 'limited', 'superseded', 'markupRefused'] as const) {
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    metrics.counter(`opsgram_telegram_${snake}_total`, counted[name], () => counts[name])
  }
}

function countBy(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}
