import type { Reader } from '../card/card.ts'
import type { Clock } from '../clock.ts'
import type { Database, Queries } from '../database/connection.ts'
import type { HealthChecks, HealthStatus } from '../http/health.ts'
import type { Logger } from '../log/logger.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { type Finding, findings, type InstanceView, type Seen } from './findings.ts'
import { type Owners, timeFor } from './owners.ts'
import { Steadiness, type Steady } from './steadiness.ts'

export interface HealthWatchParts {
  readonly health: Pick<HealthChecks, 'look'>
  readonly database: Pick<Database, 'kind' | 'query' | 'transaction'>
  readonly owners: Pick<Owners, 'meet' | 'write'>
  readonly outbox: Pick<Outbox, 'wake'>
  /** Of this process. */
  readonly instance: string
  /** Whether this instance is the one that tells. */
  readonly leads: () => boolean
  readonly clock: Clock
  readonly log: Logger
}

const lookEveryMs = 30_000
/** The core's own checks have names in each language; those of plugins are called as they are. */
const named = new Set([
  'clock',
  'database',
  'disk',
  'instances',
  'jobs',
  'plugins',
  'store',
  'telegram',
])

/** What owners were told of last. */
interface Told {
  readonly status: HealthStatus
  readonly flapping: boolean
  readonly since: Date
}

/**
 * Looks every 30 s how all parts are, and tells owners when that has changed and stays so. Each instance looks and
 * writes down what it found; the leader alone tells, of the worst that any found. What was told is a row, written in one
 * transaction with the message: neither a restart nor another leader tells it again.
 */
export class HealthWatch {
  readonly #parts: HealthWatchParts
  readonly #steadiness = new Map<string, Steadiness<HealthStatus>>()
  #cancel: (() => void) | undefined
  #running: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(parts: HealthWatchParts) {
    this.#parts = parts
  }

  start(): void {
    this.#cancel = this.#parts.clock.after(lookEveryMs, () => {
      this.#running = this.#look()
        // what is away is looked for again, and told when it is back
        .catch((error: unknown) => this.#parts.log.debug('health.not-told', { error }))
        .finally(() => {
          if (!this.#stopped) this.start()
        })
      return this.#running
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#running
  }

  async #look(): Promise<void> {
    const { health, leads, owners, clock } = this.#parts
    const states = await health.look()
    const own: Seen = Object.fromEntries(
      states.map(({ check, status, detail }) => [check, { status, detail }]),
    )
    const others = await this.#publish(own)
    if (!leads()) {
      // who leads later begins to look anew
      this.#steadiness.clear()
      return
    }
    const found = findings([{ host: undefined, seen: own }, ...others])
    const told = await this.#told()
    await owners.meet()
    for (const [check, finding] of found) {
      const steadiness = this.#steadiness.get(check) ?? new Steadiness<HealthStatus>()
      this.#steadiness.set(check, steadiness)
      const steady = steadiness.look(finding.status, clock.elapsed())
      await this.#tellIfNews(check, finding, steady, told.get(check))
    }
    await this.#forget(found, told)
  }

  /** Shows the others what was found here. @returns what they found */
  async #publish(seen: Seen): Promise<readonly InstanceView[]> {
    const { database, instance } = this.#parts
    if (database.kind === 'embedded') return []
    await database.query('update instances set health = $2 where id = $1', [
      instance,
      JSON.stringify(seen),
    ])
    const rows = await database.query<{ host: string; health: Seen }>(
      `select host, health from instances
        where id <> $1 and state = 'serving' and health is not null`,
      [instance],
    )
    return rows.map(({ host, health }) => ({ host, seen: health }))
  }

  async #told(): Promise<ReadonlyMap<string, Told>> {
    const rows = await this.#parts.database.query<{
      check_name: string
      status: HealthStatus
      flapping: boolean
      since: string
    }>('select check_name, status, flapping, since from health_notices')
    return new Map(
      rows.map(({ check_name, since, ...row }) => [check_name, { ...row, since: new Date(since) }]),
    )
  }

  async #tellIfNews(
    check: string,
    finding: Finding,
    steady: Steady<HealthStatus>,
    told: Told | undefined,
  ): Promise<void> {
    const before = { status: told?.status ?? ('up' as const), flapping: told?.flapping ?? false }
    // another leader has seen it flap: this one waits as long until it says that it doesn't
    const flapping = steady.flapping || (before.flapping && !steady.calm)
    const status = flapping ? before.status : (steady.held ?? before.status)
    if (flapping === before.flapping && status === before.status) return
    const { clock, log } = this.#parts
    const began = new Date(clock.now() - (clock.elapsed() - steady.since))
    const news: News = {
      check,
      finding,
      status,
      flapping,
      changes: steady.changes,
      began,
      before: told,
    }
    if (!(await this.#tell(news))) return
    const { detail } = finding
    const level = status === 'up' && !flapping ? 'info' : 'warn'
    log[level](eventOf(news), { check, status, detail, since: began, changes: steady.changes })
  }

  /** @returns false when another instance was faster */
  async #tell(news: News): Promise<boolean> {
    const { database, owners, outbox } = this.#parts
    const isTold = await database.transaction(async (sql) => {
      if (!(await keep(sql, news))) return false
      const words = (reader: Reader) => wordsOf(news, reader)
      // of what keeps it from being sent it is told when that is over
      if (!(news.check === 'telegram' && news.status !== 'up')) {
        await owners.write(sql, 'health', words)
      }
      return true
    })
    outbox.wake()
    return isTold
  }

  /** Nobody waits for the end of what isn't looked at any more: its plugin is gone. */
  async #forget(
    found: ReadonlyMap<string, Finding>,
    told: ReadonlyMap<string, Told>,
  ): Promise<void> {
    for (const check of this.#steadiness.keys()) {
      if (!found.has(check)) this.#steadiness.delete(check)
    }
    const gone = [...told.keys()].filter((check) => !found.has(check))
    if (gone.length === 0) return
    await this.#parts.database.query(
      'delete from health_notices where check_name = any($1::text[])',
      [gone],
    )
  }
}

