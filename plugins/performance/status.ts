import {
  bold,
  type HealthState,
  type Html,
  html,
  type OpsContext,
  type OverviewApi,
  type OverviewInstance,
  type Waiting,
} from 'opsgram'
import type { History } from './history.ts'
import { inMs } from './slow.ts'

/** What the text under the picture tells. */
export interface Status {
  readonly version: string
  readonly startedAt: Date
  readonly now: Date
  readonly instances: readonly OverviewInstance[]
  readonly checks: readonly HealthState[]
  readonly waiting: Waiting
  readonly jobs: number
}

export async function statusOf(
  overview: OverviewApi,
  jobs: () => Promise<number>,
  now: Date,
): Promise<Status> {
  const { version, startedAt } = overview
  const [instances, checks, waiting, waitingJobs] = await Promise.all([
    overview.instances(),
    overview.checks(),
    overview.waiting(),
    jobs(),
  ])
  return { version, startedAt, now, instances, checks, waiting, jobs: waitingJobs }
}

/** Always shown; of all others those that are not well. */
const main = ['database', 'store', 'telegram', 'disk']
/** Telegram takes 1,024 characters under a picture (Bot API, sendPhoto). */
const mostIll = 5
const longestDetail = 60

const icons = { up: '🟢', degraded: '🟠', down: '🔴' } as const

export function statusText(
  status: Status,
  history: History,
  hours: number,
  { t, language }: Pick<OpsContext, 't' | 'language'>,
): Html {
  const { version, startedAt, now, instances, checks, waiting, jobs } = status
  const number = (value: number) => value.toLocaleString(language)
  const title = html`${bold(t('status.title', { version }))} · ${t('status.up', { for: span(now.getTime() - startedAt.getTime(), language) })}`
  const several = instances.length > 1 && html`\n${instancesLine(instances, t)}`
  const parts = main
    .map((name) => checks.find(({ check }) => check === name))
    .filter((found) => found !== undefined)
    .map(({ check, status }) => `${icons[status]} ${t(`check.${check}`)}`)
    .join('  ')
  const ill = checks
    .filter(({ status }) => status !== 'up')
    .slice(0, mostIll)
    .map(
      ({ check, status, detail = '' }) =>
        html`\n${icons[status]} ${main.includes(check) ? t(`check.${check}`) : check}: ${detail.slice(0, longestDetail) || t(`state.${status}`)}`,
    )
  const { messages, updates, dead } = waiting
  const setAside = dead + messages.failed + messages.unsure
  const queue = t('status.waiting', {
    updates: number(updates),
    messages: number(messages.waiting),
    jobs: number(jobs),
  })
  const aside = setAside > 0 && html`\n⚠️ ${t('status.aside', { count: number(setAside) })}`
  return html`${title}${several}\n${parts}${ill}\n${queue}${aside}\n${workLine(history, hours, t, language)}`
}

function instancesLine(instances: readonly OverviewInstance[], t: OpsContext['t']): string {
  const leader = instances.find(({ leads }) => leads)
  const versions = new Set(instances.map(({ version }) => version))
  const different =
    versions.size > 1 ? ` · ${t('status.versions', { versions: [...versions].join(', ') })}` : ''
  return t('status.instances', { count: instances.length, leader: leader?.host ?? '—' }) + different
}

function workLine(
  { updates, failed, p50, p95 }: History,
  hours: number,
  t: OpsContext['t'],
  language: string,
): string {
  if (updates === 0) return t('status.quiet', { hours })
  const rate = (failed / updates).toLocaleString(language, {
    style: 'percent',
    maximumFractionDigits: 1,
  })
  const done = t('status.work', { hours, updates: updates.toLocaleString(language), rate })
  if (p50 === undefined || p95 === undefined) return done
  const times = { p50: inMs(p50, language), p95: inMs(p95, language) }
  return `${done}\n${t('status.times', times)}`
}

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const

/** `3 days 4 hr`: the two largest units. */
function span(ms: number, language: string): string {
  const first = units.findIndex(([, size]) => ms >= size)
  if (first < 0) return unit(0, 'minute', language)
  const parts: string[] = []
  let left = ms
  for (const [name, size] of units.slice(first, first + 2)) {
    const count = Math.floor(left / size)
    left -= count * size
    if (count > 0) parts.push(unit(count, name, language))
  }
  return parts.join(' ')
}

function unit(count: number, name: string, language: string): string {
  return count.toLocaleString(language, { style: 'unit', unit: name, unitDisplay: 'short' })
}
