import type { Config } from '../../config/config.ts'
import { Recipients } from '../card/recipients.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { Database } from '../database/connection.ts'
import type { HealthChecks } from '../http/health.ts'
import type { Metrics } from '../http/metrics/metrics.ts'
import type { Texts } from '../i18n/texts.ts'
import type { Logger } from '../log/logger.ts'
import { HealthWatch } from '../notice/health-watch.ts'
import { Outage } from '../notice/outage.ts'
import { type NoticeKind, Owners } from '../notice/owners.ts'
import { Starts } from '../notice/starts.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Reloader } from '../plugin/reload/reloader.ts'
import { sleep } from '../telegram/backoff.ts'
import type { Gateway } from '../telegram/gateway.ts'
import type { DatabaseLook } from './health/database.ts'
import type { Instances } from './instances.ts'

export interface NoticeParts {
  readonly config: Config
  readonly database: Database
  readonly look: DatabaseLook
  readonly gateway: Gateway
  readonly outbox: Outbox
  readonly reloader: Reloader
  readonly instances: Instances | undefined
  readonly health: HealthChecks
  readonly version: string
  readonly texts: Texts
  readonly metrics: Pick<Metrics, 'noticed'>
  readonly clock: Clock
  readonly log: Logger
}

/** What owners are told of the bot as a whole. */
export interface BotNotices {
  /** Before the first update is taken. */
  begin(): Promise<void>
  /** Once all is there: looks how it is, from time to time. */
  watch(): void
  /** That no backup could be written, or one again. */
  aboutBackup(what: 'failed' | 'mended', reason: string): Promise<void>
  /** At a stop; what it says is still sent. @param ms at most */
  end(ms: number): Promise<void>
  close(): Promise<void>
}

export function botNotices(parts: NoticeParts): BotNotices {
  const { config, database, look, gateway, outbox, reloader, instances, health, clock, log } = parts
  const { texts, metrics } = parts
  const recipients = new Recipients({
    database,
    ownerIds: config.access.adminIds,
    defaults: { language: config.people.locale, timeZone: config.people.timezone },
  })
  // whoever plays sees it start and stop
  const enabled = config.people.notices && config.mode === 'bot'
  const counted = (kind: NoticeKind) => metrics.noticed(kind)
  const owners = new Owners({ recipients, outbox, gateway, texts, enabled, counted, log })
  const plugins = () => ({
    live: [...reloader.live.current.plugins.keys()].sort(),
    broken: reloader.records.failed().sort(),
  })
  const { version } = parts
  const { instance } = health
  const starts = new Starts({ database, owners, outbox, instance, version, plugins, clock, log })
  const leads = () => instances?.leadership.leads ?? true
  // where nobody is told of it, it goes by the machine's time: a test that moves the bot's by a day would wait for thousands of looks
  const time = enabled ? clock : systemClock
  const outage = new Outage({ database, look, owners, outbox, leads, clock: time, log })
  const about = { health, database, owners, outbox, instance, leads, clock: time, log }
  const watch = new HealthWatch(about)
  return {
    async begin() {
      await starts.begin()
      outage.start()
    },
    watch: () => watch.start(),
    async aboutBackup(what, reason) {
      await owners.meet()
      const isTold = await database.transaction((sql) =>
        owners.write(sql, 'backup', ({ t }) => t(`notice.backup.${what}`, { reason })),
      )
      if (isTold) outbox.wake()
    },
    async end(ms) {
      const limit = new AbortController()
      const late = sleep(ms, limit.signal).catch(() => undefined)
      await Promise.race([starts.end().then(() => outbox.idle()), late])
      limit.abort()
    },
    close: async () => void (await Promise.all([outage.stop(), watch.stop()])),
  }
}