interface News {
  readonly check: string
  readonly finding: Finding
  readonly status: HealthStatus
  readonly flapping: boolean
  readonly changes: number
  /** When the present state began. */
  readonly began: Date
  readonly before: Told | undefined
}

function eventOf({ flapping, before }: News): string {
  if (flapping) return 'health.flapping'
  return before?.flapping === true ? 'health.calmed' : 'health.settled'
}

/** @returns false when it was told already, by who led before */
async function keep(sql: Queries, { check, status, flapping, began }: News): Promise<boolean> {
  const rows =
    status === 'up' && !flapping
      ? await sql.query('delete from health_notices where check_name = $1 returning 1', [check])
      : await sql.query(
          `insert into health_notices as told (check_name, status, flapping, since)
           values ($1, $2, $3, $4)
           on conflict (check_name) do update
             set status = excluded.status, flapping = excluded.flapping, since = excluded.since
           where (told.status, told.flapping) is distinct from (excluded.status, excluded.flapping)
           returning 1`,
          [check, status, flapping, began.toISOString()],
        )
  return rows.length > 0
}

function wordsOf(news: News, reader: Reader): string {
  const { check, finding, status, flapping, changes, began, before } = news
  const { t } = reader
  const name = named.has(check) ? t(`notice.check.${check}`) : check
  const since = before === undefined ? '' : timeFor(before.since, reader)
  if (flapping) return t('notice.health.flapping', { check: name, changes })
  const calmed = before?.flapping === true && t('notice.health.calmed', { since })
  if (status === 'up') {
    return calmed
      ? [t('notice.health.steady', { check: name }), calmed].join(' ')
      : t('notice.health.up', { check: name, from: since, to: timeFor(began, reader) })
  }
  const { detail, hosts } = finding
  return [
    t(`notice.health.${status}`, { check: name, when: timeFor(began, reader) }),
    calmed,
    detail !== undefined && t('notice.health.detail', { detail }),
    hosts.length > 0 && t('notice.health.hosts', { hosts: hosts.join(', ') }),
  ]
    .filter(Boolean)
    .join('\n')
}
