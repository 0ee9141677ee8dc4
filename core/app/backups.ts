import type { Config } from '../../config/config.ts'
import { type Backup, backUp } from '../backup/backup.ts'
import { newestBackup } from '../backup/manifest.ts'
import type { Clock } from '../clock.ts'
import type { StillFiles } from '../database/still-files.ts'
import { codeOf, messageOf, OpsError } from '../errors.ts'
import { Recurrence } from '../job/cron.ts'
import type { Logger } from '../log/logger.ts'

export interface ScheduledBackupsOptions {
  readonly cron: string
  readonly timeZone: string
  /** Writes one, and removes what is too much. */
  readonly take: () => Promise<Pick<Backup, 'file' | 'bytes' | 'removed'>>
  /** When the newest one in the folder was written. */
  readonly newest: () => Promise<Date | undefined>
  /** Whether this instance is the one that does it. */
  readonly leads: () => boolean
  /** Tells owners that none could be written, or that one was again. */
  readonly tell: (what: 'failed' | 'mended', reason: string) => Promise<void>
  readonly clock: Clock
  readonly log: Logger
}

/** A clock that was set, a machine that slept, another leader: all is noticed by then, ms. */
const longestSleepMs = 60_000
/** After one that failed. */
const againMs = 3_600_000
/** So long who comes to lead makes up for what who led before has not written. */
const makeUpMs = 3_600_000
/** Who waits for that looks so often. */
const lookMs = 10_000

/**
 * Writes backups at the times of a cron expression, if this instance leads by then. What was missed while nobody ran is made up for
 * once, where there is an older one to tell by.
 */
export class ScheduledBackups {
  readonly #options: ScheduledBackupsOptions
  readonly #recurrence: Recurrence
  #due: Date
  #hasFailed = false
  #cancel: (() => void) | undefined
  #running: Promise<void> = Promise.resolve()
  #stopped = false

  /** @throws OPS_BACKUP_CRON */
  constructor(options: ScheduledBackupsOptions) {
    this.#options = options
    const { cron, timeZone, clock } = options
    try {
      this.#recurrence = new Recurrence(cron, timeZone)
    } catch (error) {
      throw new OpsError(
        'OPS_BACKUP_CRON',
        `BACKUP_CRON=${cron} is no cron expression: ${messageOf(error)}`,
        { cause: error, details: { variable: 'BACKUP_CRON' } },
      )
    }
    this.#due = this.#recurrence.next(new Date(clock.now()))
  }

  async start(): Promise<void> {
    const { newest, clock, log } = this.#options
    const last = await newest().catch((error: unknown) => {
      log.warn('backup.folder-not-read', { error })
      return undefined
    })
    const missed = this.#recurrence.last(new Date(clock.now()))
    if (last !== undefined && last < missed) this.#due = missed
    this.#sleep()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#running
  }

  #sleep(leastMs = 0): void {
    if (this.#stopped) return
    const { clock } = this.#options
    const ms = Math.max(leastMs, this.#due.getTime() - clock.now())
    this.#cancel = clock.after(Math.min(ms, longestSleepMs), () => {
      this.#running = this.#look().finally(() => this.#sleep(lookMs))
      return this.#running
    })
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { clock, leads, take, log } = this.#options
    const now = new Date(clock.now())
    if (now < this.#due) {
      // the clock was set back: what lies far ahead was meant for another day
      const next = this.#recurrence.next(now)
      if (next < this.#due) this.#due = next
      return
    }
    const due = this.#due
    const lateMs = now.getTime() - due.getTime()
    if (!leads()) {
      // who leads may end before it is written: another one does it then
      if (lateMs > makeUpMs) this.#due = this.#recurrence.next(now)
      return
    }
    this.#due = this.#recurrence.next(now)
    if (lateMs > lookMs && (await this.#isWritten(due))) return
    const began = clock.elapsed()
    try {
      const { file, bytes, removed } = await take()
      const ms = Math.round(clock.elapsed() - began)
      log.info('backup.done', { file, bytes, removed: removed.length, ms })
      if (this.#hasFailed) await this.#tell('mended', '')
      this.#hasFailed = false
    } catch (error) {
      log.error('backup.failed', { error })
      const again = new Date(clock.now() + againMs)
      if (again < this.#due) this.#due = again
      // once, however often it is tried
      if (!this.#hasFailed) await this.#tell('failed', `${codeOf(error) ?? ''} ${messageOf(error)}`)
      this.#hasFailed = true
    }
  }

  async #isWritten(due: Date): Promise<boolean> {
    const last = await this.#options.newest().catch(() => undefined)
    return last !== undefined && last >= due
  }

  async #tell(what: 'failed' | 'mended', reason: string): Promise<void> {
    const { tell, log } = this.#options
    await tell(what, log.redact(reason).trim().slice(0, 300)).catch((error: unknown) =>
      log.warn('notice.not-sent', { error }),
    )
  }
}

/** Backups as the configuration wants them; undefined: none. @throws OPS_BACKUP_CRON */
export function scheduledBackups(
  { backups, database, people }: Config,
  parts: Pick<ScheduledBackupsOptions, 'leads' | 'tell' | 'clock' | 'log'> & {
    version: string
    still: StillFiles | undefined
  },
): ScheduledBackups | undefined {
  if (backups === undefined) return undefined
  const { cron, dir, keep } = backups
  const { version, still, ...others } = parts
  return new ScheduledBackups({
    cron,
    timeZone: people.timezone,
    take: () => backUp({ ...database, still }, { folder: dir, keep, version }),
    newest: () => newestBackup(dir),
    ...others,
  })
}
