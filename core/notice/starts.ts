import { hostname } from 'node:os'
import type { Reader } from '../card/card.ts'
import type { Clock } from '../clock.ts'
import type { Database, Queries } from '../database/connection.ts'
import { leaseMs } from '../database/instances/living.ts'
import type { Logger } from '../log/logger.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { type Owners, timeFor } from './owners.ts'

export interface StartsParts {
  readonly database: Database
  readonly owners: Pick<Owners, 'meet' | 'write'>
  readonly outbox: Pick<Outbox, 'wake'>
  /** Id of this instance. */
  readonly instance: string
  readonly version: string
  /** Plugins that are live, and those that should be and are not. */
  readonly plugins: () => { readonly live: readonly string[]; readonly broken: readonly string[] }
  readonly clock: Clock
  readonly log: Logger
}

/** An instance that crashed just now looks alive until then, ms. */
const certainMs = leaseMs + 1_000
/** After a crash that owners were told of, the next ones are not told so long: a loop is one message. */
const crashQuiet = '1 hour'
const keptFor = '30 days'

interface Found {
  /** When those were started that ended without a stop, oldest first. */
  readonly crashed: readonly Date[]
  /** Whether others serve the bot too, or may. */
  readonly others: boolean
  /** Of the start before this one; undefined for the first. */
  readonly versionBefore: string | undefined
  /** Whether owners were told of a crash just now. */
  readonly isLoop: boolean
}

/**
 * Tells owners when the bot starts and stops, and when it had crashed. The bot, not each of its instances: of those
 * that are started together one tells, and the last one that stops.
 */
export class Starts {
  readonly #parts: StartsParts
  #cancelLater: (() => void) | undefined
  #later: Promise<void> = Promise.resolve()

  constructor(parts: StartsParts) {
    this.#parts = parts
  }

  /** To be called before the first update is taken: it may be the one that ends the process. */
  async begin(): Promise<void> {
    const { clock } = this.#parts
    if (await this.#tell(false)) return
    // whether those are alive that seem to be shows soon
    this.#cancelLater = clock.after(certainMs, () => {
      this.#later = this.#tell(true).then(
        () => undefined,
        (error: unknown) => this.#parts.log.warn('notice.not-written', { error }),
      )
      return this.#later
    })
  }

  /** This process ends as it should. Sent is what it says by whoever owns the outbox. */
  async end(): Promise<void> {
    const { database, owners, outbox, instance, version, log } = this.#parts
    this.#cancelLater?.()
    await this.#later
    try {
      await owners.meet()
      await this.#alone(async (sql) => {
        await sql.query('update starts set ended_at = now() where instance = $1', [instance])
        if (!(await othersServe(sql, instance))) {
          await owners.write(sql, 'stop', ({ t }) => t('notice.stopped', { version }))
        }
      })
      outbox.wake()
    } catch (error) {
      // then the next start takes it for a crash, and nobody knows better
      log.warn('notice.not-written', { error, database: database.kind })
    }
  }

  /** @returns false when it isn't certain yet who is there, and nothing was told */
  async #tell(isCertain: boolean): Promise<boolean> {
    const { owners, outbox, instance, version, log } = this.#parts
    await owners.meet()
    const isDone = await this.#alone(async (sql) => {
      const found = await this.#look(sql)
      const hasCrashed = found.crashed.length > 0
      if (hasCrashed) {
        log.warn('app.crashed-before', { started: found.crashed, loop: found.isLoop })
      }
      if (found.others && !isCertain) return false
      const isNews = !found.others || (found.versionBefore ?? version) !== version || hasCrashed
      const isTold =
        isNews &&
        !(hasCrashed && found.isLoop) &&
        (await owners.write(sql, 'start', (reader) => this.#words(found, reader)))
      await sql.query('update starts set told = $2, told_crash = $3 where instance = $1', [
        instance,
        isTold,
        isTold && hasCrashed,
      ])
      return true
    })
    outbox.wake()
    return isDone
  }

  /** Writes down this start, and what became of those before it. */
  async #look(sql: Queries): Promise<Found> {
    const { instance, version } = this.#parts
    const [before] = await sql.query<{ version: string; quiet: boolean }>(
      `select version, exists (select 1 from starts c where c.told_crash
                                  and c.started_at > now() - interval '${crashQuiet}') as quiet
         from starts where instance <> $1 order by started_at desc limit 1`,
      [instance],
    )
    await sql.query(
      `insert into starts (instance, version, host, pid) values ($1, $2, $3, $4) on conflict do nothing`,
      [instance, version, hostname(), process.pid],
    )
    const crashed = await sql.query<{ started_at: string }>(
      `update starts set ended_at = now(), crashed = true
        where ended_at is null and instance <> $1 and not ${isAlive('starts.instance')} returning started_at`,
      [instance],
    )
    await sql.query(`delete from starts where started_at < now() - interval '${keptFor}'`)
    return {
      crashed: crashed.map(({ started_at }) => new Date(started_at)).sort((a, b) => +a - +b),
      others: await othersServe(sql, instance),
      versionBefore: before?.version,
      isLoop: before?.quiet ?? false,
    }
  }

  #words({ crashed }: Found, reader: Reader): string {
    const { version, plugins } = this.#parts
    const { t } = reader
    const { live, broken } = plugins()
    const [last] = crashed.slice(-1)
    return [
      t('notice.started', { version, plugins: live.join(', ') }),
      broken.length > 0 && t('notice.broken', { plugins: broken.join(', ') }),
      last !== undefined && t('notice.crashed', { when: timeFor(last, reader) }),
    ]
      .filter(Boolean)
      .join('\n')
  }

  /** Instances that start or stop at the same time decide one after the other. */
  #alone<T>(work: (sql: Queries) => Promise<T>): Promise<T> {
    return this.#parts.database.transaction(async (sql) => {
      await sql.query('lock table starts in share row exclusive mode')
      return work(sql)
    })
  }
}

/** Heard of in the time of a lease: the row of one that was killed may still be there. */
function isAlive(instance: string): string {
  return `exists (select 1 from instances i
    where i.id = ${instance} and i.heartbeat_at > now() - interval '${leaseMs} ms')`
}

/** Whether others are there that have not ended, be it that they are about to. */
async function othersServe(sql: Queries, instance: string): Promise<boolean> {
  const rows = await sql.query(
    `select 1 from starts where ended_at is null and instance <> $1 and ${isAlive('starts.instance')} limit 1`,
    [instance],
  )
  return rows.length > 0
}
