import { ulid } from 'ulid'
import type { Queries } from '../../database/connection.ts'
import type { Logger } from '../../log/logger.ts'
import type { Quarantine } from '../generation/generation.ts'
import type { ReloadReport } from './announce.ts'
import { personBehind } from './cause.ts'
import { describeFailure } from './records.ts'
import type { Reloader } from './reloader.ts'

/**
 * Keeps every load, reload, abort and removal in `audit_log`. The rows are written behind the commit,
 * which waits for nothing; one that can't be written is a line in the log.
 */
export function auditReloads(
  reloader: Reloader,
  parts: { database: Queries; log: Logger },
): { written(): Promise<void> } {
  const { database, log } = parts
  const writing = new Set<Promise<void>>()
  const track = (written: Promise<void>) => {
    const work = written
      .catch((error: unknown) => log.warn('plugin.reload.not-audited', { error }))
      .finally(() => writing.delete(work))
    writing.add(work)
  }
  const keep = (reports: readonly ReloadReport[]) => track(write(database, log, reports))
  reloader.events.on('committed', (_generation, reports) => keep(reports))
  reloader.events.on('aborted', (report) => keep([report]))
  reloader.events.on('quarantined', (plugin, reason) =>
    track(writeQuarantine(database, plugin, reason)),
  )
  return {
    async written() {
      await Promise.all(writing)
    },
  }
}

async function writeQuarantine(
  database: Queries,
  plugin: string,
  { code, errorId, errorIds }: Quarantine,
): Promise<void> {
  await database.query(
    `insert into audit_log (id, plugin, action, target, outcome, reason, after, error_id, created_at)
     values ($1, $2, 'plugin.quarantine', $3, 'done', $4, $5, $6, now())`,
    [ulid(), plugin, `plugin:${plugin}`, code, JSON.stringify({ errorIds }), errorId],
  )
}

async function write(
  database: Queries,
  log: Logger,
  reports: readonly ReloadReport[],
): Promise<void> {
  for (const { plugin, action, before, after, ms, steps, cause, error } of reports) {
    const by = personBehind(cause)
    const failure =
      error === undefined ? undefined : describeFailure(error, (text) => log.redact(text))
    await database.query(
      `insert into audit_log (id, actor_id, actor_name, plugin, action, target, outcome, reason, before, after, created_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now())`,
      [
        ulid(),
        by?.telegramId ?? null,
        by?.name ?? null,
        plugin,
        `plugin.${action}`,
        `plugin:${plugin}`,
        failure === undefined ? 'done' : 'failed',
        failure === undefined ? null : `${failure.code}: ${failure.message}`.slice(0, 1_000),
        before === undefined ? null : JSON.stringify({ hash: before }),
        JSON.stringify({ hash: after, ms, steps, cause: cause.why }),
      ],
    )
  }
}
