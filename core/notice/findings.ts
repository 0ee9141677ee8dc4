import { hostname } from 'node:os'
import type { HealthStatus } from '../http/health.ts'

/** What one instance found, by check. */
export type Seen = Readonly<
  Record<string, { readonly status: HealthStatus; readonly detail?: string | undefined }>
>

export interface InstanceView {
  /** Undefined: this machine. */
  readonly host: string | undefined
  readonly seen: Seen
}

/** How a part is, over all instances: the worst that any of them found. */
export interface Finding {
  readonly status: HealthStatus
  readonly detail: string | undefined
  /** Machines on which it is so, when it isn't so everywhere. */
  readonly hosts: readonly string[]
}

const rank: Readonly<Record<HealthStatus, number>> = { up: 0, degraded: 1, down: 2 }

/** No news to tell of: `updates` is a pause that a person decided; of `database` the outage tells, which needs none. */
const untold = ['updates', 'database']

/** What all instances together found, by check. */
export function findings(views: readonly InstanceView[]): ReadonlyMap<string, Finding> {
  const names = new Set(views.flatMap(({ seen }) => Object.keys(seen)))
  for (const name of untold) names.delete(name)
  return new Map([...names].sort().map((check) => [check, findingOf(check, views)] as const))
}

function findingOf(check: string, views: readonly InstanceView[]): Finding {
  const looked = views.filter(({ seen }) => seen[check] !== undefined)
  const statusIn = ({ seen }: InstanceView) => statusOf(check, seen[check]?.status ?? 'up')
  const worst = looked.toSorted((a, b) => rank[statusIn(b)] - rank[statusIn(a)])[0]
  const status = worst === undefined ? 'up' : statusIn(worst)
  const ill = looked.filter((view) => statusIn(view) === status)
  const isPartly = status !== 'up' && ill.length < looked.length
  return {
    status,
    detail: status === 'up' ? undefined : worst?.seen[check]?.detail,
    hosts: isPartly ? [...new Set(ill.map(({ host }) => host ?? hostname()))].sort() : [],
  }
}

/** Of a plugin that failed owners get a card of its own; of a bot that lets nobody in they don't. */
function statusOf(check: string, status: HealthStatus): HealthStatus {
  return check === 'plugins' && status === 'degraded' ? 'up' : status
}
