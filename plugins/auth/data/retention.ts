import { setTimeout as pause } from 'node:timers/promises'
import { AuditEntry, type EntityManager, type Logger, type PersonalDataApi } from 'opsgram'

const dayMs = 24 * 3_600_000
const batchRows = 2_000
const peopleAtOnce = 100
/** How long a grant whose time is over can still be seen, and explains a refusal. */
const endedGrantDays = 30

export interface RetentionParts {
  readonly em: () => EntityManager
  readonly personal: PersonalDataApi
  /** Days after which what was done is forgotten; undefined: never. */
  readonly auditDays: number | undefined
  /** Days after which strangers are forgotten who never came in. */
  readonly strangerDays: number
  readonly now: () => Date
  readonly log: Logger
}

/** Old rows of the audit log, in a transaction that says that this is retention; with a time as its value. */
export const auditCleaning = `delete from audit_log where ctid = any(array(
  select ctid from audit_log where created_at < ? limit ${batchRows})) returning 1`

/** People who wrote long ago and whom nobody let in, with a time as the values. */
export const strangersLeft = `select id, telegram_id from bot_users
  where status = 'pending' and created_at < ? and coalesce(last_seen_at, created_at) < ? and role = 'guest'
    and metadata->'added' is null and metadata->'request'->>'state' is distinct from 'open' and telegram_id > 0
  order by created_at limit ${peopleAtOnce}`

const stillOut = `select 1 from bot_users where id = ? and status = 'pending' and telegram_id > 0 for update`

/** Forgets what is old, in small steps; to be called once a day. */
export async function keepNoLonger(parts: RetentionParts, signal: AbortSignal): Promise<void> {
  const { em, auditDays, strangerDays, personal, now, log } = parts
  const before = (days: number) => new Date(now().getTime() - days * dayMs)
  for (let rows = batchRows; auditDays !== undefined && rows === batchRows && !signal.aborted; ) {
    rows = await em().transactional(async (inner) => {
      await inner.execute(`set local opsgram.audit_retention = 'on'`)
      return (await inner.execute<unknown[]>(auditCleaning, [before(auditDays)])).length
    })
    await pause(20, undefined, { signal }).catch(() => undefined)
  }
  // that it was given, and until when, stays in the audit log
  await em().execute('delete from access_grants where expires_at < ?', [before(endedGrantDays)])
  const time = before(strangerDays)
  for (let people = peopleAtOnce; people === peopleAtOnce && !signal.aborted; ) {
    const found = await em().execute<{ id: string; telegram_id: number | string }[]>(
      strangersLeft,
      [time, time],
    )
    people = found.length
    for (const { id, telegram_id } of found) {
      const telegramId = Number(telegram_id)
      await em().transactional(async (inner) => {
        // somebody may have let them in since, or another instance has forgotten them
        if ((await inner.execute<unknown[]>(stillOut, [id])).length === 0) return
        await personal.erase({ id, telegramId }, inner)
        inner.create(AuditEntry, {
          plugin: 'auth',
          action: 'data.retention',
          target: `user:${telegramId}`,
          outcome: 'done',
        })
      })
      await pause(20, undefined, { signal }).catch(() => undefined)
    }
    if (people > 0) log.info('auth.strangers-forgotten', { people })
  }
}
