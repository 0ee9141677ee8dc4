import { Cleaning } from '../../database/cleaning.ts'
import type { Logger } from '../../log/logger.ts'
import type { InboxRows } from './rows.ts'

/** Telegram sends an update again for at most 24 h; twice that for deduplication. */
const keepDoneMs = 48 * 3_600_000
/** What was put aside is there for people to look at. */
const keepDeadMs = 30 * 24 * 3_600_000
const everyMs = 600_000

/** Removes the inbox's rows whose time is over, from now on. */
export function cleanInbox(rows: Pick<InboxRows, 'clean'>, log: Logger): Cleaning {
  return new Cleaning({
    what: 'inbox',
    clean() {
      const now = Date.now()
      return rows.clean({ done: new Date(now - keepDoneMs), dead: new Date(now - keepDeadMs) })
    },
    log,
    everyMs,
  })
}
