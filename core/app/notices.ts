import type { Config } from '../../config/config.ts'
import { Recipients } from '../card/recipients.ts'
import type { Clock } from '../clock.ts'
import type { Database } from '../database/connection.ts'
import type { Texts } from '../i18n/texts.ts'
import type { Logger } from '../log/logger.ts'
import { Outage } from '../notice/outage.ts'
import { Owners } from '../notice/owners.ts'
import { Starts } from '../notice/starts.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Reloader } from '../plugin/reload/reloader.ts'
import { sleep } from '../telegram/backoff.ts'
import type { Gateway } from '../telegram/gateway.ts'
import type { Instances } from './instances.ts'

export interface NoticeParts {
  readonly config: Config
  readonly database: Database
  readonly gateway: Gateway
  readonly outbox: Outbox
  readonly reloader: Reloader
  readonly instances: Instances | undefined
  /** Id of this process. */
  readonly instance: string
  readonly version: string
  readonly texts: Texts
  readonly clock: Clock
  readonly log: Logger
}

/** What owners are told of the bot as a whole. */
export interface BotNotices {
  /** Before the first update is taken. */
  begin(): Promise<void>
  /** At a stop; what it says is still sent. @param ms at most */
  end(ms: number): Promise<void>
  close(): Promise<void>
}

export function botNotices(parts: NoticeParts): BotNotices {
  const { config, database, gateway, outbox, reloader, instances, texts, clock, log } = parts
  const recipients = new Recipients({
    database,
    ownerIds: config.access.adminIds,
    defaults: { language: config.people.locale, timeZone: config.people.timezone },
  })
  // whoever plays sees it start and stop
  const enabled = config.people.notices && config.mode === 'bot'
  const owners = new Owners({ recipients, outbox, gateway, texts, enabled, log })
  const plugins = () => ({
    live: [...reloader.live.current.plugins.keys()].sort(),
    broken: reloader.records.failed().sort(),
  })
  const { instance, version } = parts
  const starts = new Starts({ database, owners, outbox, instance, version, plugins, clock, log })
  const leads = () => instances?.leadership.leads ?? true
  const outage = new Outage({ database, owners, outbox, leads, clock, log })
  return {
    async begin() {
      await starts.begin()
      // an embedded database is never away
      if (database.kind === 'postgres') outage.start()
    },
    async end(ms) {
      const limit = new AbortController()
      const late = sleep(ms, limit.signal).catch(() => undefined)
      await Promise.race([starts.end().then(() => outbox.idle()), late])
      limit.abort()
    },
    close: () => outage.stop(),
  }
}
